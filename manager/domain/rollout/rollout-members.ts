import { TextRowTable } from "../../../kernel/text-row-table.ts";
import type { RolloutPlan } from "./rollout-plan.ts";

/**
 * Where a member is. `waiting` for its turn or its next try; `offered`, `under-way` and `committed` (staged or on trial: it can't be called back)
 * hold a slot; `deferred` by a person or a lock, without one; the others are ends. `had`: it ran the image before its turn came.
 */
export const memberPhases = [
  ...(["waiting", "offered", "under-way", "committed", "deferred"] as const),
  ...(["succeeded", "failed", "cancelled", "had", "left"] as const),
] as const;
export type MemberPhase = (typeof memberPhases)[number];

const had = memberPhases.indexOf("had");
const left = memberPhases.indexOf("left");

/** Row of a member; private to the state that gave it. */
export type MemberRow = number;

export const noWave = 0xff;

const columns = {
  /** Index into `memberPhases`. */
  phase: "u8",
  /** The wave in which it was first offered; `noWave` before. */
  wave: "u8",
  /** Bits of `memberFlags`. */
  flags: "u8",
  tries: "u8",
  /** Offers so far: each has an attempt of its own. */
  offers: "u16",
  /** Index into the texts. */
  reason: "u16",
  site: "u16",
  /** The stable hash that decides the order. */
  hash: "u32",
  leaseUntilMs: "f64",
  retryAtMs: "f64",
  endedAtMs: "f64",
} as const;

export const memberFlags = { isCanary: 1, isSleeper: 2 } as const;

const noText = 0;
/** Reasons and sites are few; what comes from nodes could be many. Further ones are `other`. */
const maxTexts = 4096;

/** The members of one rollout in flat columns, some 60 bytes each beside the id, and their order. */
export class RolloutMembers {
  #table: TextRowTable<typeof columns>;
  readonly #seed: number;
  readonly #rollout: string;
  readonly #attempts: string;
  readonly #canaries: ReadonlySet<string>;
  readonly #texts: string[] = ["", "other"];
  readonly #numbers = new Map<string, number>([["", 0]]);
  readonly #counts = new Array<number>(memberPhases.length).fill(0);
  #order = new Uint32Array(0);
  #ranks = new Uint32Array(0);
  #isOrdered: boolean = true;
  #touched = 0;

  /** `salt`: beside the rollout's id in the names of attempts. */
  constructor({ id, canaries }: Pick<RolloutPlan, "id" | "canaries">, salt: string = "") {
    this.#rollout = id;
    this.#attempts = `${id}${salt}`;
    this.#seed = stableHash(id, "");
    this.#canaries = new Set(canaries);
    this.#table = new TextRowTable({ capacity: 256, columns, hashSeed: this.#seed });
  }

  get columns(): TextRowTable<typeof columns>["columns"] {
    return this.#table.columns;
  }

  /** Without those that left. */
  get count(): number {
    return this.#table.size - this.countIn("left");
  }

  /** Members that waves are made of: whoever ran the image before its turn has none, and nothing that a gate could look at. */
  get inTurn(): number {
    return this.count - this.countIn("had");
  }

  /** Members that were ever offered the update, and weren't put back by a retry. */
  get touched(): number {
    return this.#touched;
  }

  countIn(phase: MemberPhase): number {
    return this.#counts[memberPhases.indexOf(phase)]!;
  }

  find(node: string): MemberRow {
    return this.#table.find(node);
  }

  idOf(row: MemberRow): string {
    return this.#table.keyOf(row) ?? "";
  }

  phase(row: MemberRow): MemberPhase {
    return memberPhases[this.columns.phase[row]!]!;
  }

