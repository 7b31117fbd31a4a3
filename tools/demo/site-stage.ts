import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import type { SiteInvitation, SiteLink } from "../../schemas/generated/types.ts";
import { type HardwareNumber, isHardwareNumber, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { Internet } from "./internet.ts";
import { coxswain, type ManagerUrls, Program, startManager } from "./programs.ts";
import { type HomePlan, SiteHomes } from "./site-homes.ts";
import { SitePhone } from "./site-phone.ts";
import { SiteTally } from "./site-tally.ts";
import type { Story } from "./story.ts";
import { TasmotaSocket } from "./tasmota-socket.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const house = {
  peakSunWatts: 3500,
  baseWatts: 400,
  busyWatts: 1200,
  poolWatts: 900,
  heaterWatts: 2000,
  batteryWattHours: 24_000,
};

export const siteName = "linden-7";
export const gatewayId = "gw-linden";
/** A smart socket, as the gateway's file of sockets names it, and its number on the bus. */
export const pump = { id: "pump", name: "Fountain", number: 0, tasmota: "fountain", watts: 60 } as const;
/** The greatest MAC leads: the shed's. */
export const homes = {
  house: plan("house", "24a160000004", 0.45),
  barn: plan("barn", "24a160000015", 0.4),
  shed: plan("shed", "24a160000106", 0.3),
} as const;
/** So many minutes of the day pass in a second: a day in four minutes. */
const minutesPerSecond = 6;
const startMinute = 7 * 60;

function plan(name: string, hardware: string, charge: number): HomePlan {
  return { name, hardware, charge, house };
}

export interface SiteStageOptions {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly story: Story;
}

/** Everything of one household and its manager, as programs of this machine. */
export class SiteStage {
  readonly options: SiteStageOptions;
  readonly tally = new SiteTally(new SiteTopics());
  readonly internet = new Internet();
  readonly #programs: Program[] = [];
  #listeners = new Set<() => void>();
  #manager: ManagerUrls | undefined;
  #homes: SiteHomes | undefined;
  #phone: SitePhone | undefined;
  #socket: TasmotaSocket | undefined;

  constructor(options: SiteStageOptions) {
    this.options = options;
  }

