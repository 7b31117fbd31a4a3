import { MessageType } from "./message.ts";
import type { MessageView } from "./message-view.ts";

/*
 * RFC 7252 section 3:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |Ver| T |  TKL  |  Class| Detail|          Message ID           |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   Token (0..8 bytes)...  Options...  0xFF  Payload (1 or more)
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Section 3.1, an option:
 *
 *     0   1   2   3   4   5   6   7
 *   +---------------+---------------+
 *   | Delta 0..15   | Length 0..15  |   13: one more byte, value - 13
 *   +---------------+---------------+   14: two more bytes, value - 269
 *   | delta 0..2 | length 0..2 |        15: payload marker when both, else a format error
 *   | value 0 or more               |
 *   +-------------------------------+
 */

/** What decoding found. Zero is a good message; the others are reasons, counted by their names. */
export const Malformed = {
  none: 0,
  tooShort: 1,
  version: 2,
  tokenLength: 3,
  tokenTruncated: 4,
  emptyWithContent: 5,
  reservedClass: 6,
  typeAndCode: 7,
  optionReserved: 8,
  optionTruncated: 9,
  optionNumber: 10,
  tooManyOptions: 11,
  markerWithoutPayload: 12,
} as const;
export type Malformed = (typeof Malformed)[keyof typeof Malformed];

/** Counter names of the reasons, by their number. */
export const malformedNames: readonly string[] = Object.keys(Malformed);

/**
 * Decodes `bytes[start, end)` into `view`. Whatever it returns but `tooShort` and `version`, type, code and message ID of the view are set,
 * so that the message can be rejected.
 */
export function decodeMessage(bytes: Uint8Array, start: number, end: number, view: MessageView): Malformed {
  if (end - start < 4) return Malformed.tooShort;
  const first = bytes[start]!;
  if (first >> 6 !== 1) return Malformed.version;
  const type = (first >> 4) & 3;
  const code = bytes[start + 1]!;
  const tokenLength = first & 15;
  view.bytes = bytes;
  view.type = type;
  view.code = code;
  view.messageId = (bytes[start + 2]! << 8) | bytes[start + 3]!;
  view.tokenStart = start + 4;
  view.tokenLength = tokenLength;
  view.optionCount = 0;
  view.payloadStart = end;
  view.end = end;

  if (code === 0) {
    if (end - start !== 4 || tokenLength !== 0) return Malformed.emptyWithContent;
    return type === MessageType.nonConfirmable ? Malformed.typeAndCode : Malformed.none;
  }
  if (tokenLength > 8) return Malformed.tokenLength;
  const codeClass = code >> 5;
  if (codeClass === 1 || codeClass > 5) return Malformed.reservedClass;
  if (type === MessageType.reset || (type === MessageType.acknowledgement && codeClass === 0)) {
    return Malformed.typeAndCode;
  }
  if (start + 4 + tokenLength > end) return Malformed.tokenTruncated;
  return decodeOptions(bytes, start + 4 + tokenLength, end, view);
}

function decodeOptions(bytes: Uint8Array, start: number, end: number, view: MessageView): Malformed {
  const { optionNumbers, optionStarts, optionLengths } = view;
  const maxOptions = optionNumbers.length;
  let at = start;
  let number = 0;
  let count = 0;
  while (at < end) {
    const head = bytes[at++]!;
    if (head === 0xff) {
      view.optionCount = count;
      if (at === end) return Malformed.markerWithoutPayload;
      view.payloadStart = at;
      return Malformed.none;
    }
    let delta = head >> 4;
    let length = head & 15;
    if (delta === 15 || length === 15) return Malformed.optionReserved;
    if (delta === 13) {
      if (at >= end) return Malformed.optionTruncated;
      delta = 13 + bytes[at++]!;
    } else if (delta === 14) {
      if (at + 2 > end) return Malformed.optionTruncated;
      delta = 269 + ((bytes[at]! << 8) | bytes[at + 1]!);
      at += 2;
    }
    if (length === 13) {
      if (at >= end) return Malformed.optionTruncated;
      length = 13 + bytes[at++]!;
    } else if (length === 14) {
      if (at + 2 > end) return Malformed.optionTruncated;
      length = 269 + ((bytes[at]! << 8) | bytes[at + 1]!);
      at += 2;
    }
    number += delta;
    if (number > 0xffff) return Malformed.optionNumber;
    if (length > end - at) return Malformed.optionTruncated;
    if (count === maxOptions) return Malformed.tooManyOptions;
    optionNumbers[count] = number;
    optionStarts[count] = at;
    optionLengths[count] = length;
    count++;
    at += length;
  }
  view.optionCount = count;
  return Malformed.none;
}

/**
 * What the message layer does with a malformed message (RFC 7252 sections 3, 4.2, 4.3). `ignore`: not CoAP 1 at all, never answered;
 * `reset`: a confirmable message, answered with a Reset; `reject`: any other type, dropped without an answer.
 */
export function malformedVerdict(reason: Malformed, type: number): "ignore" | "reset" | "reject" {
  if (reason === Malformed.tooShort || reason === Malformed.version) return "ignore";
  return type === MessageType.confirmable ? "reset" : "reject";
}
