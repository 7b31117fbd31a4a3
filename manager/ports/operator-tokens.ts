/** What an operator shows to be let in. There is one token, of the admin; accounts and roles come to this port. */
export interface OperatorTokens {
  /** Who has this token; undefined: nobody. Takes the same time whatever is wrong with it. */
  holder(token: string): OperatorName | undefined;
}

export interface OperatorName {
  readonly id: string;
}
