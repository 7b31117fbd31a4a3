/** Slow hashes of passwords. */
export interface PasswordHashing {
  /** Algorithm, parameters, salt and hash in one text. Rejects when too many wait. */
  hash(password: string): Promise<string>;
  /** Takes as long for `undefined`, which is nobody's. Rejects when too many wait. */
  verify(password: string, stored: string | undefined): Promise<boolean>;
}
