import type { Packet } from "./packet-framer.ts";

/** The types of control packets (MQTT 3.1.1, section 2.2.1). */
export const PacketType = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const;

export type PacketVerdict = "well-formed" | "malformed" | "unsupported-version";

/**
 * Whether a server may get this packet and whether its structure holds to the last byte, so that what is behind this
 * check parses nothing that could surprise it. Topics' meaning isn't checked here.
 */
export function checkPacket({ bytes, bodyAt }: Packet): PacketVerdict {
  const first = bytes[0]!;
  const flags = first & 0x0f;
  const reader = new BodyReader(bytes, bodyAt);
  switch (first >> 4) {
    case PacketType.connect:
      return flags === 0 ? checkConnect(reader) : "malformed";
    case PacketType.publish:
      return verdict(isPublish(reader, flags));
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubcomp:
      return verdict(flags === 0 && reader.packetId() && reader.isAtEnd());
    case PacketType.pubrel:
      return verdict(flags === 2 && reader.packetId() && reader.isAtEnd());
    case PacketType.subscribe:
      return verdict(flags === 2 && isFilterList(reader, true));
    case PacketType.unsubscribe:
      return verdict(flags === 2 && isFilterList(reader, false));
    case PacketType.pingreq:
    case PacketType.disconnect:
      return verdict(flags === 0 && reader.isAtEnd());
    default:
      return "malformed";
  }
}

function verdict(isWellFormed: boolean): PacketVerdict {
  return isWellFormed ? "well-formed" : "malformed";
}

/**
 * Section 3.1:
 *
 *     | "MQTT" | level | flags | keep-alive:16 | client id | [will topic | will message] | [user] | [password] |
 *     flags: user:1 password:1 will-retain:1 will-qos:2 will:1 clean:1 reserved:1
 */
function checkConnect(reader: BodyReader): PacketVerdict {
  const name = reader.text();
  const level = reader.byte();
  if (name === undefined || level === undefined) return "malformed";
  const isKnownName = name === "MQTT" || name === "MQIsdp";
  if (!isKnownName) return "malformed";
  // Another level has another layout behind it, so it is answered before anything else is read.
  if (level !== (name === "MQTT" ? 4 : 3)) return "unsupported-version";
  const flags = reader.byte();
  if (flags === undefined || !reader.skip(2)) return "malformed";
  const hasUser = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  const willQos = (flags >> 3) & 3;
  const hasWill = (flags & 0x04) !== 0;
  const areFlagsSane =
    (flags & 1) === 0 && willQos !== 3 && (hasWill || (flags & 0x38) === 0) && (hasUser || !hasPassword);
  if (!areFlagsSane || reader.text() === undefined) return "malformed";
  if (hasWill && !(reader.text() !== undefined && reader.binary())) return "malformed";
  if (hasUser && reader.text() === undefined) return "malformed";
  if (hasPassword && !reader.binary()) return "malformed";
  return verdict(reader.isAtEnd());
}

/** Section 3.3: | topic | packet id:16, for QoS 1 and 2 | payload |. */
function isPublish(reader: BodyReader, flags: number): boolean {
  const qos = (flags >> 1) & 3;
  if (qos === 3 || (qos === 0 && (flags & 8) !== 0)) return false;
  return reader.topicName() && (qos === 0 || reader.packetId());
}

/** Sections 3.8 and 3.10: | packet id:16 | (filter, QoS:8 in SUBSCRIBE)+ |. */
function isFilterList(reader: BodyReader, hasQos: boolean): boolean {
  if (!reader.packetId() || reader.isAtEnd()) return false;
  while (!reader.isAtEnd()) {
    const filter = reader.text();
    if (filter === undefined || filter === "") return false;
    if (hasQos && !((reader.byte() ?? 3) <= 2)) return false;
  }
  return true;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class BodyReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  skip(count: number): boolean {
    if (this.#bytes.length - this.#at < count) return false;
    this.#at += count;
    return true;
  }

  byte(): number | undefined {
    return this.#bytes[this.#at++];
  }

  packetId(): boolean {
    const at = this.#at;
    return this.skip(2) && (this.#bytes[at]! | this.#bytes[at + 1]!) !== 0;
  }

  binary(): boolean {
    const at = this.#at;
    return this.skip(2) && this.skip(this.#bytes[at]! * 256 + this.#bytes[at + 1]!);
  }

  /** Section 1.5.3: well-formed UTF-8 without U+0000. */
  text(): string | undefined {
    const at = this.#at + 2;
    if (!this.binary()) return undefined;
    try {
      const text = strictUtf8.decode(this.#bytes.subarray(at, this.#at));
      return text.includes("\0") ? undefined : text;
    } catch {
      return undefined;
    }
  }

  /** As text, but without making a string of it when it is plain ASCII, as topics are; no wildcards, not empty. */
  topicName(): boolean {
    const at = this.#at + 2;
    if (!this.binary() || this.#at === at) return false;
    let isAscii = true;
    for (let i = at; i < this.#at; i++) {
      const byte = this.#bytes[i]!;
      if (byte === 0 || byte === 0x2b || byte === 0x23) return false;
      if (byte >= 0x80) isAscii = false;
    }
    if (isAscii) return true;
    this.#at = at - 2;
    return this.text() !== undefined;
  }
}
