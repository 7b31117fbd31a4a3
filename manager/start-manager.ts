import { existsSync, mkdirSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { batchTransport } from "../coap/transport/batch.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import { defineFaults, Fault } from "../kernel/fault.ts";
import { Lifecycle, type Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import { rootFault } from "../kernel/root-fault.ts";
import { GivenRevocations } from "./adapters/certificates/given-revocations.ts";
import { OwnAuthority } from "./adapters/certificates/own-authority.ts";
import { interfaceAddress, interfaceName, MdnsAnnouncement } from "./adapters/discovery/mdns-announcement.ts";
import { AdminToken } from "./adapters/storage/admin-token.ts";
import { AesSecretBox } from "./adapters/storage/aes-secret-box.ts";
import { ArtifactFiles } from "./adapters/storage/artifact-files.ts";
import { AtomicFile } from "./adapters/storage/atomic-file.ts";
import { keyFromFile } from "./adapters/storage/key-file.ts";
import { OperatorSecretHashes } from "./adapters/storage/operator-secret-hashes.ts";
import { writeOwnFile } from "./adapters/storage/own-file.ts";
import { SqliteStorage } from "./adapters/storage/sqlite-storage.ts";
import { SqliteTelemetry } from "./adapters/storage/sqlite-telemetry.ts";
import type { FleetSettings } from "./app/api/environments.ts";
import type { ManagerApp } from "./app/api/manager-app.ts";
import { composeManager, type ManagerUrls } from "./compose-manager.ts";
import { freePort } from "./free-port.ts";
import { givenTrust, secureDoor } from "./secure-door.ts";
import type { Settings } from "./settings.ts";
import { isWildcardHost } from "./settings-rules.ts";
import { type TlsDoors, tlsDoors } from "./tls-doors.ts";

export const managerFaults = defineFaults({
  "manager.data-folder": {
    fault: "environment",
    message: "The data folder {folder} can't be made ({reason}). Choose another with --data-dir, or make room for it.",
  },
});

export interface StartManagerOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Asks the process to end; an operator's shutdown calls it. */
  readonly shutdown?: () => void;
  /** Asks for a stop and a new start in the same process. */
  readonly restart?: () => void;
}

export interface RunningManager {
  readonly urls: ManagerUrls;
  readonly app: ManagerApp;
  /** Made by the first start: where the admin's token is, and a link that signs in to the console once. */
  readonly signIn: { readonly tokenFile: string; readonly link: string } | undefined;
  /** Reads or makes the certificates of TLS and DTLS anew, and reads revocation lists that changed. */
  reload(): void;
  /** Always reaches its end; what went wrong on the way comes back. */
  stop(): Promise<readonly Fault[]>;
}

const minLifetimeSeconds = 60;
const maxLifetimeSeconds = 31_536_000;

/** A port that was free when it was chosen may be taken when it is bound; another is chosen so often. */
const portTries = 5;

/** Starts a manager. Rejects with a Fault when a part can't start; nothing of it is left running then. */
export async function startManager(options: StartManagerOptions): Promise<RunningManager> {
  for (let left = portTries; ; left--) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (left === 1 || !isChosenPortTaken(error, options.settings)) throw error;
    }
  }
}

/** Whether a port that was left to the system is in use, so that another one will do. */
function isChosenPortTaken(error: unknown, settings: Settings): boolean {
  const [part, problem] = error instanceof Fault ? rootFault(error).code.split(".") : [];
  if (part === "mqtt" && problem === "port-in-use" && settings.mqtts.port === 0) return true;
  const isChosen =
    (part === "coap" || part === "http" || part === "https" || part === "mqtt") && settings[part].port === 0;
  return isChosen && problem === "port-in-use";
}

/**
 * The composition root: chooses sockets and files from the settings and hands them to `composeManager`. Storage starts first and
 * stops last.
 */
