const digits = "0123456789abcdef";
/** Each byte as its two digits: digests are written at every heartbeat. */
const pairs = Array.from({ length: 256 }, (_, byte) => digits.charAt(byte >> 4) + digits.charAt(byte & 15));

/** `bytes` in lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += pairs[byte];
  return text;
}

/** The bytes of lower-case hexadecimal `text`; throws when it is none. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw new RangeError("hexadecimal text has two digits a byte");
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const byte = nibble(text.charCodeAt(2 * i)) * 16 + nibble(text.charCodeAt(2 * i + 1));
    if (byte < 0) throw new RangeError(`not hexadecimal at ${2 * i}`);
    bytes[i] = byte;
  }
  return bytes;
}

/** The value of a digit; for anything else so low that no second digit makes up for it. */
function nibble(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  return unit >= 0x61 && unit <= 0x66 ? unit - 0x57 : -1000;
}
