import type { Clock, Timer } from "../../kernel/clock.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import {
  childPresence,
  deafDelayMs,
  type Presence,
  presenceHoldsMs,
  presenceOf,
  presenceRules,
} from "../domain/presence.ts";
import type { PresenceCounts } from "./api/registry.ts";
import type { Hearing } from "./api/watching.ts";
import { appTimes } from "./app-limits.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "./fleet-table.ts";
import type { LiveEventBus } from "./live-event-bus.ts";

export interface PresenceWatchOptions {
  readonly fleet: FleetTable;
  readonly clock: Clock;
  readonly bus: LiveEventBus;
  /** More changes than this at once become one event with a count. */
  readonly burst: number;
  /** Told of each change, burst or not; must be cheap. */
  changed(node: string, to: Presence): void;
  /** Told of each change that isn't part of a burst. */
  noted(node: string, from: Presence, to: Presence): void;
}

interface PresenceChange {
  readonly node: string;
  readonly from: Presence;
  to: Presence;
}

/**
 * Turns silence into presence. A heartbeat only writes an instant; each node has one timer on a wheel, which looks when the
 * presence could have changed at the earliest.
 */
export class PresenceWatch implements Hearing {
  readonly #options: PresenceWatchOptions;
  readonly #wheel: TimerWheel;
  readonly #counts: Record<Presence, number> = { unknown: 0, online: 0, late: 0, offline: 0 };
  readonly #changes = new Map<string, PresenceChange>();
  #overflow: Record<Presence, number> = { unknown: 0, online: 0, late: 0, offline: 0 };
  #gathering: Timer | undefined;
  #check: Timer | undefined;
  /** Undefined while we can't hear. */
  #hearingSinceMs: number | undefined;
  #lastHeardMs: number;
  #isSocketUp: boolean = true;

