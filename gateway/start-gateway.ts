import { existsSync, mkdirSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseManagerAddress } from "../agent/manager-address.ts";
import { parseNodeCredentials } from "../agent/node-credentials.ts";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import { defineFaults, type Fault } from "../kernel/fault.ts";
import { Lifecycle, type Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import { readAppFiles } from "../kernel/system/app-files.ts";
import type { Service, SiteLink } from "../schemas/generated/types.ts";
import { encodeCan } from "../schemas/wire/can.ts";
import { encodeJson } from "../schemas/wire/codec.ts";
import { nodeId } from "../schemas/wire/node-id.ts";
import { SiteTopics, siteId } from "../schemas/wire/site-topics.ts";
import { openCan } from "./adapters/can/open-can.ts";
import { isLanAddress } from "./adapters/http/lan-address.ts";
import { SiteDoor } from "./adapters/http/site-door.ts";
import { LocalBroker } from "./adapters/mqtt/local-broker.ts";
import { readCredentialFile } from "./adapters/storage/credential-file.ts";
import { jsonRecords } from "./adapters/storage/json-records.ts";
import { AwayRefresh } from "./app/away-refresh.ts";
import { CanCarrier } from "./app/can-carrier.ts";
import { FirmwareAsker } from "./app/firmware-asker.ts";
import { Site } from "./app/site.ts";
import { isPlausibleTime, isTimeZone } from "./domain/local-time.ts";
import { HouseholdPart } from "./household-part.ts";
import { ManagerPart } from "./manager-part.ts";
import type { CanBus, CanBusState } from "./ports/can-bus.ts";
import { readSiteLink } from "./read-site-link.ts";
import { readSocketFile } from "./read-socket-file.ts";
import type { GatewaySettings } from "./settings.ts";
import { SocketPart } from "./socket-part.ts";
import { gatewayVersion } from "./version.ts";

export const gatewayFaults = defineFaults({
  "gateway.data-folder": {
    fault: "environment",
    message: "The data folder {folder} can't be made ({reason}). Choose another with --data-dir, or make room for it.",
  },
  "gateway.time-zone": {
    fault: "caller",
    message: "This machine knows no time zone {zone}. Give a name like Europe/Berlin with --time-zone.",
  },
  "gateway.no-node-id": {
    fault: "caller",
    message:
      "Nothing says which node the gateway is at the manager. Name its credentials with --manager-credentials (`coxswain node add ID` writes them), or, where the manager runs with --insecure, its id with --manager-id.",
  },
});

export interface StartGatewayOptions {
  readonly settings: GatewaySettings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Asks the process to end or to start anew: the manager's commands do. */
  end?(why: "restart" | "terminate"): void;
  /** Names and addresses of this machine at home; default: those that it has at that moment. */
  hosts?(): readonly string[];
}

export interface RunningGateway {
  readonly site: string;
  readonly urls: { readonly app: string; readonly appTls: string; readonly mqtt: string; readonly mqtts: string };
  readonly can: CanBus;
  /** The household's CA, as phones show it. */
  readonly fingerprint: string;
  readonly isAppBuilt: boolean;
  /** Always reaches its end; what went wrong on the way comes back. */
  stop(): Promise<readonly Fault[]>;
}

const builtApp = fileURLToPath(new URL("./app-web/dist", import.meta.url));
/** systemd-timesyncd says by this file that the clock was set; where it doesn't run there is no such folder. */
const timeSync = { folder: "/run/systemd/timesync", done: "/run/systemd/timesync/synchronized" };
const lookMs = 5000;
/** A certificate is made anew each day, and when the machine has other addresses. */
const certificateMs = 86_400_000;

/** The composition root: chooses bus, ports and files from the settings and joins the parts. Rejects with a Fault; nothing is left running then. */
export async function startGateway({
  settings,
  clock,
  entropy,
  log,
  end,
  hosts = ownHosts,
}: StartGatewayOptions): Promise<RunningGateway> {
  const folder = settings.dataDir;
  makeFolder(folder);
  const link = settings.siteLink === "" ? undefined : readSiteLink(settings.siteLink);
  const site = siteId(settings.site || link?.site || "home");
  const title = settings.title || link?.title || site;
  const timeZone = zoneOf(settings, link);
  const topics = new SiteTopics();
  const records = jsonRecords(folder);
  const isTimeValid = (): boolean => isPlausibleTime(clock.wallMs()) && isClockSet();
  const sockets = settings.sockets === "" ? [] : readSocketFile(settings.sockets);
  const bus = openCan({ address: settings.can, serialSpeed: settings.canSerialSpeed, clock, entropy, log });

  const material = (): { cert: string; key: string } => household.authority.serverCertificate(hosts());
  const broker = new LocalBroker({
    ...{ clock, entropy, log, tcp: { host: settings.host, port: settings.mqtt.port, mayBePlain: isLanAddress } },
    tls: { host: settings.host, port: settings.mqtts.port, material },
    checkOfNobody: (password) => household.checkOfNobody(password),
  });
  const house = new Site({
    ...{ site, topics, bus, broker, records, clock, entropy, log, timeZone, version: gatewayVersion, isTimeValid },
    managedId: (pack) => manager?.childOf(pack),
  });
  const household: HouseholdPart = new HouseholdPart({
    ...{ site, title, folder, link, broker, clock, entropy, log },
    home: () => homeUrls(settings, hosts(), door.ports()),
    asked: (topic, payload) => house.requests.take({ topic, payload, isRetained: false, from: "server-broker" }),
    onLink: () => {
      reportLinks();
      away.linked();
    },
  });
  const door: SiteDoor = new SiteDoor({
    ...{ http: { host: settings.host, port: settings.http.port }, app: readAppFiles(builtApp), log },
    https: { host: settings.host, port: settings.https.port, material },
    home: () =>
      encodeJson("site-home", {
        ...{ site, name: title.slice(0, 64), root: topics.root, version: gatewayVersion, mqttPath: "/mqtt" },
        ...{ fingerprint: household.authority.fingerprint, serverBroker: webSocketOf(link) },
      }),
    extra: new Map([
      [
        "/ca.crt",
        () => ({ body: household.authority.ca, type: "application/x-x509-ca-cert", download: `${site}.crt` }),
      ],
    ]),
    attach: (stream) => broker.attach(stream),
  });
  const away = new AwayRefresh({
    clock,
    // The day is long and changes every ten minutes, which is when it is said.
    retained: () =>
      new Map([...house.publisher.retained()].filter(([topic]) => topics.parse(topic)?.kind !== "history")),
    isUp: () => household.isBridged,
    isKept: () => household.phones.access?.retain === true,
    say: (topic, payload) => household.said(topic, payload, true),
  });
  const carrier = new CanCarrier({ bus, packs: house.packs, clock, log });
  const asker = new FirmwareAsker({ packs: house.packs, clock, send: (ask) => void bus.send(encodeCan(ask)) });
  const socketPart = new SocketPart({
    ...{ site: house, siteId: site, topics, sockets, broker, bus, records, clock, log, timeZone, isTimeValid },
  });
  const manager = managerPart();
  const startedMs = clock.monotonicMs();

  function managerPart(): ManagerPart | undefined {
    const { address: text, credentials: file, id, model, packModel } = settings.manager;
    if (text === "") return undefined;
    const credentials = file === "" ? undefined : parseNodeCredentials(readCredentialFile(file));
    const own = id === "" ? credentials?.id : nodeId(id);
    if (own === undefined) throw gatewayFaults("gateway.no-node-id", {});
    return new ManagerPart({
      ...{ id: own, model, packModel, credentials, carrier, clock, entropy, log },
      ...{ manager: parseManagerAddress(text), folder: join(folder, "manager") },
      maxArtifactBytes: settings.limits.imageBytes,
      household: { site, topics, publisher: house.publisher, isTimeValid },
      ...{ packs: house.packs, commands: house.commands },
      facts: () => ({
        version: gatewayVersion,
        uptimeSeconds: Math.floor((clock.monotonicMs() - startedMs) / 1000),
        services: [
          { name: "can", state: busServices[bus.state.kind] ?? "failed", detail: bus.state.reason.slice(0, 64) },
          { name: "broker", state: "running" },
          ...(link?.broker === undefined
            ? []
            : [{ name: "bridge", state: bridgeService(household.isBridged, clock.monotonicMs() - startedMs) }]),
        ],
      }),
      end: (why) => end?.(why),
    });
  }

  function reportLinks(): void {
    const isBridged = household.isBridged;
    const isRegistered = manager?.isRegistered === true;
    const hasLink = manager !== undefined || link?.broker !== undefined;
    const { waiting = 0, streamDropped = 0, latestDropped = 0, refused = 0 } = household.counters();
    house.status.report({
      internet: isBridged || isRegistered ? "up" : hasLink ? "down" : "unknown",
      manager: manager === undefined ? "off" : isRegistered ? "up" : "down",
      serverBroker: link?.broker === undefined ? "off" : isBridged ? "up" : "down",
      ...{ waiting, lost: streamDropped + latestDropped + refused, node: manager?.id },
    });
  }

  const stops: (() => void)[] = [];
  const bridging: Part = {
    name: "bridging",
    start: () => {
      stops.push(
        house.publisher.onPublished(({ topic, payload, isRetained }) => household.said(topic, payload, isRetained)),
      );
      away.start();
      stops.push(() => away.stop());
      stops.push(repeatedly(clock, lookMs, reportLinks));
      const renewCertificate = (): void => {
        const shown = material();
        broker.useCertificate(shown);
        door.useCertificate(shown);
      };
      stops.push(repeatedly(clock, certificateMs, renewCertificate));
      let known = hosts().join();
      stops.push(
        repeatedly(clock, lookMs, () => {
          const now = hosts().join();
          if (now === known) return;
          known = now;
          // The router gave it another address: phones find no certificate for that, and the manager invites to the old one.
          renewCertificate();
          household.homeChanged();
        }),
      );
    },
    stop: () => {
      for (const stop of stops.splice(0)) stop();
    },
  };
  if (manager !== undefined) house.requests.handlers.update = (trigger) => manager.trigger(trigger);
  const lifecycle = new Lifecycle({ clock, log });
  await lifecycle.start([
    // The door's ports are known before anybody is told where home is.
    { name: "household", start: () => household.start(), stop: () => household.stop() },
    { name: "local-broker", start: () => broker.start(), stop: () => broker.stop() },
    {
      name: "door",
      start: async () => {
        await door.start();
        household.homeChanged();
      },
      stop: () => door.stop(),
    },
    bridging,
    { name: "site", start: () => house.start(), stop: () => house.stop() },
    { name: "firmware-asker", start: () => asker.start(), stop: () => asker.stop() },
    socketPart,
    ...(manager === undefined ? [] : [manager]),
  ]);
  const ports = door.ports()!;
  const { mqtt, mqtts } = broker.addresses();
  const shown = shownHost(settings.host);
  return {
    site,
    urls: {
      app: `http://${shown}:${ports.http}/app/`,
      appTls: `https://${shown}:${ports.https}/app/`,
      mqtt: `mqtt://${shown}:${mqtt!.port}`,
      mqtts: `mqtts://${shown}:${mqtts!.port}`,
    },
    can: bus,
    fingerprint: household.authority.fingerprint,
    isAppBuilt: existsSync(join(builtApp, "index.html")),
    stop: () => lifecycle.stop(),
  };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw gatewayFaults("gateway.data-folder", { folder, reason }, error);
  }
}

