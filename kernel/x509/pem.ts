/** Bytes as a PEM text of that kind: `CERTIFICATE`, `X509 CRL`. */
export function pem(kind: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${kind}-----`, ...lines, `-----END ${kind}-----`, ""].join("\n");
}

/** The bytes of the first block of that kind; undefined: there is none. */
export function fromPem(kind: string, text: string): Uint8Array | undefined {
  const found = new RegExp(`-----BEGIN ${kind}-----([A-Za-z0-9+/=\\s]+)-----END ${kind}-----`).exec(text)?.[1];
  return found === undefined ? undefined : Uint8Array.from(Buffer.from(found, "base64"));
}
