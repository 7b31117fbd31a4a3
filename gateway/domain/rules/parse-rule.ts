import { isSocketId } from "../../../schemas/wire/site-topics.ts";
import { type Comparison, type Dimension, isQuantity, type ParsedRule, quantities, type Term } from "./parsed-rule.ts";

/** Why a text is no rule, and at which word of it (from 0). */
export interface RuleFault {
  readonly word: number;
  readonly reason: string;
}

export type RuleReading =
  | { readonly ok: true; readonly rule: ParsedRule }
  | { readonly ok: false; readonly fault: RuleFault };

/** A rule holds for a day at most: longer ones would never have fired when someone looks. */
export const maxHoldMs = 24 * 3_600_000;
export const maxComparisons = 4;

const operators = [">", ">=", "<", "<="] as const;
const secondsOf: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600 };
const numberRule = /^(-?[0-9]{1,6}(?:\.[0-9]{1,3})?)(W|kW|%|kWh)?$/;
const timeRule = /^([01][0-9]|2[0-3]):([0-5][0-9])$/;
const holdRule = /^([0-9]{1,5})(s|min|h)?$/;

/**
 * Reads one rule:
 *
 *     when P_solar > load for 60s then socket pump on
 *     when SOC >= 80 % and time < 17:00 then socket heater on
 *     allow packs socket pump
 *
 * A side is a value of the site, a number, or both (`load + 0.5`). Powers are kW unless W stands behind the number.
 */
export function parseRule(text: string): RuleReading {
  const reader = new WordReader(text.split(" ").filter((word) => word !== ""));
  try {
    return { ok: true, rule: reader.next() === "allow" ? allowRule(reader) : switchRule(reader) };
  } catch (error) {
    if (error instanceof WordFault) return { ok: false, fault: { word: error.word, reason: error.message } };
    throw error;
  }
}

function allowRule(reader: WordReader): ParsedRule {
  reader.take("allow");
  reader.take("packs");
  const socket = socketName(reader);
  reader.end();
  return { kind: "allow-packs", socket };
}

function switchRule(reader: WordReader): ParsedRule {
  reader.take("when");
  const comparisons = [comparison(reader)];
  while (reader.next() === "and") {
    reader.take("and");
    if (comparisons.length === maxComparisons) throw reader.fault(`more than ${maxComparisons} comparisons`);
    comparisons.push(comparison(reader));
  }
  const holdMs = reader.next() === "for" ? hold(reader) : 0;
  reader.take("then");
  const socket = socketName(reader);
  const position = reader.next();
  if (position !== "on" && position !== "off") throw reader.fault("`on` or `off` is missing");
  reader.take(position);
  reader.end();
  return { kind: "switch", comparisons, holdMs, socket, isOn: position === "on" };
}

function comparison(reader: WordReader): Comparison {
  const at = reader.position;
  const left = side(reader);
  const word = reader.next();
  const operator = operators.find((each) => each === word);
  if (operator === undefined) throw reader.fault("one of > >= < <= is missing");
  reader.take(operator);
  const right = side(reader);
  const dimension = left.quantity ?? right.quantity;
  if (dimension === undefined)
    throw reader.fault("neither side is a value of the site, so it would always be the same", at);
  const wanted = quantities[dimension];
  return { left: term(left, wanted, reader, at), operator, right: term(right, wanted, reader, at) };
}

/** A side before it is known what its numbers stand for. */
interface RawSide {
  readonly quantity?: keyof typeof quantities;
  readonly number?: { readonly value: number; readonly unit: string };
}

function side(reader: WordReader): RawSide {
  const word = reader.next();
  if (word === undefined) throw reader.fault("a value or a number is missing");
  if (!isQuantity(word)) return { number: number(reader, 1) };
  reader.take(word);
  const sign = reader.next();
  if (sign !== "+" && sign !== "-") return { quantity: word };
  reader.take(sign);
  return { quantity: word, number: number(reader, sign === "+" ? 1 : -1) };
}

function number(reader: WordReader, sign: 1 | -1): { value: number; unit: string } {
  const word = reader.next() ?? "";
  const time = timeRule.exec(word);
  const match = numberRule.exec(word);
  if (!time && !match) {
    const names = Object.keys(quantities).join(", ");
    throw reader.fault(`\`${word}\` is neither a number nor a value of the site (${names})`);
  }
  reader.take(word);
  if (time) return { value: sign * (Number(time[1]) * 60 + Number(time[2])), unit: ":" };
  const behind = reader.next();
  const isUnit = match?.[2] === undefined && behind !== undefined && ["W", "kW", "%", "kWh"].includes(behind);
  if (isUnit) reader.take(behind);
  return { value: sign * Number(match?.[1]), unit: match?.[2] ?? (isUnit ? behind : "") };
}

const unitsOf: Readonly<Record<Dimension, Readonly<Record<string, number>>>> = {
  power: { "": 1000, kW: 1000, W: 1 },
  percent: { "": 1, "%": 1 },
  energy: { "": 1, kWh: 1 },
  time: { ":": 1 },
};
const spelled: Readonly<Record<Dimension, string>> = {
  power: "a power in kW or W",
  percent: "a share in %",
  energy: "an energy in kWh",
  time: "a time of day as 22:00",
};

function term({ quantity, number: given }: RawSide, dimension: Dimension, reader: WordReader, at: number): Term {
  if (quantity !== undefined && quantities[quantity] !== dimension) {
    throw reader.fault(`${quantity} is ${spelled[quantities[quantity]]}, compared with ${spelled[dimension]}`, at);
  }
  if (given === undefined) return { ...(quantity && { quantity }), constant: 0 };
  const scale = unitsOf[dimension][given.unit];
  if (scale === undefined) throw reader.fault(`the number must be ${spelled[dimension]}`, at);
  return { ...(quantity && { quantity }), constant: given.value * scale };
}

function hold(reader: WordReader): number {
  reader.take("for");
  const at = reader.position;
  const word = reader.next() ?? "";
  const match = holdRule.exec(word);
  if (!match) throw reader.fault(`\`${word}\` is no time such as 60s, 5 min, 1h`);
  reader.take(word);
  const unit = match[2] ?? reader.next() ?? "";
  const seconds = secondsOf[unit];
  if (seconds === undefined) throw reader.fault("s, min or h is missing");
  if (match[2] === undefined) reader.take(unit);
  const holdMs = Number(match[1]) * seconds * 1000;
  if (holdMs > maxHoldMs) throw reader.fault("a rule waits for 24 h at most", at);
  return holdMs;
}

function socketName(reader: WordReader): string {
  reader.take("socket");
  const socket = reader.next() ?? "";
  if (!isSocketId(socket)) throw reader.fault(`\`${socket}\` is no socket's name (small letters, digits, hyphens)`);
  reader.take(socket);
  return socket;
}

class WordFault extends Error {
  readonly word: number;

  constructor(word: number, reason: string) {
    super(reason);
    this.word = word;
  }
}

class WordReader {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get position(): number {
    return this.#at;
  }

  next(): string | undefined {
    return this.#words[this.#at];
  }

  take(word: string): void {
    if (this.next() !== word) throw this.fault(`\`${word}\` is missing`);
    this.#at += 1;
  }

  end(): void {
    if (this.next() !== undefined) throw this.fault(`\`${this.next()}\` is too much`);
  }

  fault(reason: string, word: number = this.#at): WordFault {
    return new WordFault(word, reason);
  }
}