  get manager(): ManagerUrls {
    return there(this.#manager, "manager");
  }

  get homes(): SiteHomes {
    return there(this.#homes, "houses");
  }

  get phone(): SitePhone {
    return there(this.#phone, "phone");
  }

  get signingKey(): string {
    return join(this.options.folder, "releases.pem");
  }

  coxswain(...words: readonly string[]): Promise<unknown> {
    return coxswain(this.manager, ...words);
  }

  async startManager(): Promise<void> {
    const { folder, story } = this.options;
    const flags = ["--tls-mode", "on", "--https-port", "0", "--mqtts-port", "0"];
    const { program, urls } = await startManager(folder, { isSecure: true, demandsSignatures: true, flags });
    this.#programs.push(program);
    this.#manager = urls;
    setDefaultCACertificates([readFileSync(join(urls.dataDir, "ca.pem"), "utf8")]);
    story.tell("manager", `for gateways ${urls.coap}, ${urls.https}, ${urls.mqtts}`, "good");
    await this.coxswain("update", "keygen", this.signingKey);
    await this.coxswain("update", "anchors", "add", this.signingKey.replace(/pem$/, "pub.pem"), "--name", "releases");
    await this.coxswain("update", "anchors", "export", "--out", join(folder, "anchors.cbor"));
    story.tell("admin", "made a release key; its public half goes into gateway and packs");
  }

  /** A virtual bus with three packs, each with a BMS on a serial line of its own, in houses under one sun. */
  async startPacks(): Promise<string> {
    const { folder, story } = this.options;
    const words = [join(root, "manager/cli/coxswain.ts"), "can-bus", "--at", "127.0.0.1:0", "--json"];
    const bus = new Program("can-bus", process.execPath, words, folder);
    this.#programs.push(bus);
    const { at } = JSON.parse(await bus.firstLine(/^\{.*"at":/)) as { at: string };
    const all = Object.values(homes);
    this.#homes = new SiteHomes({
      ...{ homes: all, folder, can: at, anchors: join(folder, "anchors.cbor"), minutesPerSecond, startMinute },
    });
    await this.homes.start();
    for (const { name, hardware } of all)
      story.tell(name, `a pack, ${hardware}, on the bus ${at}; its BMS by Modbus RTU on a pseudo terminal`);
    return at;
  }

  /** The household at the manager, its gateway behind an internet that can be cut, and a phone. */
  async startGateway(can: string): Promise<void> {
    const { folder, story } = this.options;
    const { coap } = this.manager;
    const credentials = join(folder, "gateway.credentials.json");
    await this.coxswain("node", "add", gatewayId, "--oscore", "--out", credentials);
    await this.coxswain("site", "add", siteName, "--title", "Linden 7", "--time-zone", "UTC", "--gateway", gatewayId);
    const link = (await this.coxswain("site", "link", siteName)) as SiteLink;
    const linkFile = join(folder, "site.link.json");
    writeFileSync(linkFile, JSON.stringify(await this.#throughInternet(link)), { mode: 0o600 });
    const password = randomUUID();
    const socketsFile = join(folder, "sockets.json");
    const { watts, ...socket } = pump;
    writeFileSync(socketsFile, JSON.stringify({ sockets: [{ ...socket, password }] }), { mode: 0o600 });
    const gateway = new Program(
      "gateway",
      process.execPath,
      [
        join(root, "gateway/main.ts"),
        ...["--json", "--data-dir", join(folder, "gateway"), "--site-link", linkFile, "--can", can],
        ...["--sockets", socketsFile],
        ...["--http-port", "0", "--https-port", "0", "--mqtt-port", "0", "--mqtts-port", "0"],
        ...["--manager-address", `coap://127.0.0.1:${await this.internet.udp(Number(new URL(coap).port))}`],
        ...["--manager-credentials", credentials],
      ],
      folder,
    );
    this.#programs.push(gateway);
    const ready = JSON.parse(await gateway.firstLine(/^\{.*"ready":/)) as { mqtt: string; appTls: string };
    story.tell("gateway", `app ${ready.appTls}, broker ${ready.mqtt}`, "good");
    const user = `socket-${pump.id}`;
    this.#socket = new TasmotaSocket({ url: ready.mqtt, user, password, topic: pump.tasmota, watts });
    await this.#socket.start();
    story.tell(pump.id, `a smart socket with Tasmota is in at the local broker: ${pump.name}`, "good");
    const words = ["site", "invite", siteName, "--name", "Anna's phone"];
    const { invitation } = (await this.coxswain(...words)) as { invitation: SiteInvitation };
    this.#phone = new SitePhone({
      ...{ invitation, url: ready.mqtt },
      heard: (topic, payload) => {
        this.tally.read(topic, payload);
        for (const listener of this.#listeners) listener();
      },
    });
    await this.phone.start();
    story.tell("phone", "Anna's phone was invited at the manager, and is let in at the gateway", "good");
  }

  /** Resolves when the condition holds; rejects with what was awaited when it doesn't in time. */
  until(what: string, isSeen: () => boolean, seconds = 60): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = this.options;
      const end = (error?: Error): void => {
        clearTimeout(timer);
        clearInterval(look);
        this.#listeners.delete(check);
        signal.removeEventListener("abort", onAbort);
        if (error) reject(error);
        else resolve();
      };
      const check = (): void => {
        if (isSeen()) end();
      };
      const onAbort = (): void => end(new Error("interrupted"));
      const timer = setTimeout(() => end(new Error(`not seen in ${seconds} s: ${what}`)), seconds * 1000);
      // What the programs say themselves comes without a message.
      const look = setInterval(check, 200);
      this.#listeners.add(check);
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      else check();
    });
  }

  /** The same of what has to be asked for, once a second. */
  async untilAsked(what: string, isSeen: () => Promise<boolean>, seconds = 60): Promise<void> {
    const end = performance.now() + seconds * 1000;
    while (!(await isSeen())) {
      if (this.options.signal.aborted) throw new Error("interrupted");
      if (performance.now() > end) throw new Error(`not seen in ${seconds} s: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  async stop(): Promise<void> {
    await this.#phone?.stop();
    await this.#socket?.stop();
    for (const program of this.#programs.slice(2).reverse()) await program.stop();
    await this.#homes?.stop();
    for (const program of this.#programs.slice(0, 2).reverse()) await program.stop();
    this.internet.stop();
  }

  /** The same link, by ports that the internet lies behind. */
  async #throughInternet(link: SiteLink): Promise<SiteLink> {
    const beyond = async (url: string): Promise<string> => {
      const { protocol, hostname, port } = new URL(url);
      return `${protocol}//${hostname}:${await this.internet.tcp(Number(port))}`;
    };
    const broker = link.broker === undefined ? {} : { broker: await beyond(link.broker) };
    return { ...link, manager: await beyond(link.manager), ...broker };
  }
}

export function hardwareOf({ hardware }: HomePlan): HardwareNumber {
  if (!isHardwareNumber(hardware)) throw new Error(`${hardware} is no hardware number`);
  return hardware;
}

function there<T>(part: T | undefined, what: string): T {
  if (part === undefined) throw new Error(`the ${what} isn't there yet`);
  return part;
}
