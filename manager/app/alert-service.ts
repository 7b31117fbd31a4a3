import type { Clock } from "../../kernel/clock.ts";
import { type AlertKind, alertsFor, alertThresholds, type NodeFacts } from "../domain/alert-rules.ts";
import type { Storage } from "../ports/storage.ts";
import type { Alerts, AlertView } from "./api/watching.ts";
import type { LiveEventBus } from "./live-event-bus.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import { RecentMap } from "./recent-map.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface AlertServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly timeline: NodeTimeline;
  readonly bus: LiveEventBus;
  readonly clock: Clock;
  readonly capacity: number;
  /** Nodes whose boots are remembered. */
  readonly bootsCapacity: number;
  /** What the rules look at, but for boots; undefined: the node is gone. */
  facts(node: string): Omit<NodeFacts, "recentBoots"> | undefined;
}

const alertTable = "alert";

/** Raises and clears alerts as the rules say, one per kind and node. */
/** A boot into a new image, and out of a sleep, is no fault; what an image dies of says another reason. */
const wantedBoots: ReadonlySet<string> = new Set(["update", "wake"]);

export class AlertService implements Alerts {
  readonly #options: AlertServiceOptions;
  readonly #active = new Map<string, Map<AlertKind, AlertView>>();
  readonly #boots: RecentMap<{ readonly count: number; readonly atMs: readonly number[] }>;
  #size = 0;
  /** Alerts that weren't raised since there are too many. */
  dropped = 0;

  constructor(options: AlertServiceOptions) {
    this.#options = options;
    this.#boots = new RecentMap({ capacity: options.bootsCapacity });
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(alertTable, { after });
      for (const { value } of page) this.#keep(value as AlertView);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  active(): readonly AlertView[] {
    return [...this.#active.values()]
      .flatMap((alerts) => [...alerts.values()])
      .sort((a, b) => b.raisedAtMs - a.raisedAtMs);
  }

  /** A report carried the node's boot count; `reason`: why it booted last. */
  booted(node: string, bootCount: number, reason?: string): void {
    const before = this.#boots.get(node);
    if (before?.count === bootCount) return;
    const nowMs = this.#options.clock.monotonicMs();
    // The first count tells nothing of when; a lower one means that the node forgot, which is one boot.
    const rise = before === undefined ? 0 : bootCount > before.count ? Math.min(bootCount - before.count, 10) : 1;
    const boots = rise > 0 && reason !== undefined && wantedBoots.has(reason) ? rise - 1 : rise;
    const atMs = [...(before?.atMs ?? []), ...Array.from({ length: boots }, () => nowMs)].slice(-10);
    this.#boots.set(node, { count: bootCount, atMs });
  }

  /** It has no alert, and none had to be dropped: while nothing changes the rules would find nothing. */
  isCalm(node: string): boolean {
    return this.dropped === 0 && (this.#active.size === 0 || !this.#active.has(node));
  }

  /** Something about the node changed: the rules look again. */
  refresh(node: string): void {
    const facts = this.#options.facts(node);
    const before = this.#active.get(node);
    if (facts === undefined) {
      this.forget(node);
      return;
    }
    const kinds = new Set(before?.keys() ?? []);
    const wanted = alertsFor({ ...facts, recentBoots: this.#recentBoots(node) }, kinds);
    for (const { kind, severity, text } of wanted) {
      const known = before?.get(kind);
      if (known === undefined) this.#raise({ node, kind, severity, text });
      else if (known.severity !== severity || known.text !== text) {
        this.#keep({ ...known, severity, text, count: known.count + 1 });
      }
      kinds.delete(kind);
    }
    for (const kind of kinds) this.#clear(node, kind);
  }

  /** Rules whose answer changes with time alone; only nodes that have an alert or boots to forget are looked at. */
  sweep(alsoNodes: Iterable<string>): void {
    for (const node of new Set([...this.#active.keys(), ...alsoNodes])) this.refresh(node);
  }

  forget(node: string): void {
    for (const kind of [...(this.#active.get(node)?.keys() ?? [])]) this.#clear(node, kind);
    this.#boots.delete(node);
  }

  #recentBoots(node: string): number {
    const sinceMs = this.#options.clock.monotonicMs() - alertThresholds.resetLoopWindowMs;
    return this.#boots.get(node)?.atMs.filter((atMs) => atMs > sinceMs).length ?? 0;
  }

  #raise({ node, kind, severity, text }: Pick<AlertView, "node" | "kind" | "severity" | "text">): void {
    if (this.#size >= this.#options.capacity) {
      this.dropped++;
      return;
    }
    const { clock, bus, timeline, writer } = this.#options;
    const alert: AlertView = {
      id: `${node}/${kind}`,
      kind,
      severity,
      node,
      text,
      raisedAtMs: clock.wallMs(),
      count: 1,
    };
    this.#keep(alert);
    bus.emit({ kind: "alert", alert, state: "raised" });
    const stored = writer.commit(node, [
      { kind: "put", table: alertTable, key: alert.id, expectedRevision: "any", value: alert },
      timeline.change(node, "alert-raised", { kind, severity, text }),
    ]);
    writer.behind("alert", stored);
  }

  #clear(node: string, kind: AlertKind): void {
    const alerts = this.#active.get(node);
    const alert = alerts?.get(kind);
    if (alerts === undefined || alert === undefined) return;
    alerts.delete(kind);
    if (alerts.size === 0) this.#active.delete(node);
    this.#size--;
    const { bus, timeline, writer } = this.#options;
    bus.emit({ kind: "alert", alert, state: "cleared" });
    const stored = writer.commit(node, [
      { kind: "delete", table: alertTable, key: alert.id, expectedRevision: "any" },
      timeline.change(node, "alert-cleared", { kind }),
    ]);
    writer.behind("alert", stored);
  }

  #keep(alert: AlertView): void {
    let alerts = this.#active.get(alert.node);
    if (alerts === undefined) {
      alerts = new Map();
      this.#active.set(alert.node, alerts);
    }
    if (!alerts.has(alert.kind)) this.#size++;
    alerts.set(alert.kind, alert);
  }
}
