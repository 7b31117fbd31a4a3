import type { Messages } from "../../schemas/generated/types.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import type { SiteTopics } from "../../schemas/wire/site-topics.ts";

type Telemetry = Messages["site-telemetry"];

/** What the last line of `npm run demo -- --site --exit` says, but for the updates, which the manager counts. */
export interface SiteCounts {
  readonly packs: number;
  readonly mastersAtEnd: number;
  /** By the gateway, since the packs had settled: one master after another. */
  readonly handovers: number;
  /** Packs whose import limit opened the grid relay. */
  readonly lockouts: number;
  /** Loads that a pack opened while Eco was on. */
  readonly shed: number;
  /** Times that the server broker was away and came back. */
  readonly reconnects: number;
}

/** Counts what a household's gateway publishes, as anybody of the household may read it. */
export class SiteTally {
  readonly #topics: SiteTopics;
  readonly #packs = new Map<string, Telemetry>();
  readonly #sockets = new Map<string, boolean | undefined>();
  #handovers = 0;
  #handoversBefore = 0;
  #lockouts = 0;
  #shed = 0;
  #reconnects = 0;
  #broker: Messages["site-gateway"]["serverBroker"];
  #wasAway = false;

  constructor(topics: SiteTopics) {
    this.#topics = topics;
  }

  get counts(): SiteCounts {
    const online = [...this.#packs.values()].filter((each) => each.online === true && each.stale !== true);
    return {
      packs: online.length,
      mastersAtEnd: online.filter(({ master }) => master === true).length,
      ...{
        handovers: this.#handovers - this.#handoversBefore,
        lockouts: this.#lockouts,
        shed: this.#shed,
        reconnects: this.#reconnects,
      },
    };
  }

  /** The packs have settled: while they come up one after the other, each of them may lead for a while. */
  settled(): void {
    this.#handoversBefore = this.#handovers;
  }

  /** The last that was heard of a pack. */
  pack(node: string): Telemetry | undefined {
    return this.#packs.get(node);
  }

  /** Hardware number of the pack that says it leads. */
  get master(): string | undefined {
    return [...this.#packs].find(([, { master, online }]) => master === true && online === true)?.[0];
  }

  /** Whether a smart socket is on, as the gateway last heard. */
  isOn(socket: string): boolean | undefined {
    return this.#sockets.get(socket);
  }

  get serverBroker(): string | undefined {
    return this.#broker;
  }

  read(topic: string, payload: Uint8Array): void {
    const parsed = this.#topics.parse(topic);
    if (parsed?.kind === "telemetry") {
      const read = decode("site-telemetry", payload, jsonFormat);
      if (read.ok) this.#telemetry(parsed.node, read.value);
    } else if (parsed?.kind === "master") {
      const read = decode("site-master", payload, jsonFormat);
      if (read.ok) this.#handovers = Math.max(this.#handovers, read.value.handovers ?? 0);
    } else if (parsed?.kind === "socket") {
      const read = decode("site-socket", payload, jsonFormat);
      if (read.ok) this.#sockets.set(parsed.socket, read.value.on);
    } else if (parsed?.kind === "gateway") {
      const read = decode("site-gateway", payload, jsonFormat);
      if (read.ok) this.#gateway(read.value);
    }
  }

  #telemetry(node: string, now: Telemetry): void {
    const before = this.#packs.get(node);
    this.#packs.set(node, now);
    if (before === undefined || now.stale === true) return;
    if (now.lockedOut === true && before.lockedOut !== true) this.#lockouts++;
    if (now.modes?.includes("eco") !== true) return;
    for (const load of ["pump", "heater", "inv"] as const)
      if (before.relays?.[load] === 1 && now.relays?.[load] === 0) this.#shed++;
  }

  #gateway({ serverBroker }: Messages["site-gateway"]): void {
    if (serverBroker === "down" && this.#broker === "up") this.#wasAway = true;
    if (serverBroker === "up" && this.#wasAway) {
      this.#reconnects++;
      this.#wasAway = false;
    }
    this.#broker = serverBroker;
  }
}
