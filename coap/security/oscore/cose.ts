/** The few shapes of CBOR that OSCORE writes: byte strings and texts of fewer than 256 bytes. */
export function cborBytes(bytes: Uint8Array): number[] {
  return [...head(0x40, bytes.length), ...bytes];
}

export function cborText(text: string): number[] {
  return [...head(0x60, text.length), ...new TextEncoder().encode(text)];
}

function head(major: number, length: number): number[] {
  if (length > 255) throw new RangeError(`${length} bytes are too many for a string of OSCORE.`);
  return length < 24 ? [major | length] : [major | 24, length];
}
