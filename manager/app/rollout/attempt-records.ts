import { isEnded } from "../../domain/attempt-machine.ts";
import { medianOf } from "../../domain/rollout/median-difference.ts";
import type { AttemptRecord } from "../attempt-record.ts";

/** Of a node without any record: a slow link, and the time of a reboot and a registration. */
const unknownBytesPerSecond = 20_000;
export const rebootMs = 30_000;
/** So many tries of the whole fleet count beside a node's own. */
const priorTries = 4;
/** Of a fleet without any record. */
const unknownFailureChance = 0.01;
const unknownRollBackChance = 0;
/** Reasons of tries that are drawn from: of a large past the newest. */
const maxReasons = 10_000;

interface Tries {
  tries: number;
  failed: number;
  rolledBack: number;
}

/** What tries of the past say of nodes: how fast they are, and how often and why they come to nothing. */
export class AttemptRecords {
  readonly failureReasons: string[] = [];
  readonly rollBackReasons: string[] = [];
  readonly #nodes = new Map<string, Tries & { readonly speeds: number[] }>();
  readonly #speeds: number[] = [];
  readonly #whole: Tries = { tries: 0, failed: 0, rolledBack: 0 };
  #median: number | undefined;

  add({ node, progress, startedAtMs }: AttemptRecord): void {
    const { state, total, changedAtMs, reason = "unknown" } = progress;
    // What the manager's absence spoilt says nothing of a node, as everywhere.
    if (!isEnded(state) || state === "cancelled" || reason === "manager-unreachable") return;
    const own = this.#nodes.get(node) ?? { tries: 0, failed: 0, rolledBack: 0, speeds: [] };
    this.#nodes.set(node, own);
    for (const each of [own, this.#whole]) {
      each.tries++;
      if (state === "rolled-back") each.rolledBack++;
      else if (state !== "succeeded") each.failed++;
    }
    if (state !== "succeeded") {
      const reasons = state === "rolled-back" ? this.rollBackReasons : this.failureReasons;
      if (reasons.length < maxReasons) reasons.push(reason);
      return;
    }
    if (total === undefined || total === 0) return;
    const seconds = (changedAtMs - startedAtMs - rebootMs) / 1000;
    const speed = total / Math.max(seconds, 1);
    own.speeds.push(speed);
    this.#speeds.push(speed);
    this.#median = undefined;
  }

  bytesPerSecond(node: string): number {
    const own = this.#nodes.get(node)?.speeds ?? [];
    if (own.length > 0) return medianOf(own);
    this.#median ??= this.#speeds.length > 0 ? medianOf(this.#speeds) : unknownBytesPerSecond;
    return this.#median;
  }

  /** Of one try, before the image is booted. */
  failureChance(node: string): number {
    return this.#chance(node, "failed", unknownFailureChance);
  }

  /** Of one try, after it. */
  rollBackChance(node: string): number {
    return this.#chance(node, "rolledBack", unknownRollBackChance);
  }

  #chance(node: string, what: "failed" | "rolledBack", unknown: number): number {
    const own = this.#nodes.get(node) ?? { tries: 0, failed: 0, rolledBack: 0 };
    const whole = this.#whole.tries === 0 ? unknown : this.#whole[what] / this.#whole.tries;
    return (whole * priorTries + own[what]) / (priorTries + own.tries);
  }
}