  constructor(options: PresenceWatchOptions) {
    this.#options = options;
    this.#hearingSinceMs = options.clock.monotonicMs();
    this.#lastHeardMs = this.#hearingSinceMs;
    this.#wheel = new TimerWheel({
      clock: options.clock,
      capacity: options.fleet.rows.capacity,
      tickMs: 100,
      onDue: (row) => this.#look(row),
    });
  }

  start(): void {
    this.#hearingSinceMs = this.#options.clock.monotonicMs();
    this.#lastHeardMs = this.#hearingSinceMs;
    this.#check = this.#options.clock.after(appTimes.hearingCheckMs, this.#checkHearing);
  }

  stop(): void {
    this.#check?.cancel();
    this.#gathering?.cancel();
    this.#wheel.clear();
  }

  counts(within?: (node: string) => boolean): PresenceCounts {
    const { fleet } = this.#options;
    if (within === undefined) return { ...this.#counts, registered: fleet.rows.size };
    const counts = { unknown: 0, online: 0, late: 0, offline: 0, registered: 0 };
    for (let row = fleet.rows.nextRow(0); row !== -1; row = fleet.rows.nextRow(row + 1)) {
      if (!within(fleet.rows.keyOf(row) ?? "")) continue;
      counts[fleet.presence(row)]++;
      counts.registered++;
    }
    return counts;
  }

  /** A row came into the table, or its intervals changed. */
  added(row: NodeRow, isNew: boolean): void {
    if (isNew) this.#counts[this.#options.fleet.presence(row)]++;
    this.#look(row);
  }

  /** Before the row leaves the table. */
  removing(row: NodeRow): void {
    this.#counts[this.#options.fleet.presence(row)]--;
    this.#wheel.cancel(row);
    const node = this.#options.fleet.rows.keyOf(row);
    if (node !== undefined) this.#changes.delete(node);
  }

  /** The hot path: an authenticated datagram of this node arrived. */
  heard(row: NodeRow, nowMs: number): void {
    const { fleet } = this.#options;
    const { heardAtMs, flags, presence } = fleet.rows.columns;
    heardAtMs[row] = nowMs;
    this.#lastHeardMs = nowMs;
    if (this.#hearingSinceMs === undefined) this.#hearAgain(nowMs);
    flags[row] = (flags[row]! | nodeFlags.heard) & ~nodeFlags.suspect;
    // 1 is "online".
    if (presence[row] !== 1) this.#look(row);
  }

  /** What its presence depends on, beyond its own words, changed. */
  look(row: NodeRow): void {
    this.#look(row);
  }

  /** The node's broker connection broke. */
  suspect(row: NodeRow): void {
    this.#options.fleet.set(row, nodeFlags.suspect, true);
    this.#look(row);
  }

  socket(isUp: boolean): void {
    if (isUp === this.#isSocketUp) return;
    this.#isSocketUp = isUp;
    if (isUp) this.#hearAgain(this.#options.clock.monotonicMs());
    else this.#goDeaf();
  }

  #look(row: NodeRow): void {
    const { fleet, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const sighting = fleet.sighting(row);
    const gateway = fleet.gateway(row);
    const own = presenceOf(sighting, this.#hearingSinceMs, nowMs);
    const to = gateway === -1 ? own : childPresence(own, fleet.presence(gateway));
    const holdsMs = presenceHoldsMs(sighting, this.#hearingSinceMs, nowMs);
    if (holdsMs === Number.POSITIVE_INFINITY) this.#wheel.cancel(row);
    else this.#wheel.arm(row, holdsMs);
    const from = fleet.presence(row);
    if (from === to) return;
    fleet.setPresence(row, to);
    this.#counts[from]--;
    this.#counts[to]++;
    const node = fleet.rows.keyOf(row);
    if (node === undefined) return;
    this.#options.changed(node, to);
    this.#gather(node, from, to);
  }

  #gather(node: string, from: Presence, to: Presence): void {
    const known = this.#changes.get(node);
    if (known !== undefined) known.to = to;
    else if (this.#changes.size < this.#options.burst) this.#changes.set(node, { node, from, to });
    else this.#overflow[to]++;
    this.#gathering ??= this.#options.clock.after(appTimes.presenceGatherMs, () => this.#tell());
  }

  #tell(): void {
    this.#gathering = undefined;
    const { bus } = this.#options;
    const changes = [...this.#changes.values()];
    const overflow = this.#overflow;
    this.#changes.clear();
    this.#overflow = { unknown: 0, online: 0, late: 0, offline: 0 };
    const isBurst = Object.values(overflow).some((count) => count > 0);
    for (const { node, from, to } of changes) {
      if (isBurst) overflow[to]++;
      else if (from !== to) {
        bus.emit({ kind: "presence", node, from, to });
        this.#options.noted(node, from, to);
      }
    }
    if (!isBurst) return;
    for (const to of ["unknown", "online", "late", "offline"] as const) {
      if (overflow[to] > 0) bus.emit({ kind: "presence-many", to, count: overflow[to], counts: this.counts() });
    }
  }

  readonly #checkHearing = (): void => {
    const { clock } = this.#options;
    this.#check = clock.after(appTimes.hearingCheckMs, this.#checkHearing);
    if (this.#hearingSinceMs === undefined) return;
    const silentMs = clock.monotonicMs() - this.#lastHeardMs;
    if (silentMs < deafDelayMs(0)) return;
    const { nodes, shortestPollSeconds } = this.#expected();
    if (nodes >= presenceRules.deafMinimumNodes && silentMs >= deafDelayMs(shortestPollSeconds)) this.#goDeaf();
  };

  /** The nodes that should have been heard: those that were there when the silence began, and speak for themselves. */
  #expected(): { nodes: number; shortestPollSeconds: number } {
    const { rows } = this.#options.fleet;
    let nodes = 0;
    let shortestPollSeconds = Number.POSITIVE_INFINITY;
    for (let row = rows.nextRow(0); row !== -1; row = rows.nextRow(row + 1)) {
      const presence = this.#options.fleet.presence(row);
      if (presence !== "online" && presence !== "late") continue;
      // A gateway and its children fall silent together: one voice.
      if (this.#options.fleet.gateway(row) !== -1) continue;
      nodes++;
      shortestPollSeconds = Math.min(shortestPollSeconds, rows.columns.pollSeconds[row]!);
    }
    return { nodes, shortestPollSeconds };
  }

  #goDeaf(): void {
    this.#hearingSinceMs = undefined;
    this.#lookAtAll();
  }

  #hearAgain(nowMs: number): void {
    if (!this.#isSocketUp || this.#hearingSinceMs !== undefined) return;
    this.#hearingSinceMs = nowMs;
    this.#lastHeardMs = nowMs;
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    const { rows } = this.#options.fleet;
    for (let row = rows.nextRow(0); row !== -1; row = rows.nextRow(row + 1)) this.#look(row);
  }
}
