import { AdapterSession } from "../../gateway/adapters/can/adapter-session.ts";
import type { OpenByteLink } from "../../gateway/adapters/can/byte-link.ts";
import { SlcanBus } from "../../gateway/adapters/can/slcan-bus.ts";
import { VirtualBus } from "../../gateway/adapters/can/virtual-bus.ts";
import { Site } from "../../gateway/app/site.ts";
import type { Records } from "../../gateway/ports/records.ts";
import type { OwnMessage, SiteBroker, SiteMessage } from "../../gateway/ports/site-broker.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { MessageKind, Messages } from "../../schemas/generated/types.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import { SiteTopics, siteId, siteMessageKind } from "../../schemas/wire/site-topics.ts";
import { PlayedPack } from "./played-pack.ts";

export const home = siteId("home-7");
export const topics = new SiteTopics();

/** The local broker as the use cases know it; it refuses a document that isn't its schema's. */
export class MemoryBroker implements SiteBroker {
  readonly retained = new Map<string, Uint8Array>();
  readonly published: OwnMessage[] = [];
  readonly #listeners = new Set<(message: SiteMessage) => void>();

  publish(message: OwnMessage): void {
    const parsed = topics.parse(message.topic);
    const kind = parsed && siteMessageKind(parsed);
    if (kind === undefined) throw new Error(`nobody's topic: ${message.topic}`);
    const read = decode(kind, message.payload, jsonFormat);
    if (!read.ok) throw new Error(`${message.topic}: ${JSON.stringify(read.fault)}`);
    this.published.push(message);
    if (message.isRetained) this.retained.set(message.topic, message.payload);
  }

  onMessage(listener: (message: SiteMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A phone publishes. */
  phone(topic: string, value: unknown, isRetained = false): void {
    const payload = typeof value === "string" ? value : JSON.stringify(value);
    for (const listener of this.#listeners)
      listener({ topic, payload: new TextEncoder().encode(payload), isRetained, from: "phone" });
  }

  document<K extends MessageKind>(kind: K, topic: string): Messages[K] | undefined {
    const payload = this.retained.get(topic);
    const read = payload && decode(kind, payload, jsonFormat);
    return read?.ok === true ? read.value : undefined;
  }

  acks(name: string): Messages["site-ack"][] {
    return this.published
      .filter(({ topic }) => topic === topics.ack(home, name))
      .map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)) as Messages["site-ack"]);
  }
}

/** Records on a disk that can be told to fail. */
export class MemoryRecords implements Records {
  readonly texts = new Map<string, string>();
  isFailing = false;

  async load(name: string): Promise<unknown> {
    if (this.isFailing) throw new Error("EIO");
    const text = this.texts.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  }

  async store(name: string, value: unknown): Promise<void> {
    if (this.isFailing) throw new Error("ENOSPC");
    this.texts.set(name, JSON.stringify(value));
  }
}

export interface GatewayWorld {
  readonly clock: VirtualClock;
  readonly bus: VirtualBus;
  readonly broker: MemoryBroker;
  readonly records: MemoryRecords;
  readonly site: Site;
  readonly can: SlcanBus;
  isTimeValid: boolean;
  pack(node: number): PlayedPack;
  /** Pulls the adapter out, or plugs it in again. */
  unplug(): void;
  plug(): void;
  /** The gateway ends and starts anew with the same disk and another broker. */
  restarted(): GatewayWorld;
}

/** A gateway on virtual time: a virtual bus, packs played on it, its use cases, a broker and a disk in memory. */
export function gatewayWorld(before?: Pick<GatewayWorld, "clock" | "bus" | "records">): GatewayWorld {
  const clock = before?.clock ?? new VirtualClock({ startWallMs: Date.parse("2026-11-21T12:00:00Z") });
  const bus = before?.bus ?? new VirtualBus({ clock });
  const records = before?.records ?? new MemoryRecords();
  const broker = new MemoryBroker();
  const entropy = seededEntropy(1);
  let isPlugged = true;
  let unplugged: () => void = () => {};
  const open: OpenByteLink = async (events) => {
    if (!isPlugged) throw new Error("There is no /dev/ttyACM0: plug the CAN adapter in.");
    const session = new AdapterSession({
      bus,
      monotonicMs: () => clock.monotonicMs(),
      write: (text) => {
        clock.after(0.1, () => events.data(new TextEncoder().encode(text)));
        return true;
      },
    });
    unplugged = () => {
      session.end();
      events.closed("/dev/ttyACM0 is gone: plug the CAN adapter in again.");
    };
    return { write: (text) => session.read(new TextEncoder().encode(text)), close: () => session.end() };
  };
  const can = new SlcanBus({ open, clock, entropy, log: silentLog });
  const world: GatewayWorld = {
    ...{ clock, bus, broker, records, can, isTimeValid: true },
    site: new Site({
      ...{ site: home, topics, bus: can, broker, records, clock, entropy, log: silentLog },
      ...{ timeZone: "UTC", version: "0.1.0" },
      isTimeValid: () => world.isTimeValid,
    }),
    pack: (node) => new PlayedPack(bus, clock, node),
    unplug: () => {
      isPlugged = false;
      unplugged();
    },
    plug: () => {
      isPlugged = true;
    },
    restarted: () => gatewayWorld({ clock, bus, records }),
  };
  return world;
}