async function startOnce(options: StartManagerOptions): Promise<RunningManager> {
  const { settings, clock, entropy, log } = options;
  makeFolder(settings.dataDir, log);
  const ports = await choosePorts(settings);

  const storage = new SqliteStorage({ file: join(settings.dataDir, "registry.db"), clock });
  const stores: Part[] = [{ name: "registry.db", start: () => {}, stop: () => storage.close() }];
  const lifecycle = new Lifecycle({ clock, log });
  try {
    const keyFile = settings.keyFile === "" ? join(settings.dataDir, "key") : settings.keyFile;
    const authorityFile = join(settings.dataDir, "node-ca.json");
    // The CA is the first that is sealed, so where it is there is something that only one key opens.
    const secretBox = new AesSecretBox({ key: keyFromFile(keyFile, entropy, !existsSync(authorityFile)), entropy });
    const tokens = new AdminToken({ folder: settings.dataDir, entropy });
    const telemetryStore = new SqliteTelemetry({ file: join(settings.dataDir, "history.db") });
    stores.push({ name: "history.db", start: () => {}, stop: () => telemetryStore.close() });
    const artifacts = new ArtifactFiles({
      folder: join(settings.dataDir, "artifacts"),
      clock,
      entropy,
      maxBytes: settings.limits.artifactBytes,
    });
    const authority = new OwnAuthority({
      ...{ file: authorityFile, box: secretBox, clock, entropy },
      writeNew: (file, text) => writeOwnFile(file, text, { isNew: true }),
    });
    // For whoever shall trust it: it is no secret.
    writeOwnFile(join(settings.dataDir, "ca.pem"), authority.ca);
    const secured = secureDoor({ settings, port: ports.coaps, authority, clock, log });
    const tls = tlsDoors({ settings, ports, authority, clock, log });
    const isOwnCa = settings.coaps.certificate === "";
    const trust = isOwnCa ? { ca: authority.ca } : givenTrust(settings);
    const urls = publicUrls(settings, ports, { hasDtls: secured !== undefined, tls });
    const {
      app,
      http,
      useRevocations,
      parts: faces,
    } = composeManager({
      ...{ clock, entropy, log, storage, telemetryStore, artifacts, secretBox, tokens, urls },
      operatorSecrets: new OperatorSecretHashes({ entropy }),
      lastSeen: new AtomicFile({ file: join(settings.dataDir, "last-seen.bin") }),
      auditHeads: new AtomicFile({ file: join(settings.dataDir, "audit-heads.bin") }),
      transport: coapTransport(settings, ports.coap, log),
      ...{ secured, authority, certifiesNodes: isOwnCa },
      revocationList: new AtomicFile({ file: join(settings.dataDir, "ca.crl") }),
      tls: tls && { ...tls, trust, isOwnCa },
      mqttListener: { host: settings.mqtt.host, port: ports.mqtt },
      httpListener: { host: settings.http.host, port: ports.http },
      observerPassword: settings.mqtt.observerPassword,
      ownHosts: [settings.http.host, settings.publicHost],
      fleet: fleetSettings(settings, ports.mqtt, tls?.mqtts?.port ?? 0),
      isInsecure: settings.insecure,
      vendor: settings.vendor,
      offersUnsigned: settings.unsignedUpdates,
      fourEyes: settings.fourEyes,
      limits: settings.limits,
      shutdown: options.shutdown,
      restart: options.restart,
    });
    const parts: Part[] = [...stores, ...faces];
    const { crl } = settings.coaps;
    const lists =
      crl === ""
        ? undefined
        : new GivenRevocations({
            ...{ file: crl, clock, log },
            changed: (pem, revoked) => useRevocations({ ca: trust.ca }, pem, revoked),
          });
    if (lists !== undefined)
      parts.push({ name: "revocation lists", start: () => lists.start(), stop: () => lists.stop() });
    const shown = secured?.certificates;
    if (shown !== undefined)
      parts.push({ name: "DTLS certificate", start: () => shown.start(), stop: () => shown.stop() });
    if (settings.mdns) parts.push(announcement(settings, ports.coap, log));
    await lifecycle.start(parts);
    const signIn = tokens.isNew ? { tokenFile: tokens.file, link: http.signInLink() ?? "" } : undefined;
    const reload = (): void => {
      tls?.certificates.reload();
      shown?.reload();
      lists?.look();
    };
    return { urls, app, signIn, reload, stop: () => lifecycle.stop() };
  } catch (error) {
    // Stops what had started; a store that was only opened is closed here.
    await lifecycle.stop();
    for (const store of stores.reverse()) await store.stop();
    throw error;
  }
}

