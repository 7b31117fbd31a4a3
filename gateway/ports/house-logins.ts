/** Somebody of the household as the local broker knows him: his user name is his client id too. */
export interface HouseLogin {
  readonly user: string;
  /** argon2id or scrypt, of his password there. */
  readonly hash: string;
}

/** Who may come in at the local broker. */
export interface HouseLogins {
  /** Adds or replaces; who is connected stays. */
  set(logins: readonly HouseLogin[]): void;
  /** Their connections are closed before it resolves; their wills aren't published. Unknown users are ignored. */
  remove(users: readonly string[]): Promise<void>;
}
