import { fromBase64Url } from "./base64url.ts";
import { type CborKey, type CborValue, readCbor } from "./cbor.ts";
import { readJson } from "./json.ts";
import { senmlUnits } from "./senml-units.ts";

/** CoAP Content-Formats of SenML packs (RFC 8428 section 12.3). */
export const senmlJsonFormat = 110;
export const senmlCborFormat = 112;

/** One measurement, with the pack's base fields applied and an absolute time (RFC 8428 section 4.6). */
export interface Measurement {
  readonly name: string;
  readonly unit: string | undefined;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** Absent when only a sum was sent. */
  readonly value: number | string | boolean | Uint8Array | undefined;
  /** Integral over time, in the unit times seconds. */
  readonly sum: number | undefined;
  /** The next value comes within so many seconds. */
  readonly updateSeconds: number | undefined;
}

export interface SenmlFault {
  readonly code: "too-large" | "unsupported-content-format" | "malformed" | "not-understood" | "invalid";
  /** Index of the record at fault; -1 for the whole pack. */
  readonly record: number;
  readonly rule: string;
}

export type SenmlResult =
  | { readonly ok: true; readonly measurements: readonly Measurement[] }
  | { readonly ok: false; readonly fault: SenmlFault };

/** Limits of one pack. Over any of them the pack is refused whole. */
export const senmlLimits = { bytes: 16_384, records: 512, nameBytes: 160, textBytes: 1024 } as const;

/** JSON or CBOR by the first byte, for MQTT, which has no content format. A CBOR pack begins with an array's head. */
export function senmlFormatOf(bytes: Uint8Array): typeof senmlJsonFormat | typeof senmlCborFormat {
  return (bytes[0] ?? 0) >= 0x80 ? senmlCborFormat : senmlJsonFormat;
}

/** Labels by their integers (RFC 8428 table 4). */
const labels = new Map<CborKey, string>([
  [-1, "bver"],
  [-2, "bn"],
  [-3, "bt"],
  [-4, "bu"],
  [-5, "bv"],
  [-6, "bs"],
  [0, "n"],
  [1, "u"],
  [2, "v"],
  [3, "vs"],
  [4, "vb"],
  [5, "s"],
  [6, "t"],
  [7, "ut"],
  [8, "vd"],
]);
const known = new Set(labels.values());
const numeric = new Set(["bver", "bt", "bv", "bs", "v", "s", "t", "ut"]);
const textual = new Set(["bn", "bu", "n", "u", "vs"]);
const valueLabels = ["v", "vs", "vb", "vd"] as const;

/** The version this reader understands, and that of a pack that doesn't say. */
const version = 10;
/** Below it a time is relative to now, in seconds (RFC 8428 section 4.5.3). */
const absoluteFrom = 2 ** 28;
/** The last second of the year 9999, beyond which nothing was measured. */
const latest = 253_402_300_799;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9:./_-]*$/;

type Fields = Record<string, number | string | boolean | Uint8Array | undefined>;

/**
 * Every measurement of a pack, or why the pack is refused: one bad record refuses it whole. `nowMs` is when it was
 * received. Tags (decimal fractions) and indefinite lengths are not read.
 */
export function readSenml(bytes: Uint8Array, contentFormat: number, nowMs: number): SenmlResult {
  if (bytes.length > senmlLimits.bytes) return refuse("too-large", -1, `must have at most ${senmlLimits.bytes} bytes`);
  const isCbor = contentFormat === senmlCborFormat;
  if (!isCbor && contentFormat !== senmlJsonFormat)
    return refuse(
      "unsupported-content-format",
      -1,
      `must be in content format ${senmlJsonFormat} or ${senmlCborFormat}`,
    );
  const syntax = isCbor ? "CBOR" : "JSON";
  const parsed = isCbor ? readCbor(bytes, { isForeign: true }) : readJson(bytes);
  if (!parsed.ok) return refuse("malformed", -1, `must be ${syntax}: ${parsed.code} at ${parsed.offset}`);
  if (!Array.isArray(parsed.value)) return refuse("invalid", -1, "must be an array of records");
  const records = parsed.value as readonly CborValue[];
  if (records.length > senmlLimits.records)
    return refuse("too-large", -1, `must have at most ${senmlLimits.records} records`);
  const resolver = new Resolver(isCbor, nowMs);
  const measurements: Measurement[] = [];
  for (const [index, record] of records.entries()) {
    const result = resolver.resolve(record);
    if ("rule" in result) return refuse(result.code, index, result.rule);
    measurements.push(result);
  }
  return { ok: true, measurements };
}

function refuse(code: SenmlFault["code"], record: number, rule: string): SenmlResult {
  return { ok: false, fault: { code, record, rule } };
}

type Refusal = { readonly code: "not-understood" | "invalid"; readonly rule: string };

function invalid(rule: string): Refusal {
  return { code: "invalid", rule };
}

