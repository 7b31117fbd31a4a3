/** Record header, handshake header, version and random: the session id's length stands there. */
const sessionIdAt = 13 + 12 + 34;
/** RFC 9146. */
const connectionId = 54;

/** The datagram of a ClientHello in parts, to be put together again with another inside and lengths that are right. */
export class ClientHello {
  /** Up to the cookie's length, and what stands behind the cookie. */
  readonly before: Uint8Array;
  readonly rest: Uint8Array;

  constructor(before: Uint8Array, rest: Uint8Array) {
    this.before = before;
    this.rest = rest;
  }

  /** Of a client's first datagram, which has no cookie. */
  static of(datagram: Uint8Array): ClientHello {
    const at = sessionIdAt + 1 + datagram[sessionIdAt]!;
    return new ClientHello(datagram.slice(0, at), datagram.slice(at + 1));
  }

  /** Whether a reader finds the cookie where `bytes` puts it: not so once the session id's length is spoilt. */
  get isRightlyCut(): boolean {
    return this.before.length === sessionIdAt + 1 + this.before[sessionIdAt]!;
  }

  bytes(cookie: Uint8Array): Uint8Array {
    const bytes = Uint8Array.of(...this.before, cookie.length, ...cookie, ...this.rest);
    const record = bytes.length - 13;
    const body = record - 12;
    // Numbers of record and message: the one with a cookie is the second.
    bytes[10] = bytes[18] = cookie.length > 0 ? 1 : 0;
    bytes[11] = record >> 8;
    bytes[12] = record;
    for (const at of [14, 22]) {
      bytes[at] = body >> 16;
      bytes[at + 1] = body >> 8;
      bytes[at + 2] = body;
    }
    return bytes;
  }

  /** With that extension, of any contents, behind the others. */
  withConnectionId(value: Uint8Array): ClientHello {
    const { rest } = this;
    const suites = (rest[0]! << 8) | rest[1]!;
    const at = 2 + suites + 1 + rest[2 + suites]!;
    const extensions = ((rest[at]! << 8) | rest[at + 1]!) + 4 + value.length;
    const kept = [...rest.subarray(0, at), extensions >> 8, extensions & 0xff, ...rest.subarray(at + 2)];
    return new ClientHello(this.before, Uint8Array.of(...kept, 0, connectionId, 0, value.length, ...value));
  }
}
