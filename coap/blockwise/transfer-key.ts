import { OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";

/**
 * Peer and a hash of the options that name the request. Left out: the block options and what RFC 7252 section 5.4.6 calls NoCacheKey,
 * Observe, ETag, and what only the first block may carry; for answers also Content-Format, which speaks of the request's body.
 * Two requests of one peer whose hashes meet disturb each other only.
 */
export function transferKey(view: MessageView, peer: number, isUpload: boolean): number {
  let hash = Math.imul(0x811c9dc5 ^ view.code ^ (view.association << 3), 0x01000193);
  for (let i = 0; i < view.optionCount; i++) {
    const number = view.optionNumbers[i]!;
    if ((number & 0x1e) === 0x1c || isNoPartOfKey(number, isUpload)) continue;
    hash = Math.imul(hash ^ number, 0x01000193);
    const start = view.optionStarts[i]!;
    const end = start + view.optionLengths[i]!;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ view.bytes[at]!, 0x01000193);
    hash = Math.imul(hash ^ (end - start) ^ (hash >>> 15), 0x85ebca6b);
  }
  return peer * 0x8000_0000 + ((hash ^ (hash >>> 13)) >>> 1);
}

function isNoPartOfKey(number: number, isUpload: boolean): boolean {
  switch (number) {
    case OptionNumber.block1:
    case OptionNumber.block2:
    case OptionNumber.observe:
    case OptionNumber.eTag:
    case OptionNumber.ifNoneMatch:
    case OptionNumber.noResponse:
    case OptionNumber.qBlock1:
    case OptionNumber.qBlock2:
      return true;
    case OptionNumber.contentFormat:
      return !isUpload;
    default:
      return false;
  }
}
