import type { Packet } from "./packet-framer.ts";

/** The first level of topics that stand for what was refused. No right reaches names that begin with "$". */
export const refusedTopic = "$refused";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** How many levels the topic of a well-formed PUBLISH has. */
export function publishLevels({ bytes, bodyAt }: Packet): number {
  const end = bodyAt + 2 + readUint16(bytes, bodyAt);
  let levels = 1;
  for (let i = bodyAt + 2; i < end; i++) if (bytes[i] === 0x2f) levels++;
  return levels;
}

/** A PUBLISH of the same QoS and packet id that says nothing on nobody's topic: it earns the acknowledgement, no more. */
export function refusedPublish({ bytes, bodyAt }: Packet): Uint8Array {
  const topicEnd = bodyAt + 2 + readUint16(bytes, bodyAt);
  const hasId = (bytes[0]! & 0x06) !== 0;
  const topic = encoder.encode(refusedTopic);
  const id = hasId ? bytes.subarray(topicEnd, topicEnd + 2) : new Uint8Array(0);
  // Without RETAIN; DUP stays.
  return join(bytes[0]! & 0xfe, [uint16(topic.length), topic, id]);
}

/** The same SUBSCRIBE or UNSUBSCRIBE with each filter put through `map`. */
export function mapFilters(packet: Packet, map: (filter: string, index: number) => string): Uint8Array {
  const { bytes, bodyAt } = packet;
  const hasQos = bytes[0]! >> 4 === 8;
  const parts: Uint8Array[] = [bytes.subarray(bodyAt, bodyAt + 2)];
  for (let at = bodyAt + 2, index = 0; at < bytes.length; index++) {
    const end = at + 2 + readUint16(bytes, at);
    const filter = encoder.encode(map(decoder.decode(bytes.subarray(at + 2, end)), index));
    parts.push(uint16(filter.length), filter);
    if (hasQos) parts.push(bytes.subarray(end, end + 1));
    at = end + (hasQos ? 1 : 0);
  }
  return join(bytes[0]!, parts);
}

/** Where the keep-alive of a well-formed CONNECT stands: behind protocol name, level and flags. */
export function keepAliveOffset({ bytes, bodyAt }: Packet): number {
  return bodyAt + 2 + readUint16(bytes, bodyAt) + 2;
}

export function readUint16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 0xff);
}

function join(first: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = [first];
  do {
    header.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length >>>= 7;
  } while (length > 0);
  const all = [Uint8Array.from(header), ...parts];
  const joined = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
