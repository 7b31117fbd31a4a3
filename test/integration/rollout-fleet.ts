import { expect } from "vitest";
import type { RolloutView } from "../../manager/app/api/rollouts.ts";
import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";
import type { RolloutPlan } from "../../manager/domain/rollout/rollout-plan.ts";
import type { StatusReport, Update } from "../../schemas/generated/types.ts";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";

export const update = (over: Partial<Update> = {}): Update =>
  ({ id: "fw-2", version: "2.0.0", size: 2000, digest: digestB, model: "sensor", sequence: 2, ...over }) as Update;
export const previous = update({
  id: "fw-1-again",
  version: "1.0.0",
  size: 1000,
  digest: digestA as never,
  sequence: 3,
});

export function plan(over: Record<string, unknown> = {}): RolloutPlan {
  const gate = { soakSeconds: 60, health: [] };
  const parsed = parseRolloutPlan({ id: "r1", update: "fw-2", gate, ...over });
  if (!parsed.ok) throw new Error(`${parsed.path} ${parsed.rule}`);
  return parsed.plan;
}

/** Nodes that do what the update asks of them, well or badly. */
export class RolloutFleet {
  h: AppHarness;
  readonly ids: readonly string[];
  /** What each node does with an offer. */
  how: (node: string) => "succeeds" | "rolls-back" | "fails" | "ignores" = () => "succeeds";
  /** What else it tells of itself. */
  tells: (node: string) => Partial<StatusReport> = () => ({});
  readonly offers = new Map<string, number>();
  readonly #runs = new Map<string, string>();
  readonly #boots = new Map<string, number>();

  constructor(h: AppHarness, count: number) {
    this.h = h;
    this.ids = Array.from({ length: count }, (_, i) => `n${i}`);
  }

  async register(): Promise<void> {
    for (const id of this.ids) await this.h.register(id, { digest: this.runs(id) as never });
  }

  runs(id: string): string {
    return this.#runs.get(id) ?? digestA;
  }

  /** Everybody says that it lives, and does what it is told. */
  async beat(): Promise<void> {
    const { app } = this.h;
    for (const id of this.ids) {
      const rev = this.#boots.get(id) ?? 0;
      const report = { status: "healthy", digest: this.runs(id) as never, confirmed: true, ...this.tells(id) } as const;
      const beat = app.heartbeats.beat(id, rev, report, undefined);
      if (beat.kind !== "action") continue;
      const { action } = beat;
      if (action.kind === "none") this.#boots.set(id, action.rev);
      if (action.kind !== "update") continue;
      const how = this.how(id);
      if (how === "ignores") continue;
      this.offers.set(id, (this.offers.get(id) ?? 0) + 1);
      this.#boots.set(id, action.rev);
      if (how === "fails") {
        app.heartbeats.beat(
          id,
          action.rev,
          { result: { rev: action.rev, outcome: "failed", reason: "no-space" } },
          undefined,
        );
      } else if (how === "rolls-back") {
        await this.h.wait(app.attempts.report(id, { attempt: action.attempt, state: "staged" } as never, "coap"));
        const rolledBack = { digest: action.digest as never, reason: "crash" };
        await this.h.register(id, { digest: this.runs(id) as never, lastRev: action.rev, rolledBack });
      } else {
        this.#runs.set(id, action.digest);
        const result = { rev: action.rev, outcome: "done" as const };
        app.heartbeats.beat(id, action.rev, { digest: action.digest as never, confirmed: true, result }, undefined);
      }
    }
    await this.h.settle(200);
  }

  /** Time passes in steps of `stepMs`, with heartbeats, until it is so. */
  async until(
    what: string,
    isSo: (view: RolloutView) => boolean,
    rollout = "r1",
    stepMs = 20_000,
  ): Promise<RolloutView> {
    for (let steps = 0; steps < 400; steps++) {
      await this.beat();
      const view = this.h.app.rollouts.find(rollout);
      if (view !== undefined && isSo(view)) return view;
      await this.h.settle(stepMs);
    }
    throw new Error(`never ${what}: ${JSON.stringify(this.h.app.rollouts.find(rollout))}`);
  }
}

/** `prepare`: what the nodes do before there is a rollout. */
export async function started(
  count: number,
  over: Record<string, unknown> = {},
  options = {},
  prepare: (fleet: RolloutFleet) => Promise<void> = async () => undefined,
): Promise<RolloutFleet> {
  const h = await new AppHarness(options).start();
  const fleet = new RolloutFleet(h, count);
  await fleet.register();
  await fleet.beat();
  await prepare(fleet);
  expect((await fleet.h.wait(fleet.h.app.updates.create(update(), operator))).kind).toBe("created");
  expect((await fleet.h.wait(fleet.h.app.updates.create(previous, operator))).kind).toBe("created");
  expect(await fleet.h.wait(fleet.h.app.rollouts.create(plan(over), operator))).toMatchObject({ kind: "created" });
  expect(await fleet.h.wait(fleet.h.app.rollouts.steer("r1", { kind: "start" }, operator))).toMatchObject({
    kind: "done",
  });
  return fleet;
}
