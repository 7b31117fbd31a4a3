const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** The bytes of base64 with the URL-safe alphabet and no padding (RFC 4648 section 5); undefined when it is none. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let count = 0;
  let size = 0;
  for (const character of text) {
    const value = alphabet.indexOf(character);
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xfff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes[size++] = (bits >> count) & 0xff;
    }
  }
  // Bits after the last byte carry nothing and must be zero, so that each byte string has one text.
  return (bits & ((1 << count) - 1)) === 0 ? bytes : undefined;
}

/** That text of these bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    // One byte more than the group has makes one character more.
    const characters = Math.min(bytes.length - at, 3) + 1;
    for (let i = 0; i < characters; i++) text += alphabet[(group >> (18 - 6 * i)) & 63];
  }
  return text;
}
