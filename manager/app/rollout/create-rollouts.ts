import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { attemptRank } from "../../domain/attempt-machine.ts";
import type { Storage } from "../../ports/storage.ts";
import type { AttemptRecord } from "../attempt-record.ts";
import type { AttemptService } from "../attempt-service.ts";
import type { LiveEventBus } from "../live-event-bus.ts";
import type { UpdateService } from "../update-service.ts";
import { AliveMark } from "./alive-mark.ts";
import { NodeWatch } from "./node-watch.ts";
import { QuarantineBook, type QuarantineBookOptions } from "./quarantine-book.ts";
import { RolloutEffects } from "./rollout-effects.ts";
import { rolloutForecast } from "./rollout-forecast.ts";
import { RolloutHealth } from "./rollout-health.ts";
import type { RolloutFleet } from "./rollout-joining.ts";
import { RolloutLog } from "./rollout-log.ts";
import { RolloutService } from "./rollout-service.ts";
import { RolloutShelf } from "./rollout-shelf.ts";
import { type RolloutWorldOptions, rolloutWorld } from "./rollout-world.ts";

export type RolloutsOptions = QuarantineBookOptions &
  Omit<RolloutWorldOptions, "quarantine" | "watch"> & {
    readonly storage: Storage;
    readonly clock: Clock;
    readonly log: Log;
    readonly bus: LiveEventBus;
    /** Asked once all is there. */
    readonly updates: () => UpdateService;
    readonly attempts: () => AttemptService;
    readonly registry: () => Pick<RolloutFleet, "walk" | "find">;
    readonly limits: { readonly rollouts: number; readonly watchedNodes: number; readonly quarantineAfter: number };
    readonly needsApproval: boolean;
  };

/** Everything that moves updates through the fleet, wired together. The rest of the manager knows this and nothing behind it. */
export class RolloutPart {
  readonly rollouts: RolloutService;
  readonly quarantine: QuarantineBook;
  readonly #options: RolloutsOptions;
  readonly #watch: NodeWatch;
  readonly #health: RolloutHealth;
  readonly #alive: AliveMark;
  readonly #effects: RolloutEffects;

  constructor(options: RolloutsOptions) {
    this.#options = options;
    const { storage, writer, clock, log, limits } = options;
    this.quarantine = new QuarantineBook(options);
    this.#watch = new NodeWatch({ ...options, capacity: limits.watchedNodes });
    this.#health = new RolloutHealth({ storage, writer, watch: this.#watch });
    const world = { ...options, quarantine: this.quarantine, watch: this.#watch };
    const shelf = new RolloutShelf({
      ...{ clock, errors: log, log: new RolloutLog({ storage, writer }) },
      world: (state) => rolloutWorld(state, world),
      readHealth: (state) => this.#health.read(state),
      perform: (state, effect) => this.#effects.perform(state, effect),
      applied: (state, events) => {
        if (events.some(({ kind }) => kind === "settled") && state.plan.gate.health.length > 0)
          this.#health.soakBegan(state);
        if (state.isOver) this.#health.forget(state);
        this.rollouts.applied(state);
      },
    });
    this.#alive = new AliveMark({
      storage,
      writer,
      clock,
      isNeeded: () => shelf.open().length > 0 || options.book.open > 0,
    });
    this.#effects = new RolloutEffects({
      ...options,
      updates: { offer: (update, node, own) => options.updates().offer(update, node, own) },
      attempts: { apply: (attempt, event) => options.attempts().apply(attempt, event) },
      health: this.#health,
      runner: (rollout) => shelf.get(rollout),
      beginRevert: (state) => this.rollouts.beginRevert(state),
    });
    const fleet: RolloutFleet = {
      walk: (query) => options.registry().walk(query),
      find: (node) => options.registry().find(node),
      runs: (node) => options.health.latest(node)?.value.digest,
    };
    const updates = {
      find: (update: string) => options.updates().find(update),
      readiness: (update: string) => options.updates().readiness(update),
    };
    this.rollouts = new RolloutService({
      ...{ ...options, shelf, world, updates, fleet, effects: this.#effects, quarantine: this.quarantine },
      capacity: limits.rollouts,
      downtimeMs: () => this.#alive.downtimeMs,
      soaking: (state) => this.#health.soaking(state),
      forgotten: (state) => this.#health.forget(state),
      forecast: (plan, seed, progress) =>
        rolloutForecast(plan, seed, { ...options, updates, fleet, rollouts: () => this.rollouts.list() }, progress),
    });
  }

  /** After attempts and updates. */
  async load(): Promise<void> {
    for (const part of [this.quarantine, this.#health, this.#alive, this.rollouts]) await part.load();
    if (this.#alive.downtimeMs > 0) this.#options.attempts().credit(this.#alive.downtimeMs);
  }

  start(): void {
    for (const part of [this.#watch, this.#alive, this.rollouts]) part.start();
    // Somebody may have been killed between a quarantine and what it takes back.
    for (const { model, digest } of this.quarantine.list())
      this.#options.writer.behind("quarantine", this.#takeBack(model, digest));
    this.#options.bus.serve((event) => {
      if (event.kind === "registered")
        this.#options.writer.behind("rollout-join", this.rollouts.registered(event.node));
      if (event.kind !== "removed") return;
      this.#watch.forget(event.node);
      this.rollouts.removed(event.node);
    });
  }

  async stop(): Promise<void> {
    this.#alive.stop();
    await Promise.all([this.#watch.stop(), this.rollouts.stop()]);
  }

  /** A node's report was stored that isn't the one before with other figures. */
  reported(node: string): void {
    this.#watch.seen(node);
  }

  /** Every movement of every attempt. */
  attemptMoved(record: AttemptRecord): void {
    this.#effects.attemptMoved(record);
    const { state, reason } = record.progress;
    if (state === "rolled-back") this.#options.writer.behind("quarantine", this.#rolledBack(record, reason));
  }

  /** A node tells of a roll-back whose attempt was given up before it was known: the node was silent for too long. The attempt stays what it is; the image is counted. */
  toldRollBack(
    node: string,
    lastRev: number,
    { digest, reason }: { digest: string; reason?: string | undefined },
  ): void {
    const record = this.#options.book.newestOfNode(node)?.record;
    if (record === undefined || record.progress.digest !== digest || lastRev < record.progress.rev) return;
    const { state } = record.progress;
    if (state !== "cancelled" && state !== "expired") return;
    this.#options.writer.behind("quarantine", this.#rolledBack(record, reason));
  }

  /** With the last one that it takes, whoever has only been offered the image, or is fetching it, is called back too. */
  async #rolledBack({ node, update, progress }: AttemptRecord, reason: string | undefined): Promise<void> {
    const { digest, changedAtMs } = progress;
    const model = this.#modelOf(update);
    if (await this.quarantine.count(model, digest, node, reason, changedAtMs)) await this.#takeBack(model, digest);
  }

  async #takeBack(model: string, digest: string): Promise<void> {
    const { attempts, book, clock } = this.#options;
    for (const { record } of [...book.allOpen()]) {
      const { progress, id, update } = record;
      const isIts = progress.digest === digest && this.#modelOf(update) === model;
      if (!isIts || attemptRank(progress.state) >= attemptRank("staged")) continue;
      await attempts().apply(id, { kind: "cancelled", reason: "quarantined", nowMs: clock.wallMs() });
    }
  }

  #modelOf(update: string): string {
    return this.#options.updates().find(update)?.update.model ?? "unknown";
  }
}
