import type { Clock, Timer } from "../../kernel/clock.ts";
import type { HardwareNumber, SiteId, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { instantOf } from "../domain/local-time.ts";
import { AlarmTimes, alarmDocument, alarmsOf, identityDocument, telemetryDocument } from "../domain/pack-documents.ts";
import type { SiteDay } from "../domain/site-day.ts";
import { aggregateDocument } from "../domain/site-documents.ts";
import { Disagreement, differingTotals, siteTotals } from "../domain/site-totals.ts";
import type { PacksOnBus } from "./packs-on-bus.ts";
import type { SitePublisher } from "./site-publisher.ts";

export interface SiteDocumentsOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly packs: PacksOnBus;
  readonly publisher: SitePublisher;
  readonly day: SiteDay;
  readonly clock: Clock;
  /** A pack's node id at the manager; undefined where there is none. */
  managedId?(pack: HardwareNumber): string | undefined;
  isTimeValid(): boolean;
}

const tickMs = 1000;
/** An age that only grows is news now and then. */
const agedEveryMs = 30_000;

/** Keeps the retained documents of packs and site as new as the bus is. */
export class SiteDocuments {
  readonly #options: SiteDocumentsOptions;
  readonly #alarmTimes = new Map<HardwareNumber, AlarmTimes>();
  readonly #disagreement = new Disagreement();
  /** When a pack's telemetry was last published, and how old its values were. */
  readonly #published = new Map<HardwareNumber, { readonly heardMs: number | undefined; readonly atMs: number }>();
  readonly #lockedOut = new Map<HardwareNumber, boolean>();
  readonly #changed = new Set<HardwareNumber>();
  #stopListening: () => void = () => {};
  #timer: Timer | undefined;
  #master: HardwareNumber | undefined;
  #masterSinceMs = 0;

  constructor(options: SiteDocumentsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.packs.onChange((pack) => void this.#changed.add(pack));
    this.#tick();
  }

  stop(): void {
    this.#stopListening();
    this.#timer?.cancel();
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(tickMs, () => this.#tick());
    const { packs } = this.#options;
    // Before any pack was heard, what was known before the restart stands.
    if (packs.list().length === 0) return;
    for (const pack of packs.list()) this.#pack(pack);
    for (const kept of [this.#alarmTimes, this.#published, this.#lockedOut])
      for (const pack of kept.keys()) if (packs.find(pack) === undefined) kept.delete(pack);
    this.#changed.clear();
    this.#site();
  }

  #pack(pack: HardwareNumber): void {
    const { site, topics, packs, publisher, isTimeValid, managedId } = this.#options;
    const facts = packs.find(pack)!;
    const now = packs.now();
    const heard = packs.registry.telemetryAt(pack);
    const before = this.#published.get(pack);
    const isNew = before === undefined || before.heardMs !== heard?.monotonicMs || this.#changed.has(pack);
    if (
      isNew ||
      now.monotonicMs - before.atMs >= agedEveryMs ||
      isTurningStale(heard?.monotonicMs, before.atMs, now.monotonicMs)
    ) {
      this.#published.set(pack, { heardMs: heard?.monotonicMs, atMs: now.monotonicMs });
      const telemetry = telemetryDocument(facts, heard, now, isTimeValid());
      // A lock-out is given back after a loss of power, which often takes pack and gateway together.
      const isUrgent = telemetry.lockedOut !== this.#lockedOut.get(pack);
      if (telemetry.lockedOut !== undefined) this.#lockedOut.set(pack, telemetry.lockedOut);
      publisher.retain(topics.ofPack("telemetry", site, pack), "site-telemetry", telemetry, isUrgent);
    }
    if (facts.state !== undefined) {
      const identity = identityDocument(facts, managedId?.(pack));
      publisher.retain(topics.ofPack("identity", site, pack), "site-identity", identity);
    }
    const times = this.#alarmTimes.get(pack) ?? new AlarmTimes();
    this.#alarmTimes.set(pack, times);
    const alarms = alarmsOf(facts, packs.registry.errorsOf(pack));
    if (!this.#changed.has(pack)) return;
    const stamped = isTimeValid() ? times.stamp(alarms, now.wallMs) : alarms;
    publisher.retain(
      topics.ofPack("alarm", site, pack),
      "site-alarm",
      alarmDocument(stamped, facts, now, isTimeValid()),
    );
  }

  #site(): void {
    const { site, topics, packs, publisher, day, isTimeValid } = this.#options;
    const now = packs.now();
    const online = packs.registry.online();
    const totals = siteTotals(online);
    const masterTotals = packs.registry.masterTotals();
    const differing = this.#disagreement.look(differingTotals(totals, masterTotals), now.monotonicMs);
    const master = packs.master();
    const aggregate = aggregateDocument({
      ...{ totals, packs: online, known: packs.list().length, master, masterTotals, differing, now },
      heard: online.map(({ hardware }) => packs.registry.telemetryAt(hardware)),
      isTimeValid: isTimeValid(),
    });
    publisher.retain(topics.ofSite("aggregate", site), "site-aggregate", aggregate);
    if (isTimeValid() && !aggregate.stale && day.add(aggregate, now.wallMs)) {
      publisher.retain(topics.ofSite("history", site), "site-history", day.document());
    }
    if (master !== this.#master) {
      this.#master = master;
      this.#masterSinceMs = now.wallMs;
    }
    publisher.retain(topics.ofSite("master", site), "site-master", {
      ...(master !== undefined && { node: master, canNode: packs.find(master)!.canNode }),
      ...(master !== undefined && isTimeValid() && { since: instantOf(this.#masterSinceMs) }),
      handovers: packs.counters.handovers,
    });
  }
}

/** Values that have just become too old are said to be at once. */
function isTurningStale(heardMs: number | undefined, publishedMs: number, nowMs: number): boolean {
  const staleAtMs = (heardMs ?? 0) + 10_000;
  return publishedMs <= staleAtMs && nowMs > staleAtMs;
}
