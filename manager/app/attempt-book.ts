import { isEnded } from "../domain/attempt-machine.ts";
import type { Storage } from "../ports/storage.ts";
import type { UpdateCounts } from "./api/updates.ts";
import { type AttemptRecord, attemptTable } from "./attempt-record.ts";

export interface KeptAttempt {
  record: AttemptRecord;
  /** Of the stored row. */
  revision: number;
}

/** Attempts in memory: all open ones, and the newest ended ones. Counts by update and state are of all ever seen. */
export class AttemptBook {
  readonly #capacity: number;
  /** Ended ones are moved to the end when they end, so that the first ended one is the oldest. */
  readonly #byId = new Map<string, KeptAttempt>();
  readonly #openByNode = new Map<string, string>();
  readonly #newest = new Map<string, string>();
  readonly #newestByNode = new Map<string, string>();
  /** Ended ones of each node, oldest first. */
  readonly #endedByNode = new Map<string, string[]>();
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #resumes = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  #ended = 0;

  constructor({ capacity }: { capacity: number }) {
    this.#capacity = capacity;
  }

  async load(storage: Storage): Promise<void> {
    const all: KeptAttempt[] = [];
    for (let after = ""; ; ) {
      const page = await storage.list(attemptTable, { after });
      for (const { revision, value } of page) all.push({ record: value as AttemptRecord, revision });
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.key;
    }
    // Within a millisecond, and when the wall clock went back, a node's revs tell the order.
    all.sort((a, b) => a.record.startedAtMs - b.record.startedAtMs || a.record.progress.rev - b.record.progress.rev);
    for (const { record, revision } of all) this.add(record, revision);
  }

  get open(): number {
    return this.#openByNode.size;
  }

  /** False: no room, since all that are kept are open. */
  get hasRoom(): boolean {
    return this.#byId.size < this.#capacity || this.#ended > 0;
  }

  add(record: AttemptRecord, revision: number): void {
    const { id, update, node, progress } = record;
    this.#byId.set(id, { record, revision });
    this.#newest.set(`${update}/${node}`, id);
    this.#newestByNode.set(node, id);
    this.#count(update, progress.state, 1);
    if (record.resumes > 0) this.#resumes.set(update, (this.#resumes.get(update) ?? 0) + record.resumes);
    const tries = `${node}/${progress.digest}`;
    // What failed because the manager couldn't be reached says nothing against the image.
    if (progress.reason !== "manager-unreachable") this.#tries.set(tries, (this.#tries.get(tries) ?? 0) + 1);
    if (isEnded(progress.state)) this.#countEnded(node, id);
    else this.#openByNode.set(node, id);
    this.#evict();
  }

