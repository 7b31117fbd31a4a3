/** What is done with operators' passwords and tokens. A password is slow to try, a token has 256 random bits. */
export interface OperatorSecrets {
  /** What is stored of a password: algorithm, parameters, salt and hash in one text. Rejects with the Fault `secret.busy` when too many wait. */
  hash(password: string): Promise<string>;
  /** Whether it is the password of that text. Takes as long where there is none, and where it is none of ours; rejects as `hash`. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
  /** What is stored of a token: its SHA-256 in hexadecimal. */
  digest(token: string): string;
}
