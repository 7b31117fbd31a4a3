import type { RolloutState } from "./rollout-state.ts";

/** Offers are made a second ahead of what `bytesPerSecond` allows, so that many small images go out together. */
const bytesAheadMs = 1000;

/** What the limits have left while offers are being chosen that the state doesn't know yet. */
export class OfferLedger {
  active: number;
  sleepers: number;
  touched: number;
  readonly #state: RolloutState;
  readonly #sites = new Map<string, number>();
  #chosen = 0;
  #bytesUntilMs: number;

  constructor(state: RolloutState, nowMs: number) {
    this.#state = state;
    this.active = state.active;
    this.sleepers = state.sleepers;
    this.touched = state.members.touched;
    this.#bytesUntilMs = Math.max(state.bytesUntilMs, nowMs);
  }

  activeAt(site: string): number {
    return (this.#state.activeBySite.get(site) ?? 0) + (this.#sites.get(site) ?? 0);
  }

  get rateFreeAtMs(): number {
    return this.#state.rateFreeAtMs(this.#chosen);
  }

  get bytesFreeAtMs(): number {
    return this.#state.plan.limits.bytesPerSecond === undefined
      ? Number.NEGATIVE_INFINITY
      : this.#bytesUntilMs - bytesAheadMs;
  }

  /** One more is chosen. */
  take(about: { readonly isSleepy: boolean; readonly site?: string | undefined; readonly isNew: boolean }): void {
    if (about.isSleepy) this.sleepers++;
    else this.active++;
    if (about.isNew) this.touched++;
    if (about.site !== undefined) this.#sites.set(about.site, (this.#sites.get(about.site) ?? 0) + 1);
    this.#chosen++;
    this.#bytesUntilMs += this.#state.imageMs;
  }
}
