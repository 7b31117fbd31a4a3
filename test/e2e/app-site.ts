import type { PublishedMessage } from "../../mqtt/published-batch.ts";
import type { SiteAggregate, SiteInvitation, SiteTelemetry } from "../../schemas/generated/types.ts";
import { invitationLink } from "../../schemas/wire/site-invitation.ts";
import { AppDoor, type AppDoorOptions } from "./app-door.ts";

export interface HeardCommand {
  readonly door: "home" | "server";
  readonly topic: string;
  readonly payload: Record<string, unknown>;
}

export const siteName = "linden-street-7";
export const packNodes = ["240ac400c001", "240ac400c002", "240ac400c003"] as const;
/** The phone's client id. */
export const phoneClient = "_linden-street-7.k3x9q2abcdef";
const phone = { id: "k3x9q2abcdef", password: "AAAAAAAAAAAAAAAAAAAAAA" };

/** A household as its gateway would publish it, on a home broker and on a server broker, both real. What it says is scripted by the test. */
export class AppSite {
  readonly home: AppDoor;
  readonly server: AppDoor;
  readonly heard: HeardCommand[] = [];
  /** Called for each command, to answer it or not. */
  onCommand: (command: HeardCommand) => void = () => {};

  /** `material`: what https shows at home, where it is spoken. */
  constructor(app: string, material?: AppDoorOptions["material"]) {
    const door = (name: "home" | "server"): AppDoor =>
      new AppDoor({
        ...{ site: siteName, says: name === "home" ? siteName : "of-nobody", app, phone },
        material: name === "home" ? material : undefined,
        onPublished: (message) => this.#hear(name, message),
      });
    this.home = door("home");
    this.server = door("server");
  }

  async open(): Promise<void> {
    await this.home.open();
    await this.server.open();
  }

  async close(): Promise<void> {
    await this.home.close();
    await this.server.close();
  }

  /** The link of the phone's invitation, at the door that serves the page. */
  link(at: "home" | "server", change: Partial<SiteInvitation> = {}): string {
    return invitationLink(this[at].base, {
      site: siteName,
      title: "Linden Street 7",
      phone: phone.id,
      name: "Anna's phone",
      server: `${this.server.base.replace("http", "ws")}/mqtt`,
      serverPassword: phone.password,
      home: [this.home.base],
      homePassword: phone.password,
      ...change,
    });
  }

  /** Says something on both brokers, as the gateway and its bridge do; retained at home alone. Acknowledgements are never kept. */
  async say(tail: string, payload: unknown): Promise<void> {
    const topic = `alfaspark/${siteName}/${tail}`;
    const text = typeof payload === "string" ? payload : JSON.stringify(payload);
    const retain = !tail.startsWith("ack/");
    // A door that is shut hears nothing.
    await Promise.allSettled([
      this.home.broker.publish({ topic, payload: text, qos: 1, retain }),
      this.server.broker.publish({ topic, payload: text, qos: 1 }),
    ]);
  }

  /** A pack's values, now. */
  async tell(node: string, change: Partial<SiteTelemetry> = {}): Promise<void> {
    await this.say(`${node}/telemetry`, { ...packValues, ...change, time: new Date().toISOString() });
  }

  async sum(change: Partial<SiteAggregate> = {}): Promise<void> {
    await this.say("aggregate", { ...siteSums, ...change, time: new Date().toISOString() });
  }

  /** Three packs with names, and the gateway. */
  async introduce(): Promise<void> {
    for (const [index, node] of packNodes.entries()) {
      const version = index === 2 ? "2.4.0" : "2.5.0";
      const identity = { node, deviceType: "energy-pack", firmware: "Alfaspark", version, canNode: index + 1 };
      await this.say(`${node}/identity`, { ...identity, managed: `gw-linden.${node}`, seen: "2026-03-01T08:00:00Z" });
      await this.say(`${node}/alarm`, { alarms: [] });
      await this.tell(node, { canNode: index + 1, rank: index, master: index === 0, SOC: 74 + index });
    }
    await this.say("master", { node: packNodes[0], canNode: 1, handovers: 1 });
    await this.say("gateway", {
      online: true,
      version: "0.1.0",
      can: "up",
      canLoad: 12,
      internet: "up",
      manager: "up",
      serverBroker: "up",
    });
    await this.sum();
  }

  async acknowledge(name: string, id: unknown, nodes: readonly string[], answer: object): Promise<void> {
    for (const node of nodes) await this.say(`ack/${name}`, { id, node, ...answer });
  }

  #hear(door: "home" | "server", { topic, payload, clientId }: PublishedMessage): void {
    if (clientId !== phoneClient) return;
    const command = { door, topic, payload: JSON.parse(Buffer.from(payload).toString()) as Record<string, unknown> };
    this.heard.push(command);
    this.onCommand(command);
  }
}

const packValues: SiteTelemetry = {
  stale: false,
  online: true,
  P_grid: 0.12,
  P_home: 0.61,
  P_batt: 0.52,
  P_solar: 1.01,
  P_pool: 0.3,
  P_heater: 0,
  SOC: 74,
  V_batt: 58.2,
  I_batt: 8.93,
  battery: "charging",
  bms: "ok",
  relays: { grid: 1, inv: 1, pump: 1, heater: 0 },
  modes: ["self-consumption", "eco", "grid-limit"],
  import: { used: 1.24, limit: 10, state: "counting" },
  settings: { ecoLimit: 3000, touStart: 1320, touEnd: 360 },
  lockedOut: false,
  timeOk: true,
};

const siteSums: SiteAggregate = {
  stale: false,
  packs: 3,
  known: 3,
  SOC: 75,
  P_grid: 0.36,
  P_home: 1.83,
  P_batt: 1.56,
  P_solar: 3.94,
  P_pool: 0.91,
  P_heater: 0,
  import: 3.72,
  lockedOut: 0,
  master: packNodes[0],
  disagrees: false,
};