  add(node: string, tries: number): MemberRow {
    if (this.#table.size === this.#table.capacity) this.#grow();
    const row = this.#table.insert(node);
    const own = this.columns;
    own.phase[row] = 0;
    own.wave[row] = noWave;
    own.flags[row] = this.#canaries.has(node) ? memberFlags.isCanary : 0;
    own.tries[row] = Math.min(tries, 255);
    own.hash[row] = stableHash(this.#rollout, node);
    this.#counts[0]!++;
    this.#isOrdered = false;
    return row;
  }

  setPhase(row: MemberRow, phase: MemberPhase): void {
    const next = memberPhases.indexOf(phase);
    const before = this.columns.phase[row]!;
    this.#counts[before]!--;
    this.#counts[next]!++;
    this.columns.phase[row] = next;
    if (isOutOfTurn(next) || isOutOfTurn(before)) this.#isOrdered = false;
  }

  setWave(row: MemberRow, wave: number): void {
    const { wave: waves } = this.columns;
    this.#touched += (wave === noWave ? 0 : 1) - (waves[row] === noWave ? 0 : 1);
    waves[row] = wave;
  }

  reason(row: MemberRow): string | undefined {
    return this.#texts[this.columns.reason[row]!] || undefined;
  }

  setReason(row: MemberRow, reason: string | undefined): void {
    this.columns.reason[row] = this.#numberOf(reason);
  }

  site(row: MemberRow): string | undefined {
    return this.#texts[this.columns.site[row]!] || undefined;
  }

  setSite(row: MemberRow, site: string | undefined): void {
    this.columns.site[row] = this.#numberOf(site);
  }

  /** Rows in the order in which they have their turn, canaries first; without those that left or had the image. */
  get order(): Uint32Array {
    this.#sort();
    return this.#order;
  }

  /** Its place in that order, from 0. */
  rank(row: MemberRow): number {
    this.#sort();
    return this.#ranks[row]!;
  }

  *rows(): Generator<MemberRow> {
    for (let row = this.#table.nextRow(0); row !== -1; row = this.#table.nextRow(row + 1)) yield row;
  }

  /** The name of its newest attempt, or of the next one. The same after a restart, so that nothing is offered twice. */
  attemptId(row: MemberRow, offers: number = this.columns.offers[row]!): string {
    const text = `${this.#attempts}/${offers}`;
    const node = this.idOf(row);
    return `r-${hex(stableHash(text, node))}${hex(stableHash(node, text))}`;
  }

  /** Whether that is the name of its newest attempt; asked for each event, so that no text is made. */
  isNewestAttempt(row: MemberRow, attempt: string): boolean {
    if (attempt.length !== 18 || !attempt.startsWith("r-")) return false;
    const text = `${this.#attempts}/${this.columns.offers[row]!}`;
    const node = this.idOf(row);
    return (
      stableHash(text, node) === Number.parseInt(attempt.slice(2, 10), 16) &&
      stableHash(node, text) === Number.parseInt(attempt.slice(10), 16)
    );
  }

  #numberOf(text: string | undefined): number {
    if (text === undefined) return noText;
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= maxTexts) return 1;
    const number = this.#texts.push(text) - 1;
    this.#numbers.set(text, number);
    return number;
  }

  #sort(): void {
    if (this.#isOrdered) return;
    this.#isOrdered = true;
    const { hash, flags, phase } = this.columns;
    const keys = new Float64Array(this.inTurn);
    let at = 0;
    // Hash and row as one number sort without a comparison function; canaries stand below all others.
    for (const row of this.rows()) {
      if (isOutOfTurn(phase[row]!)) continue;
      const isCanary = (flags[row]! & memberFlags.isCanary) !== 0;
      keys[at++] = (hash[row]! - (isCanary ? 2 ** 32 : 0)) * rowShift + row;
    }
    keys.sort();
    this.#order = new Uint32Array(at);
    this.#ranks = new Uint32Array(this.#table.capacity);
    for (let rank = 0; rank < at; rank++) {
      const row = keys[rank]! - Math.floor(keys[rank]! / rowShift) * rowShift;
      this.#order[rank] = row;
      this.#ranks[row] = rank;
    }
  }

  #grow(): void {
    const before = this.#table;
    const table = new TextRowTable({ capacity: before.capacity * 2, columns, hashSeed: this.#seed });
    for (let row = 0; row < before.capacity; row++) {
      const moved = table.insert(before.keyOf(row)!);
      if (moved !== row) throw new Error("A member's row moved.");
      for (const name of Object.keys(columns) as (keyof typeof columns)[]) {
        table.columns[name][row] = before.columns[name][row]!;
      }
    }
    this.#table = table;
  }
}

const rowShift = 2 ** 20;

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

/** FNV-1a over both, mixed: stable across versions, since running rollouts are ordered by it. */
export function stableHash(first: string, second: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < first.length; at++) hash = Math.imul(hash ^ first.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ 0x2f, 0x01000193);
  for (let at = 0; at < second.length; at++) hash = Math.imul(hash ^ second.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function isOutOfTurn(phase: number): boolean {
  return phase === had || phase === left;
}
