import { type ChainedEntry, chainHash, chainStart } from "./audit-chain.ts";

/** An entry with the hash that is stored beside it. */
export interface HashedEntry extends ChainedEntry {
  readonly hash: string;
}

/** How far a partition's chain went when it was written down. */
export interface ChainHead {
  readonly partition: number;
  readonly sequence: number;
  readonly hash: string;
}

export interface AuditProblem {
  /**
   * altered: the entry doesn't follow from the one before; reordered: it stood at `belongsAt`; missing: entries within the chain are gone;
   * cut: entries at its end are gone; rewritten: the chain is whole, and another than it was when its head was written down.
   */
  readonly kind: "altered" | "reordered" | "missing" | "cut" | "rewritten";
  readonly partition: number;
  readonly sequence: number;
  /** The last of several entries. */
  readonly through?: number;
  readonly belongsAt?: number;
}

interface Bad {
  readonly entry: HashedEntry;
  readonly before: string;
}

/** Entries that are exchanged for each other are looked for among so many neighbours. */
const maxRun = 16;

/**
 * Checks one partition's chain: give it every entry in order of their sequence, then `end`. `heads` are what was written down of this
 * partition: in the database, in the sealed copy, in an older export.
 */
export class AuditVerifier {
  readonly problems: AuditProblem[] = [];
  entries = 0;
  readonly #partition: number;
  readonly #heads: readonly ChainHead[];
  #before = chainStart;
  #last = 0;
  #run: Bad[] = [];

  constructor(partition: number, heads: readonly ChainHead[]) {
    this.#partition = partition;
    this.#heads = heads.filter((head) => head.partition === partition);
  }

  add(entry: HashedEntry): void {
    this.entries++;
    const { sequence, hash } = entry;
    const expected = this.#last + 1;
    const hasGap = sequence > expected;
    if (hasGap) {
      this.#endRun();
      this.#report({ kind: "missing", sequence: expected, ...(sequence > expected + 1 && { through: sequence - 1 }) });
    }
    // Behind a gap the hash before is unknown: this one is taken at its word, and checked by what follows it.
    const isGood = sequence >= expected && (hasGap || chainHash(this.#before, entry) === hash);
    if (!isGood) this.#run.push({ entry, before: this.#before });
    if (isGood || this.#run.length >= maxRun) this.#endRun();
    for (const head of this.#heads) {
      if (head.sequence === sequence && head.hash !== hash) this.#report({ kind: "rewritten", sequence });
    }
    this.#before = hash;
    this.#last = Math.max(this.#last, sequence);
  }

  end(): readonly AuditProblem[] {
    this.#endRun();
    const furthest = Math.max(0, ...this.#heads.map(({ sequence }) => sequence));
    if (furthest > this.#last) {
      const first = this.#last + 1;
      this.#report({ kind: "cut", sequence: first, ...(furthest > first && { through: furthest }) });
    }
    return this.problems;
  }

  /** Names what is wrong with neighbours that don't follow from each other. */
  #endRun(): void {
    const run = this.#run;
    this.#run = [];
    const moved = run.length < 2 ? [] : run.map((bad) => [bad, placeOf(bad, run)] as const);
    const places = new Map(moved.filter(([, place]) => place !== undefined));
    // Who follows two that changed places is right itself, and only its forerunner isn't.
    for (const bad of run) {
      const { sequence } = bad.entry;
      const belongsAt = places.get(bad);
      if (belongsAt === sequence) continue;
      this.#report(
        belongsAt === undefined ? { kind: "altered", sequence } : { kind: "reordered", sequence, belongsAt },
      );
    }
  }

  #report(problem: Omit<AuditProblem, "partition">): void {
    this.problems.push({ ...problem, partition: this.#partition });
  }
}

/** At which place of the run the entry has the hash that stands beside it. */
function placeOf({ entry }: Bad, run: readonly Bad[]): number | undefined {
  const befores = new Set([...run.map(({ before }) => before), ...run.map((each) => each.entry.hash)]);
  for (const { entry: other } of run) {
    for (const before of befores) {
      if (chainHash(before, { ...entry, sequence: other.sequence }) === entry.hash) return other.sequence;
    }
  }
  return undefined;
}
