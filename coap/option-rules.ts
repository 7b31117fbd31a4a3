import { OptionNumber } from "./message.ts";
import type { MessageView, SetAside } from "./message-view.ts";

/** What section 5.10 of RFC 7252 (and the RFCs of the other options) says of lengths and repetition. */
interface OptionRule {
  readonly number: number;
  readonly minLength: number;
  readonly maxLength: number;
  readonly isRepeatable?: true;
  /** A value outside 1 to 255 is an error of the request, not an option to be ignored (RFC 8768 section 3). */
  readonly isHopCount?: true;
}

const n = OptionNumber;

/** What a request may carry and this engine understands. */
const requestRules: readonly OptionRule[] = [
  { number: n.ifMatch, minLength: 0, maxLength: 8, isRepeatable: true },
  { number: n.uriHost, minLength: 1, maxLength: 255 },
  { number: n.eTag, minLength: 1, maxLength: 8, isRepeatable: true },
  { number: n.ifNoneMatch, minLength: 0, maxLength: 0 },
  { number: n.observe, minLength: 0, maxLength: 3 },
  { number: n.uriPort, minLength: 0, maxLength: 2 },
  { number: n.uriPath, minLength: 0, maxLength: 255, isRepeatable: true },
  { number: n.contentFormat, minLength: 0, maxLength: 2 },
  { number: n.uriQuery, minLength: 0, maxLength: 255, isRepeatable: true },
  { number: n.hopLimit, minLength: 1, maxLength: 1, isHopCount: true },
  { number: n.accept, minLength: 0, maxLength: 2 },
  { number: n.qBlock1, minLength: 0, maxLength: 3 },
  { number: n.block2, minLength: 0, maxLength: 3 },
  { number: n.block1, minLength: 0, maxLength: 3 },
  { number: n.size2, minLength: 0, maxLength: 4 },
  { number: n.qBlock2, minLength: 0, maxLength: 3, isRepeatable: true },
  { number: n.proxyUri, minLength: 1, maxLength: 1034 },
  { number: n.proxyScheme, minLength: 1, maxLength: 255 },
  { number: n.size1, minLength: 0, maxLength: 4 },
  { number: n.echo, minLength: 1, maxLength: 40 },
  { number: n.noResponse, minLength: 0, maxLength: 1 },
  { number: n.requestTag, minLength: 0, maxLength: 8, isRepeatable: true },
];

/** What a response may carry. */
const responseRules: readonly OptionRule[] = [
  { number: n.eTag, minLength: 1, maxLength: 8 },
  { number: n.observe, minLength: 0, maxLength: 3 },
  { number: n.locationPath, minLength: 0, maxLength: 255, isRepeatable: true },
  { number: n.contentFormat, minLength: 0, maxLength: 2 },
  { number: n.maxAge, minLength: 0, maxLength: 4 },
  { number: n.locationQuery, minLength: 0, maxLength: 255, isRepeatable: true },
  { number: n.qBlock1, minLength: 0, maxLength: 3 },
  { number: n.block2, minLength: 0, maxLength: 3 },
  { number: n.block1, minLength: 0, maxLength: 3 },
  { number: n.size2, minLength: 0, maxLength: 4 },
  { number: n.qBlock2, minLength: 0, maxLength: 3 },
  { number: n.size1, minLength: 0, maxLength: 4 },
  { number: n.echo, minLength: 1, maxLength: 40 },
];

/** Reserved for what may become part of a Location (RFC 7252 section 5.10.7): beside one they can't be ignored. */
const reservedLocation: readonly number[] = [128, 132, 136, 140];

const nothing: readonly SetAside[] = [];
const tableSize = 512;
const known = 1;
const repeatable = 2;
const hopCount = 4;

class RuleTable {
  readonly flags = new Uint8Array(tableSize);
  readonly minLength = new Uint8Array(tableSize);
  readonly maxLength = new Uint16Array(tableSize);

  constructor(rules: readonly OptionRule[]) {
    for (const rule of rules) {
      this.flags[rule.number] =
        known | (rule.isRepeatable === true ? repeatable : 0) | (rule.isHopCount === true ? hopCount : 0);
      this.minLength[rule.number] = rule.minLength;
      this.maxLength[rule.number] = rule.maxLength;
    }
  }

  apply(view: MessageView): number {
    const { optionNumbers, optionLengths } = view;
    let kept = 0;
    let last = -1;
    let refused = -1;
    let aside: SetAside[] | undefined;
    for (let i = 0; i < view.optionCount; i++) {
      const number = optionNumbers[i]!;
      const flags = number < tableSize ? this.flags[number]! : 0;
      const length = optionLengths[i]!;
      const isUsable =
        flags !== 0 &&
        length >= this.minLength[number]! &&
        length <= this.maxLength[number]! &&
        (number !== last || (flags & repeatable) !== 0);
      const isBadCount = (flags & hopCount) !== 0 && number !== last && isNoHopCount(view, i);
      last = number;
      if (isBadCount) refused = number;
      if (!isUsable) {
        aside ??= [];
        aside.push({ number, isKnown: flags !== 0, value: view.valueAt(i) });
        const isRefused = (number & 1) === 1 || (reservedLocation.includes(number) && hasLocation(view));
        if (isRefused && refused < 0) refused = number;
        continue;
      }
      if (kept !== i) {
        optionNumbers[kept] = number;
        view.optionStarts[kept] = view.optionStarts[i]!;
        optionLengths[kept] = length;
      }
      kept++;
    }
    view.optionCount = kept;
    view.setAside = aside ?? nothing;
    return refused;
  }
}

function isNoHopCount(view: MessageView, index: number): boolean {
  const value = view.uintAt(index);
  return value < 1 || value > 255;
}

function hasLocation(view: MessageView): boolean {
  return view.find(n.locationPath) >= 0 || view.find(n.locationQuery) >= 0;
}

const requestTable = new RuleTable(requestRules);
const responseTable = new RuleTable(responseRules);

/**
 * For a proxy (sections 5.4.2, 5.7.1): the first option set aside that is unknown and Unsafe to forward, or known and critical. -1 when
 * all that is unknown may be passed on.
 */
export function firstUnsafe(view: MessageView): number {
  return view.setAside.find(({ number, isKnown }) => (number & (isKnown ? 1 : 2)) !== 0)?.number ?? -1;
}

/** Why a request of ours can't carry this option; undefined when it can, or when the option isn't known here. */
export function requestOptionFault(number: number, length: number, isRepeated: boolean): string | undefined {
  const rule = requestRules.find((each) => each.number === number);
  if (rule === undefined) return undefined;
  if (isRepeated && rule.isRepeatable !== true) return `option ${number} is there twice`;
  if (length >= rule.minLength && length <= rule.maxLength) return undefined;
  return `option ${number} has ${rule.minLength} to ${rule.maxLength} bytes`;
}

/**
 * RFC 7252 sections 5.4.1, 5.4.3 and 5.4.5: an option that is unknown, of a forbidden length, or one too many is treated alike.
 * All are taken out of the view and set aside. Returns the number of the first critical one (4.02 for a request), -1 for none; a
 * Hop-Limit that counts nothing is returned too (4.00).
 */
export function applyRequestRules(view: MessageView): number {
  return requestTable.apply(view);
}

/** The same for a response, which must be rejected when the result isn't -1. */
export function applyResponseRules(view: MessageView): number {
  return responseTable.apply(view);
}