/** Carries the base fields from record to record. */
class Resolver {
  readonly #isCbor: boolean;
  readonly #nowMs: number;
  #version: number | undefined;
  #name = "";
  #time = 0;
  #unit: string | undefined;
  #value: number | undefined;
  #sum: number | undefined;
  #records = 0;

  constructor(isCbor: boolean, nowMs: number) {
    this.#isCbor = isCbor;
    this.#nowMs = nowMs;
  }

  resolve(record: CborValue): Measurement | Refusal {
    if (!(record instanceof Map)) return invalid("must be a map of fields");
    const fields: Fields = {};
    for (const [key, value] of record) {
      const refusal = this.#take(fields, key, value);
      if (refusal) return refusal;
    }
    return this.#rebase(fields) ?? this.#apply(fields);
  }

  #take(fields: Fields, key: CborKey, value: CborValue): Refusal | undefined {
    const label = this.#isCbor ? (labels.get(key) ?? key) : key;
    if (typeof label !== "string") return undefined;
    if (!known.has(label))
      return label.endsWith("_")
        ? { code: "not-understood", rule: `must not need ${label} to be understood` }
        : undefined;
    if (label in fields) return invalid(`must have ${label} once`);
    if (numeric.has(label)) {
      if (typeof value !== "number" || !Number.isFinite(value)) return invalid(`must have a finite number as ${label}`);
    } else if (textual.has(label)) {
      if (typeof value !== "string" || value.length > senmlLimits.textBytes)
        return invalid(`must have a text of at most ${senmlLimits.textBytes} characters as ${label}`);
    } else if (label === "vb") {
      if (typeof value !== "boolean") return invalid("must have true or false as vb");
    } else {
      const data =
        value instanceof Uint8Array
          ? value
          : typeof value === "string" && !this.#isCbor
            ? fromBase64Url(value)
            : undefined;
      if (data === undefined || data.length > senmlLimits.textBytes)
        return invalid(`must have at most ${senmlLimits.textBytes} bytes of data as vd`);
      fields["vd"] = data;
      return undefined;
    }
    fields[label] = value;
    return undefined;
  }

  #rebase(fields: Fields): Refusal | undefined {
    this.#records++;
    const { bver, bn, bt, bu, bv, bs } = fields;
    if (bver !== undefined) {
      if (!Number.isInteger(bver) || (bver as number) < 1) return invalid("must have a positive integer as bver");
      if ((bver as number) > version) return { code: "not-understood", rule: `must have version ${version} or lower` };
      if (this.#version !== undefined ? bver !== this.#version : this.#records > 1 && bver !== version)
        return invalid("must have the version of the records before");
      this.#version = bver as number;
    }
    if (bn !== undefined) this.#name = bn as string;
    if (bt !== undefined) this.#time = bt as number;
    if (bu !== undefined) this.#unit = bu as string;
    if (bv !== undefined) this.#value = bv as number;
    if (bs !== undefined) this.#sum = bs as number;
    return undefined;
  }

  #apply(fields: Fields): Measurement | Refusal {
    const name = this.#name + ((fields["n"] as string | undefined) ?? "");
    if (name.length > senmlLimits.nameBytes || !namePattern.test(name))
      return invalid(
        `must have a name of at most ${senmlLimits.nameBytes} of A-Z a-z 0-9 - : . / _, starting with a letter or digit`,
      );
    const unit = (fields["u"] as string | undefined) ?? this.#unit;
    if (unit !== undefined && !senmlUnits.has(unit))
      return invalid(`must have a registered unit, not ${JSON.stringify(unit)}`);
    const values = valueLabels.filter((label) => label in fields);
    if (values.length > 1) return invalid("must have one value");
    const sum =
      "s" in fields || this.#sum !== undefined
        ? ((fields["s"] as number | undefined) ?? 0) + (this.#sum ?? 0)
        : undefined;
    const value = this.#valueOf(fields, values[0]);
    if (value === undefined && sum === undefined) return invalid("must have a value or a sum");
    const seconds = this.#time + ((fields["t"] as number | undefined) ?? 0);
    const timeMs = seconds < absoluteFrom ? this.#nowMs + seconds * 1000 : seconds * 1000;
    if (!(timeMs >= 0 && timeMs <= latest * 1000)) return invalid("must have a time between the years 1970 and 9999");
    if ((typeof value === "number" && !Number.isFinite(value)) || (sum !== undefined && !Number.isFinite(sum)))
      return invalid("must have a value that stays finite with its base");
    return { name, unit, timeMs: Math.round(timeMs), value, sum, updateSeconds: fields["ut"] as number | undefined };
  }

  #valueOf(fields: Fields, label: (typeof valueLabels)[number] | undefined): Measurement["value"] {
    if (label !== undefined && label !== "v") return fields[label];
    if (label === undefined && this.#value === undefined) return undefined;
    return ((fields["v"] as number | undefined) ?? 0) + (this.#value ?? 0);
  }
}
