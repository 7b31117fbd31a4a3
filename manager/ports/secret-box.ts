/** Encrypts what must not be readable in the database: keys and passwords of nodes. The key is outside the database. */
export interface SecretBox {
  /** `about` says what the secret belongs to; it is authenticated, so a sealed secret can't be moved to another row. */
  seal(plain: Uint8Array, about: string): Uint8Array;
  /** Throws the Fault `secret.unreadable` when it was sealed with another key, about something else, or is damaged. */
  open(sealed: Uint8Array, about: string): Uint8Array;
  /** Whether it was sealed with the key of this box. Cheap: nothing is decrypted. */
  isOurs(sealed: Uint8Array): boolean;
  /** By how many bytes a sealed secret is longer than the plain one. */
  readonly overhead: number;
}