function zoneOf(settings: GatewaySettings, link: SiteLink | undefined): string {
  const zone = settings.timeZone || link?.timeZone || Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!isTimeZone(zone)) throw gatewayFaults("gateway.time-zone", { zone });
  return zone;
}

function isClockSet(): boolean {
  return !existsSync(timeSync.folder) || existsSync(timeSync.done);
}

/** Names and addresses under which phones at home may reach this machine. */
function ownHosts(): string[] {
  const name = hostname().toLowerCase();
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
  return ["localhost", ...(/^[a-z0-9-]+$/.test(name) ? [`${name}.local`] : []), ...addresses.filter(isLanAddress)];
}

/** Where phones find the app at home, best first: by TLS, by an address of the LAN. */
function homeUrls({ host }: GatewaySettings, own: readonly string[], ports: ReturnType<SiteDoor["ports"]>): string[] {
  // Before the door stands there is nothing to tell.
  if (ports?.https === undefined) return [];
  const isAny = host === "0.0.0.0" || host === "::";
  const hosts = isAny
    ? own.filter((each) => each !== "localhost" && !/^(127\.|::1$|fe80:|169\.254\.)/.test(each))
    : [host];
  return hosts.slice(0, 4).map((each) => `https://${each.includes(":") ? `[${each}]` : each}:${ports.https}`);
}

function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}

/** The server broker for the app, where it speaks WebSocket. */
function webSocketOf(link: SiteLink | undefined): string | undefined {
  return link?.broker?.startsWith("ws") === true ? link.broker : undefined;
}

function repeatedly(clock: Clock, everyMs: number, work: () => void): () => void {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.after(everyMs, () => {
      arm();
      work();
    });
  };
  arm();
  return () => timer.cancel();
}

/** What a bus that is opened for the first time says is no fault yet. */
const busServices: { readonly [K in CanBusState["kind"]]?: Service["state"] } = { up: "running", closed: "starting" };
/** A link to the server broker that was up before comes up within this. */
const bridgeStartMs = 60_000;

function bridgeService(isBridged: boolean, upMs: number): Service["state"] {
  if (isBridged) return "running";
  return upMs < bridgeStartMs ? "starting" : "failed";
}
