/** One whole control packet. Its first byte is type and flags; its body (variable header and payload) begins at `bodyAt`. */
export interface Packet {
  readonly bytes: Uint8Array;
  readonly bodyAt: number;
}

export type Framed = Packet | "incomplete" | "malformed" | "too-large";

const smallestBuffer = 1024;

/**
 * Cuts a byte stream into control packets (MQTT 3.1.1, section 2.2):
 *
 *     | type:4 flags:4 | remaining length, 1..4 bytes, 7 bits each, low first | body ... |
 *
 * The length is checked as soon as it is known, so a packet over the limit costs no memory, and memory for a packet that
 * is on its way grows with what has come of it, not with what it claims.
 */
export class PacketFramer {
  /** Checked for each packet when its length is known. */
  maxPacketBytes: number;
  /** Bytes not yet looked at. Packets that lie whole in one chunk are handed out as views of it. */
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** A packet of which a part has come; `#total` is 0 while its header is incomplete. */
  #partial: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #total = 0;

  constructor(maxPacketBytes: number) {
    this.maxPacketBytes = maxPacketBytes;
  }

  /** Takes the next bytes of the stream; call it only after `next` has said "incomplete". */
  append(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) throw new Error("There are bytes left to be read by next().");
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** The next packet. After "malformed" and "too-large" the stream has no further meaning. */
  next(): Framed {
    if (this.#filled > 0) return this.#nextOfPartial();
    // Known from the first byte on, so what speaks another protocol isn't waited for.
    if (this.#at < this.#chunk.length && !isPossibleStart(this.#chunk[this.#at]!)) return "malformed";
    return this.#nextOfChunk();
  }

  #nextOfChunk(): Framed {
    const chunk = this.#chunk;
    const at = this.#at;
    const header = readHeader(chunk, at, chunk.length);
    if (typeof header === "string") {
      if (header === "malformed") return header;
      return this.#keepRest();
    }
    const end = at + header.size + header.length;
    if (end - at > this.maxPacketBytes) return "too-large";
    if (end > chunk.length) {
      this.#total = end - at;
      return this.#keepRest();
    }
    this.#at = end;
    return { bytes: chunk.subarray(at, end), bodyAt: header.size };
  }

  /** Moves the beginning of a packet aside; its end comes with later chunks. */
  #keepRest(): "incomplete" {
    const rest = this.#chunk.length - this.#at;
    if (rest > 0) {
      this.#partial = new Uint8Array(Math.max(rest, Math.min(this.#total, smallestBuffer), 5));
      this.#partial.set(this.#chunk.subarray(this.#at));
      this.#filled = rest;
    }
    this.#at = this.#chunk.length;
    return "incomplete";
  }

  #nextOfPartial(): Framed {
    while (this.#total === 0) {
      if (this.#at === this.#chunk.length) return "incomplete";
      this.#partial[this.#filled++] = this.#chunk[this.#at++]!;
      const header = readHeader(this.#partial, 0, this.#filled);
      if (header === "malformed") return header;
      if (header === "incomplete") continue;
      this.#total = header.size + header.length;
      if (this.#total > this.maxPacketBytes) return "too-large";
    }
    const wanted = this.#total - this.#filled;
    const count = Math.min(wanted, this.#chunk.length - this.#at);
    this.#makeRoomFor(count);
    this.#partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#filled);
    this.#filled += count;
    this.#at += count;
    if (count < wanted) return "incomplete";
    const bytes = this.#partial.subarray(0, this.#total);
    const header = readHeader(bytes, 0, bytes.length);
    this.#partial = new Uint8Array(0);
    this.#filled = 0;
    this.#total = 0;
    return typeof header === "string" ? "malformed" : { bytes, bodyAt: header.size };
  }

  #makeRoomFor(count: number): void {
    const needed = this.#filled + count;
    if (needed <= this.#partial.length) return;
    const grown = new Uint8Array(Math.min(this.#total, Math.max(needed, this.#partial.length * 2)));
    grown.set(this.#partial.subarray(0, this.#filled));
    this.#partial = grown;
  }
}

/** Types that a server may get, with the flags that section 2.2.2 demands of each. */
function isPossibleStart(first: number): boolean {
  switch (first) {
    case 0x10:
    case 0x40:
    case 0x50:
    case 0x62:
    case 0x70:
    case 0x82:
    case 0xa2:
    case 0xc0:
    case 0xe0:
      return true;
    default:
      return first >> 4 === 3 && (first & 0x06) !== 0x06;
  }
}

function readHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
): { size: number; length: number } | "incomplete" | "malformed" {
  let length = 0;
  for (let i = 1; i <= 4; i++) {
    if (at + i >= end) return "incomplete";
    const byte = bytes[at + i]!;
    length += (byte & 0x7f) * 128 ** (i - 1);
    if (byte < 0x80) return { size: i + 1, length };
  }
  return "malformed";
}
