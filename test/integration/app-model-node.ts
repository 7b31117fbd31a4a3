import type { Action, AttemptReport, StatusReport } from "../../schemas/generated/types.ts";
import type { AppHarness } from "./app-harness.ts";
import { digestA, digestB } from "./app-harness.ts";

/**
 * A node as the device protocol describes it, as small as can be: it remembers the last finished rev, does each action once,
 * and can lose power or its memory between any two steps.
 */
export class ModelNode {
  readonly id: string;
  /** Ids of commands in the order in which they were done; the point of it all is that none is in here twice. */
  readonly done: string[] = [];
  /** What each rev meant when it was first offered. */
  readonly meanings = new Map<number, string>();
  readonly violations: string[] = [];
  /** Digests that it said it runs, confirmed, since its newest attempt was offered. */
  readonly confirmed = new Set<string>();
  rev = 0;
  digest = digestA;
  isConfirmed = true;
  rolledBack: { digest: string; reason: string } | undefined;
  isRegistered = false;
  settings: Record<string, unknown> = {};
  /** An image that doesn't pass its self-test. */
  refusesDigest: string | undefined;
  #result: StatusReport["result"];

  constructor(id: string) {
    this.id = id;
  }

  /** Holds the manager to what it may call a success. */
  watch(h: AppHarness): void {
    h.app.events.subscribe((event) => {
      if (event.kind !== "attempt" || event.node !== this.id) return;
      if (event.state === "offered") this.confirmed.clear();
      if (event.state === "succeeded" && !this.confirmed.has(digestB)) {
        this.violations.push(`attempt ${event.attempt} succeeded, but nobody said so`);
      }
    });
  }

  async register(h: AppHarness): Promise<void> {
    if (this.isConfirmed) this.confirmed.add(this.digest);
    const outcome = await h.register(this.id, {
      digest: this.digest as never,
      confirmed: this.isConfirmed,
      lastRev: this.rev,
      ...(this.rolledBack && { rolledBack: this.rolledBack as never }),
    });
    this.isRegistered = outcome.kind !== "refused";
  }

  /** One heartbeat, and the action it brought. */
  async beat(h: AppHarness): Promise<void> {
    if (this.isConfirmed) this.confirmed.add(this.digest);
    const report: StatusReport = {
      status: "healthy",
      digest: this.digest as never,
      confirmed: this.isConfirmed,
      ...(this.#result && { result: this.#result }),
    };
    const outcome = h.app.heartbeats.beat(this.id, this.rev, report, undefined);
    if (outcome.kind === "unknown-node") this.isRegistered = false;
    else this.#result = undefined;
    if (outcome.kind === "action") await this.act(h, outcome.action);
  }

  async act(h: AppHarness, action: Action): Promise<void> {
    const { rev } = action;
    if (rev <= this.rev) {
      this.violations.push(`rev ${rev} was offered to a node at ${this.rev}`);
      return;
    }
    const meaning = action.kind === "command" ? action.id : action.kind;
    const before = this.meanings.get(rev);
    if (action.kind !== "none" && before !== undefined && before !== meaning) {
      this.violations.push(`rev ${rev} meant ${before}, then ${meaning}`);
    }
    if (action.kind !== "none") this.meanings.set(rev, meaning);
    if (action.kind === "command") this.done.push(action.id);
    if (action.kind === "config") Object.assign(this.settings, action.config);
    if (action.kind === "update") {
      await this.#update(h, action);
      return;
    }
    this.#finish(rev, { outcome: "done" });
  }

  async #update(h: AppHarness, { rev, attempt, digest }: Extract<Action, { kind: "update" }>): Promise<void> {
    const report = async (state: AttemptReport["state"], more: Partial<AttemptReport> = {}): Promise<void> => {
      // A report that fails is lost; the node goes on.
      await h.wait(h.app.attempts.report(this.id, { attempt, state, ...more }, "coap")).catch(() => undefined);
    };
    await report("downloading", { percent: 50 });
    await report("staged");
    if (digest === this.refusesDigest) {
      this.rolledBack = { digest, reason: "self-test" };
      this.#finish(rev, { outcome: "failed", reason: "self-test" });
    } else {
      this.digest = digest;
      this.isConfirmed = false;
      await this.register(h).catch(() => undefined);
      this.isConfirmed = true;
      this.rolledBack = undefined;
      this.#finish(rev, { outcome: "done" });
    }
    await this.register(h).catch(() => undefined);
  }

  #finish(rev: number, how: { outcome: "done" | "failed"; reason?: string }): void {
    this.rev = rev;
    this.#result = { rev, ...how };
  }
}