function makeFolder(folder: string, log: Log): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const mode = statSync(folder).mode & 0o777;
    // Its files are closed to others; but who may write here can put others in their place.
    if ((mode & 0o022) !== 0) log.warn("data-folder-open", { folder, mode: mode.toString(8), next: "chmod go-w it" });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw managerFaults("manager.data-folder", { folder, reason }, error);
  }
}

interface Ports {
  readonly coap: number;
  readonly coaps: number;
  readonly http: number;
  readonly mqtt: number;
  readonly https: number;
  readonly mqtts: number;
}

/** Numbers for the ports that were left to the system. */
async function choosePorts({ coap, coaps, http, mqtt, https, mqtts }: Settings): Promise<Ports> {
  const choose = (kind: "udp" | "tcp", { host, port }: { host: string; port: number }): number | Promise<number> =>
    port === 0 ? freePort(kind, host) : port;
  const coapPort = await choose("udp", coap);
  return {
    coap: coapPort,
    // The last port of all has none behind it.
    coaps: coaps.port === 0 ? (coapPort === 65_535 ? coapPort - 1 : coapPort + 1) : coaps.port,
    http: await choose("tcp", http),
    mqtt: await choose("tcp", mqtt),
    https: await choose("tcp", { host: http.host, port: https.port }),
    mqtts: await choose("tcp", { host: mqtt.host, port: mqtts.port }),
  };
}

function publicUrls(
  { publicHost, coap, http, mqtt }: Settings,
  ports: Ports,
  { hasDtls, tls }: { readonly hasDtls: boolean; readonly tls: TlsDoors | undefined },
): ManagerUrls {
  const url = (scheme: string, host: string, port: number): string => {
    const name = publicHost === "" ? host : publicHost;
    return `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
  };
  return {
    http: url("http", http.host, ports.http),
    coap: url("coap", coap.host, ports.coap),
    ...(hasDtls ? { coaps: url("coaps", coap.host, ports.coaps) } : {}),
    mqtt: url("mqtt", mqtt.host, ports.mqtt),
    ...(tls?.https && { https: url("https", http.host, ports.https) }),
    ...(tls?.mqtts && { mqtts: url("mqtts", mqtt.host, ports.mqtts) }),
  };
}

function coapTransport({ coap, discovery, interface: chosen }: Settings, port: number, log: Log): Transport {
  const groups = coap.host.includes(":") ? ["ff02::fd", "ff05::fd"] : ["224.0.1.187"];
  const name = chosen === "" ? interfaceName(coap.host) : chosen;
  const interfaces = name === undefined ? {} : { interfaces: [name] };
  const address = coap.host === "localhost" ? "127.0.0.1" : coap.host;
  return batchTransport({ address, port, log, ...(discovery ? { multicast: { groups, ...interfaces } } : {}) });
}

function announcement({ coap, interface: chosen }: Settings, port: number, log: Log): Part {
  const name = `coxswain ${hostname().split(".")[0]} ${port}`;
  const isEverywhere = chosen === "" && isWildcardHost(coap.host);
  const address = isEverywhere ? undefined : interfaceAddress(chosen === "" ? coap.host : chosen);
  const mdns = new MdnsAnnouncement({ name, port: () => port, address, log });
  return { name: "mDNS announcement", start: () => mdns.start(), stop: () => mdns.stop() };
}

/** What the fleet begins with; an operator's changes are in storage and go first. */
function fleetSettings(settings: Settings, mqttPort: number, mqttTlsPort: number): FleetSettings {
  return {
    mqttHost: settings.publicHost === "" ? settings.mqtt.host : settings.publicHost,
    mqttPort,
    mqttTlsPort,
    allowPlainMqtt: settings.mqtt.allowPlain || settings.insecure,
    rootTopic: settings.rootTopic,
    pollSeconds: settings.poll,
    reportSeconds: settings.report,
    lifetimeSeconds: settings.lifetime,
    minLifetimeSeconds,
    maxLifetimeSeconds,
    wifi: [],
    timeZone: "UTC",
    nodeLogLevel: "info",
    keepMqttInMaintenance: false,
    isLegacyTopics: false,
  };
}
