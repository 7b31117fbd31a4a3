import { floatSize, readHalf } from "./half-float.ts";
import { instantSecondsMax } from "./instant.ts";

/*
 * Heartbeats of a node are alike but for a few figures. What such a report means is clear from its bytes beside those of the
 * report before, without making an object of it: same properties in the same order, everything of the same bytes but for figures,
 * which are in CBOR's shortest form and within the schema's limits. Whatever else comes is for `decode`.
 */

/** What a property may do from one report to the next. */
type Rule = "never" | "same" | "unsigned" | "instant" | readonly [min: number, max: number, isWhole: boolean];

/** By integer key of the status report; keys beyond, and texts as keys, must not occur. */
const rules: readonly Rule[] = [
  "never", // result: somebody waits for it
  "same", // status
  "same", // phase
  "unsigned", // uptime
  "same", // resetReason
  "same", // bootCount
  "same", // version
  "same", // digest
  "same", // slot
  "same", // confirmed
  "unsigned", // freeHeap
  "unsigned", // minFreeHeap
  "unsigned", // stackHighWater
  [0, 100, false], // cpuPercent
  [0, 100, false], // memoryPercent
  [-274, 2000, false], // temperature
  [-150, 20, true], // rssi
  [0, 100, false], // battery
  "unsigned", // mqttReconnects
  "unsigned", // coapRetransmits
  "unsigned", // sensorErrors
  "same", // lastRev
  "same", // services
  "instant", // timestamp
];

const freeHeapKey = 10;
const maxBytes = 2_048;
const bad = -1;

const float = new DataView(new ArrayBuffer(8));

/** One object, used again for each report, so that looking at one makes nothing. */
export class SteadyReport {
  /** Of the report that was found steady; -1 when it doesn't say. */
  freeHeap = -1;
  #value = 0;

  /**
   * Whether the CBOR status report in `bytes[start, end)` says the same as the one in `before[0, beforeLength)`, which `decode` took, but
   * for figures. True means that `decode` takes it too.
   */
  isSteady(before: Uint8Array, beforeLength: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.freeHeap = -1;
    const count = bytes[start]! - 0xa0;
    // A map of up to 23 properties; their number is in one byte.
    if (end - start < 1 || end - start > maxBytes || beforeLength < 1) return false;
    if (before[0] !== bytes[start] || count < 0 || count > 23) return false;
    let old = 1;
    let at = start + 1;
    for (let i = 0; i < count; i++) {
      if (at >= end) return false;
      const key = bytes[at]!;
      const rule = rules[key];
      if (rule === undefined || rule === "never" || before[old] !== key) return false;
      old++;
      at++;
      const oldEnd = itemEnd(before, old, beforeLength);
      if (oldEnd === bad) return false;
      if (rule === "same") {
        const length = oldEnd - old;
        if (end - at < length) return false;
        for (let k = 0; k < length; k++) if (before[old + k] !== bytes[at + k]) return false;
        at += length;
      } else {
        at = this.#figure(rule, bytes, at, end);
        if (at === bad) return false;
        if (key === freeHeapKey) this.freeHeap = this.#value;
      }
      old = oldEnd;
    }
    return at === end && old === beforeLength;
  }

  /** The end of a figure that keeps the rule, or -1. */
  #figure(rule: Exclude<Rule, "never" | "same">, bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return bad;
    const major = bytes[at]! >> 5;
    if (major === 7) return typeof rule === "object" && !rule[2] ? this.#float(rule, bytes, at, end) : bad;
    if (major > 1) return bad;
    const next = this.#whole(bytes, at, end);
    if (next === bad) return bad;
    const value = major === 0 ? this.#value : -1 - this.#value;
    if (rule === "unsigned") return value >= 0 ? next : bad;
    if (rule === "instant") return value >= 0 && value <= instantSecondsMax ? next : bad;
    return value >= rule[0] && value <= rule[1] ? next : bad;
  }

  /** The argument of an integer's head, of up to four bytes and in its shortest form. */
  #whole(bytes: Uint8Array, at: number, end: number): number {
    const info = bytes[at]! & 31;
    if (info < 24) {
      this.#value = info;
      return at + 1;
    }
    const size = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0;
    if (size === 0 || at + 1 + size > end) return bad;
    let value = 0;
    for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i]!;
    if (value < (size === 1 ? 24 : size === 2 ? 0x100 : 0x1_0000)) return bad;
    this.#value = value;
    return at + 1 + size;
  }

  #float(rule: readonly [number, number, boolean], bytes: Uint8Array, at: number, end: number): number {
    const info = bytes[at]! & 31;
    if (info < 25 || info > 27) return bad;
    const size = 1 << (info - 24);
    if (at + 1 + size > end) return bad;
    let value: number;
    if (info === 25) {
      value = readHalf(bytes[at + 1]! * 256 + bytes[at + 2]!);
    } else {
      for (let i = 0; i < size; i++) float.setUint8(i, bytes[at + 1 + i]!);
      value = info === 26 ? float.getFloat32(0) : float.getFloat64(0);
      if (floatSize(value) < size) return bad;
    }
    // What isn't a number fails here too.
    return value >= rule[0] && value <= rule[1] ? at + 1 + size : bad;
  }
}

/** The end of one item of well-formed CBOR without tags, or -1 when it isn't whole. */
function itemEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let left = 1; left > 0; left--) {
    if (at >= end) return bad;
    const major = bytes[at]! >> 5;
    const info = bytes[at]! & 31;
    if (info > 27 || major === 6) return bad;
    const size = info < 24 ? 0 : 1 << (info - 24);
    let value = info;
    if (size > 0) {
      if (at + size >= end) return bad;
      value = 0;
      for (let i = 1; i <= size; i++) value = value * 256 + bytes[at + i]!;
    }
    at += 1 + size;
    if (major === 2 || major === 3) at += value;
    else if (major === 4) left += value;
    else if (major === 5) left += 2 * value;
  }
  return at <= end ? at : bad;
}
