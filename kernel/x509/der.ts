/**
 * Values in the Distinguished Encoding Rules (X.690), as far as certificates need them: tag, length in as few bytes as there can be,
 * content.
 */
export const der = {
  sequence: (...parts: readonly Uint8Array[]): Uint8Array => value(0x30, ...parts),
  set: (...parts: readonly Uint8Array[]): Uint8Array => value(0x31, ...parts),
  /** Unsigned, big-endian, of at least one byte. */
  integer: (bytes: Uint8Array): Uint8Array => {
    let start = 0;
    while (start < bytes.length - 1 && bytes[start] === 0) start++;
    const rest = bytes.subarray(start);
    return rest[0]! >= 0x80 ? value(0x02, Uint8Array.of(0), rest) : value(0x02, rest);
  },
  boolean: (is: boolean): Uint8Array => value(0x01, Uint8Array.of(is ? 0xff : 0)),
  octets: (bytes: Uint8Array): Uint8Array => value(0x04, bytes),
  /** `unused`: bits of the last byte that don't count. */
  bits: (bytes: Uint8Array, unused = 0): Uint8Array => value(0x03, Uint8Array.of(unused), bytes),
  text: (text: string): Uint8Array => value(0x0c, utf8.encode(text)),
  /** `1.2.840.10045.4.3.2` */
  oid: (dotted: string): Uint8Array => {
    const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
    return value(0x06, Uint8Array.from([first * 40 + second, ...rest].flatMap(base128)));
  },
  /** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 section 4.1.2.5). */
  time: (ms: number): Uint8Array => {
    const digits = `${new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "")}`;
    return digits < "2050" ? value(0x17, utf8.encode(digits.slice(2))) : value(0x18, utf8.encode(digits));
  },
  /** [n], implicit or around other values. */
  context: (number: number, isConstructed: boolean, ...parts: readonly Uint8Array[]): Uint8Array =>
    value((isConstructed ? 0xa0 : 0x80) | number, ...parts),
};

const utf8 = new TextEncoder();

function value(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > 0xff_ffff) throw new RangeError(`a value of ${size} bytes is more than a certificate or a list holds`);
  const length =
    size < 0x80
      ? [size]
      : size < 0x100
        ? [0x81, size]
        : size < 0x1_0000
          ? [0x82, size >> 8, size & 0xff]
          : [0x83, size >> 16, (size >> 8) & 0xff, size & 0xff];
  return concat([Uint8Array.of(tag, ...length), ...parts]);
}

function base128(number: number): number[] {
  const digits = [number & 0x7f];
  for (let rest = number >>> 7; rest > 0; rest >>>= 7) digits.unshift((rest & 0x7f) | 0x80);
  return digits;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