  /** The record changed: in memory alone, or with the revision that storage gave it. */
  replace(record: AttemptRecord, revision?: number): void {
    const kept = this.#byId.get(record.id);
    if (kept === undefined) return;
    const before = kept.record;
    kept.record = record;
    if (revision !== undefined) kept.revision = revision;
    if (record.resumes !== before.resumes) {
      this.#resumes.set(record.update, (this.#resumes.get(record.update) ?? 0) + record.resumes - before.resumes);
    }
    if (record.progress.state === before.progress.state) return;
    this.#count(record.update, before.progress.state, -1);
    this.#count(record.update, record.progress.state, 1);
    if (!isEnded(record.progress.state)) return;
    if (record.progress.reason === "manager-unreachable") this.#untry(record.node, record.progress.digest);
    if (this.#openByNode.get(record.node) === record.id) this.#openByNode.delete(record.node);
    this.#byId.delete(record.id);
    this.#byId.set(record.id, kept);
    this.#countEnded(record.node, record.id);
    this.#evict();
  }

  /** Ended attempts of a node beyond its newest `keep`, oldest first; evicted ones are not among them. */
  excess(node: string, keep: number): AttemptRecord[] {
    const ended = this.#endedByNode.get(node) ?? [];
    return ended.slice(0, Math.max(ended.length - keep, 0)).flatMap((id) => this.#byId.get(id)?.record ?? []);
  }

  /** It is gone from storage: as if it had never been. */
  remove(id: string): void {
    const record = this.#byId.get(id)?.record;
    if (record === undefined) return;
    const { update, node, progress, resumes } = record;
    this.#count(update, progress.state, -1);
    this.#resumes.set(update, (this.#resumes.get(update) ?? 0) - resumes);
    // It wasn't counted as a try, so there is none to take back.
    if (progress.reason !== "manager-unreachable") this.#untry(node, progress.digest);
    if (this.#openByNode.get(node) === id) this.#openByNode.delete(node);
    this.#drop(id, record);
  }

  get(id: string): KeptAttempt | undefined {
    return this.#byId.get(id);
  }

  openOf(node: string): KeptAttempt | undefined {
    if (this.#openByNode.size === 0) return undefined;
    const id = this.#openByNode.get(node);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  newestOf(update: string, node: string): KeptAttempt | undefined {
    const id = this.#newest.get(`${update}/${node}`);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** The node's newest attempt at anything. */
  newestOfNode(node: string): KeptAttempt | undefined {
    const id = this.#newestByNode.get(node);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** How often the node tried that image, not counting what the manager's absence spoilt. */
  tries(node: string, digest: string): number {
    return this.#tries.get(`${node}/${digest}`) ?? 0;
  }

  *allOpen(): IterableIterator<KeptAttempt> {
    for (const id of this.#openByNode.values()) {
      const kept = this.#byId.get(id);
      if (kept !== undefined) yield kept;
    }
  }

  counts(update: string): {
    readonly states: Readonly<Record<string, number>>;
    readonly total: number;
    readonly resumed: number;
  } {
    const states = Object.fromEntries([...(this.#counts.get(update) ?? [])].filter(([, count]) => count > 0));
    const total = Object.values(states).reduce((sum, count) => sum + count, 0);
    return { states, total, resumed: this.#resumes.get(update) ?? 0 };
  }

  /** Of the attempts that are kept, unlike `counts`: of a dropped one it isn't known any more whose it was. */
  countsWithin(within: (node: string) => boolean): (update: string) => UpdateCounts {
    const found = new Map<string, { states: Record<string, number>; total: number; resumed: number }>();
    for (const { record } of this.#byId.values()) {
      const { update, node, progress, resumes } = record;
      if (!within(node)) continue;
      const counts = found.get(update) ?? { states: {}, total: 0, resumed: 0 };
      counts.states[progress.state] = (counts.states[progress.state] ?? 0) + 1;
      counts.total++;
      counts.resumed += resumes;
      found.set(update, counts);
    }
    return (update) => ({ update, ...(found.get(update) ?? { states: {}, total: 0, resumed: 0 }) });
  }

  #untry(node: string, digest: string): void {
    const key = `${node}/${digest}`;
    const tries = (this.#tries.get(key) ?? 1) - 1;
    if (tries > 0) this.#tries.set(key, tries);
    else this.#tries.delete(key);
  }

  #count(update: string, state: string, by: number): void {
    let states = this.#counts.get(update);
    if (states === undefined) {
      states = new Map();
      this.#counts.set(update, states);
    }
    states.set(state, (states.get(state) ?? 0) + by);
  }

  #countEnded(node: string, id: string): void {
    this.#ended++;
    const ended = this.#endedByNode.get(node);
    if (ended === undefined) this.#endedByNode.set(node, [id]);
    else ended.push(id);
  }

  #evict(): void {
    if (this.#byId.size <= this.#capacity || this.#ended === 0) return;
    for (const [id, { record }] of this.#byId) {
      if (!isEnded(record.progress.state)) continue;
      this.#drop(id, record);
      return;
    }
  }

  #drop(id: string, record: AttemptRecord): void {
    const { update, node, progress } = record;
    this.#byId.delete(id);
    const pair = `${update}/${node}`;
    if (this.#newest.get(pair) === id) this.#newest.delete(pair);
    if (this.#newestByNode.get(node) === id) this.#newestByNode.delete(node);
    if (!isEnded(progress.state)) return;
    this.#ended--;
    const left = (this.#endedByNode.get(node) ?? []).filter((each) => each !== id);
    if (left.length === 0) this.#endedByNode.delete(node);
    else this.#endedByNode.set(node, left);
  }
}
