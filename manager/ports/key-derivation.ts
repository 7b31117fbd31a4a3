/** HKDF with SHA-256 (RFC 5869): `length` bytes of `secret`, others for each `salt` and `info`. */
export type KeyDerivation = (secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number) => Uint8Array;
