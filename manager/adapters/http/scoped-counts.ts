import type { Clock } from "../../../kernel/clock.ts";
import type { PresenceCounts } from "../../app/api/registry.ts";
import type { Scope } from "../../domain/scope.ts";

/** Full: the one that was counted first is counted anew. */
const maxKept = 64;
/** Counting takes at most one part in so many of the time. */
const restFactor = 20;

interface Kept {
  readonly counts: PresenceCounts;
  readonly untilMs: number;
}

/**
 * How many nodes those see who see part of the fleet. To count them is to look at every node, which takes a second where there are a million: so
 * the answer stays good for twenty times as long as it took, and nobody who asks again and again holds everybody else up.
 */
export class ScopedCounts {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #kept = new Map<string, Kept>();

  constructor({ clock }: { readonly clock: Pick<Clock, "monotonicMs"> }) {
    this.#clock = clock;
  }

  of(scopes: readonly Scope[], count: () => PresenceCounts): PresenceCounts {
    const name = JSON.stringify(scopes);
    const startMs = this.#clock.monotonicMs();
    const kept = this.#kept.get(name);
    if (kept !== undefined && startMs < kept.untilMs) return kept.counts;
    const counts = count();
    const endMs = this.#clock.monotonicMs();
    this.#kept.delete(name);
    const [first] = this.#kept.keys();
    if (this.#kept.size >= maxKept && first !== undefined) this.#kept.delete(first);
    this.#kept.set(name, { counts, untilMs: endMs + restFactor * (endMs - startMs) });
    return counts;
  }
}
