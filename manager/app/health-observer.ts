import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import type { StatusReport } from "../../schemas/generated/types.ts";
import { decode } from "../../schemas/wire/codec.ts";
import { nodePath } from "../../schemas/wire/paths.ts";
import type { NodeAnswer, NodeCaller, NodeObservation } from "../ports/node-caller.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "./fleet-table.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { NodeReach } from "./node-reach.ts";

export interface HealthObserverOptions {
  readonly fleet: FleetTable;
  readonly reach: NodeReach;
  readonly caller: NodeCaller;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly bus: LiveEventBus;
  readonly log: Log;
  /** A notification is a sighting. */
  sighted(node: string): void;
  reported(node: string, report: StatusReport): void;
}

interface Watch {
  observation: NodeObservation | undefined;
  /** The observation was registered once more since the last notification. */
  isRepeated: boolean;
  hasNotified: boolean;
}

const content = 0x45;
const defaultMaxAgeSeconds = 60;
const graceMs = { least: 5_000, spread: 10_000 };
/** A node that doesn't serve /health isn't asked at each of its heartbeats: the pause doubles up to this. */
const maxPauseMs = 3_600_000;
const firstPauseMs = 10_000;

/**
 * Observes /health of nodes. A notification carries how long it holds (Max-Age); when that and a random grace pass without
 * another, the observation is registered once more; after that presence decides, and the node's next uplink arms it again.
 */
export class HealthObserver {
  readonly #options: HealthObserverOptions;
  readonly #wheel: TimerWheel;
  readonly #watches = new Map<string, Watch>();
  readonly #pauses = new Map<string, { untilMs: number; lastMs: number }>();
  #isStopped: boolean = false;

  constructor(options: HealthObserverOptions) {
    this.#options = options;
    this.#wheel = new TimerWheel({
      clock: options.clock,
      capacity: options.fleet.rows.capacity,
      tickMs: 100,
      onDue: (row) => this.#due(row),
    });
  }

  get observed(): number {
    return this.#watches.size;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wheel.clear();
    for (const { observation } of this.#watches.values()) observation?.cancel();
    this.#watches.clear();
  }

  /** The node registered: whatever was observed before is over, and a pause too. */
  registered(node: string): void {
    this.#pauses.delete(node);
    const row = this.#options.fleet.find(node);
    if (row !== -1 && this.#options.fleet.has(row, nodeFlags.livesByObservation)) this.#observe(node, row);
    else this.forget(node);
  }

  /** An uplink of a node that awaits one. */
  rearm(node: string, row: NodeRow): void {
    const pause = this.#pauses.get(node);
    if (pause !== undefined && this.#options.clock.monotonicMs() < pause.untilMs) return;
    this.#observe(node, row);
  }

  forget(node: string): void {
    this.#pauses.delete(node);
    const row = this.#options.fleet.find(node);
    if (row !== -1) this.#wheel.cancel(row);
    this.#watches.get(node)?.observation?.cancel();
    this.#watches.delete(node);
  }

  #observe(node: string, row: NodeRow, isRepeated = false): void {
    if (this.#isStopped) return;
    const { fleet, reach, caller, log } = this.#options;
    fleet.set(row, nodeFlags.awaitsObservation, false);
    const before = this.#watches.get(node);
    before?.observation?.cancel();
    const watch: Watch = { observation: undefined, isRepeated, hasNotified: before?.hasNotified ?? false };
    this.#watches.set(node, watch);
    const isCurrent = (): boolean => this.#watches.get(node) === watch;
    const start = async (): Promise<void> => {
      const way = await reach.to(node);
      if (!isCurrent()) return;
      if (typeof way === "string") {
        this.#end(node, way);
        return;
      }
      const { to, credential, prefix, contentFormat } = way;
      const observation = caller.observe(
        { node, to, credential, path: [...prefix, ...nodePath("health")], accept: contentFormat },
        {
          notification: (answer) => {
            if (isCurrent()) this.#notified(node, watch, answer, contentFormat);
          },
          ended: (reason) => {
            if (isCurrent()) this.#end(node, reason);
          },
        },
      );
      if (isCurrent()) watch.observation = observation;
      else observation.cancel();
    };
    this.#arm(row, defaultMaxAgeSeconds);
    start().catch((error: unknown) => {
      log.warn("observe-failed", { node, error });
      if (isCurrent()) this.#end(node, "failed");
    });
  }

  #notified(node: string, watch: Watch, answer: NodeAnswer, asked: number): void {
    const { fleet, bus, log } = this.#options;
    const row = fleet.find(node);
    if (row === -1) {
      this.forget(node);
      return;
    }
    if (answer.code !== content) {
      this.#end(node, `answered ${answer.code >> 5}.${String(answer.code & 31).padStart(2, "0")}`);
      return;
    }
    const decoded = decode("status-report", answer.payload, answer.contentFormat ?? asked);
    // Its address is somebody else's now.
    if (decoded.ok && decoded.value.id !== undefined && decoded.value.id !== node) {
      log.warn("observed-another", { node, claimed: decoded.value.id });
      this.#end(node, "another node answers");
      return;
    }
    this.#options.sighted(node);
    this.#pauses.delete(node);
    watch.isRepeated = false;
    this.#arm(row, answer.maxAge ?? defaultMaxAgeSeconds);
    if (decoded.ok) this.#options.reported(node, decoded.value);
    else log.debug("health-unreadable", { node, ...decoded.fault });
    if (watch.hasNotified) return;
    watch.hasNotified = true;
    fleet.set(row, nodeFlags.isObserved, true);
    bus.emit({ kind: "observing", node, isObserving: true });
  }

  #arm(row: NodeRow, maxAgeSeconds: number): void {
    const grace = graceMs.least + Math.floor(this.#options.entropy.fraction() * graceMs.spread);
    this.#wheel.arm(row, maxAgeSeconds * 1000 + grace);
  }

  #due(row: NodeRow): void {
    const node = this.#options.fleet.rows.keyOf(row);
    const watch = node === undefined ? undefined : this.#watches.get(node);
    if (node === undefined || watch === undefined) return;
    if (watch.isRepeated) this.#end(node, "silent");
    else this.#observe(node, row, true);
  }

  #end(node: string, reason: string): void {
    const { fleet, bus, clock, log } = this.#options;
    const watch = this.#watches.get(node);
    this.#watches.delete(node);
    watch?.observation?.cancel();
    const row = fleet.find(node);
    if (row === -1) return;
    this.#wheel.cancel(row);
    fleet.set(row, nodeFlags.awaitsObservation, fleet.has(row, nodeFlags.livesByObservation));
    fleet.set(row, nodeFlags.isObserved, false);
    const pauseMs = Math.min((this.#pauses.get(node)?.lastMs ?? firstPauseMs / 2) * 2, maxPauseMs);
    // A node that did notify and went silent has earned a prompt try at its next uplink.
    if (watch?.hasNotified !== true)
      this.#pauses.set(node, { untilMs: clock.monotonicMs() + pauseMs, lastMs: pauseMs });
    log.debug("observation-ended", { node, reason });
    if (watch?.hasNotified === true) bus.emit({ kind: "observing", node, isObserving: false });
  }
}
