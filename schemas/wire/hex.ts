const digits = "0123456789abcdef";

/** `bytes` in lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += digits.charAt(byte >> 4) + digits.charAt(byte & 15);
  return text;
}

/** The bytes of lower-case hexadecimal `text`; throws when it is none. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new RangeError("hexadecimal text has two digits a byte");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = digits.indexOf(text.charAt(2 * i));
    const low = digits.indexOf(text.charAt(2 * i + 1));
    if (high < 0 || low < 0) throw new RangeError(`not hexadecimal at ${2 * i}`);
    bytes[i] = high * 16 + low;
  }
  return bytes;
}
