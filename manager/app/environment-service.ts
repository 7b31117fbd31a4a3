import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import type { Configuration, Environment, LogLevel } from "../../schemas/generated/types.ts";
import { toBase64Url } from "../../schemas/wire/base64url.ts";
import { instantFromMs } from "../../schemas/wire/instant.ts";
import type { Broker, BrokerAccount } from "../ports/broker.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { Environments, FleetSettings } from "./api/environments.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { checkFleetSettings } from "./fleet-settings-check.ts";
import { type FleetTable, nodeFlags } from "./fleet-table.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface EnvironmentServiceOptions {
  readonly fleet: FleetTable;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly broker: Broker;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly settings: FleetSettings;
  /** The environment changed: each node shall get an action. */
  changed(by: Actor): void;
  configure(node: string, configuration: Configuration, by: Actor): Promise<boolean>;
  /** Children of a gateway. */
  children(gateway: string): readonly string[];
  /** It proved who it is once, and can't any more. */
  isRevoked(node: string): boolean;
}

const credentialTable = "credential";
const settingTable = "setting";
const fleetKey = "fleet";
/** A node's account at the broker, under the node's id. Databases of earlier versions hold the password itself. */
interface AccountRecord {
  readonly sealed?: string;
  readonly password?: string;
}

const passwordBytes = 24;
const accountsPerPush = 1000;

/** Builds environments, and owns the passwords of nodes at the broker. Passwords are never logged nor told in events. */
export class EnvironmentService implements Environments {
  readonly #options: EnvironmentServiceOptions;
  readonly #passwords = new Map<string, string>();
  #settings: FleetSettings;

  constructor(options: EnvironmentServiceOptions) {
    this.#options = options;
    this.#settings = options.settings;
  }

  /** Settings and accounts from storage; the broker gets all accounts of registered nodes. */
  async load(): Promise<void> {
    const { storage, broker, fleet } = this.#options;
    const stored = await storage.get(settingTable, fleetKey);
    if (stored !== undefined) this.#settings = { ...this.#settings, ...(stored.value as Partial<FleetSettings>) };
    for (let after = ""; ; ) {
      const page = await storage.list(credentialTable, { after, limit: accountsPerPush });
      const accounts: BrokerAccount[] = [];
      for (const { key, value } of page) {
        this.#passwords.set(key, this.#opened(key, value as AccountRecord));
        if (fleet.find(key) !== -1) accounts.push(this.#account(key));
      }
      if (accounts.length > 0) await broker.setAccounts(accounts);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  async build(node: string): Promise<Environment | undefined> {
    if (this.#options.fleet.find(node) === -1) return undefined;
    if (!this.#passwords.has(node) || this.#isChanging(node)) await this.#makePassword(node);
    return this.#environment(node);
  }

  /** As `build`, without waiting: undefined before the node has a password, and while it gets another one. */
  known(node: string): Environment | undefined {
    return this.#isChanging(node) ? undefined : this.#environment(node);
  }

  #isChanging(node: string): boolean {
    return this.#options.serial.isBusy(`credential/${node}`);
  }

  #environment(node: string): Environment | undefined {
    const { fleet, clock } = this.#options;
    const row = fleet.find(node);
    const password = this.#passwords.get(node);
    if (row === -1 || password === undefined) return undefined;
    const settings = this.#settings;
    const door = brokerDoor(settings, fleet.has(row, nodeFlags.speaksTls));
    return {
      ...(door && { mqtt: { host: settings.mqttHost, ...door, clientId: node, user: node, password } }),
      wifi: settings.wifi.map((network) => ({ ...network })),
      poll: settings.pollSeconds,
      report: settings.reportSeconds,
      topics: { root: settings.rootTopic, legacy: settings.isLegacyTopics },
      time: instantFromMs(clock.wallMs()),
      tz: settings.timeZone,
      logLevel: settings.nodeLogLevel as LogLevel,
      keepMqttInMaintenance: settings.keepMqttInMaintenance,
      liveness: fleet.has(row, nodeFlags.livesByObservation) ? "observe" : "beat",
    };
  }

  settings(): FleetSettings {
    return this.#settings;
  }

  change(wanted: Partial<FleetSettings>, by: Actor): Promise<FleetSettings> {
    const { serial, audit } = this.#options;
    return serial.run("settings", async () => {
      const change = this.#withKnownPasswords(wanted);
      checkFleetSettings(change);
      const stored = await this.#options.storage.get(settingTable, fleetKey);
      const before = Object.fromEntries(
        Object.keys(change).map((name) => [name, this.#settings[name as keyof FleetSettings]]),
      );
      const value = { ...(stored?.value as Partial<FleetSettings> | undefined), ...change };
      await this.#options.writer.commit(fleetKey, [
        { kind: "put", table: settingTable, key: fleetKey, expectedRevision: "any", value },
        audit.change({ what: "settings-changed", actor: by, subject: "settings", before, after: change }),
      ]);
      this.#settings = { ...this.#settings, ...change };
      this.#options.changed(by);
      return this.#settings;
    });
  }

  /** What is read has no passwords, and may be written back: a network without one keeps the one it had. */
  #withKnownPasswords(wanted: Partial<FleetSettings>): Partial<FleetSettings> {
    if (!Array.isArray(wanted.wifi)) return wanted;
    const wifi = (wanted.wifi as FleetSettings["wifi"]).map((network) => {
      const isBare = typeof network === "object" && network !== null && !("password" in network);
      const known = isBare
        ? this.#settings.wifi.find(({ ssid }) => ssid === (network as { ssid: string }).ssid)
        : undefined;
      return known === undefined ? network : { ...(network as object), password: known.password };
    });
    return { ...wanted, wifi: wifi as FleetSettings["wifi"] };
  }

  async configure(node: string, configuration: Configuration, by: Actor): Promise<"queued" | "unknown-node" | "full"> {
    if (this.#options.fleet.find(node) === -1) return "unknown-node";
    return (await this.#options.configure(node, configuration, by)) ? "queued" : "full";
  }

  /** A child came or went: its gateway's rights follow. */
  async refreshAccount(node: string): Promise<void> {
    if (this.#passwords.has(node)) await this.#options.broker.setAccounts([this.#account(node)]);
  }

  async forget(node: string): Promise<void> {
    const changes = this.removal(node);
    if (!this.#passwords.delete(node)) return;
    const { writer, broker } = this.#options;
    // The broker first: who is to be off it is, though storage fails.
    await broker.removeAccounts([node]);
    await writer.commit(node, changes);
  }

  /** What takes the node's account out of storage. */
  removal(node: string): readonly Change[] {
    if (!this.#passwords.has(node)) return [];
    return [{ kind: "delete", table: credentialTable, key: node, expectedRevision: "any" }];
  }

  /**
   * Another password for a node that has one; its session at the broker and what waits there stay. Called in the turn of the node's
   * credentials: environments of the node that are asked for meanwhile wait for it. A failure leaves the one before.
   */
  async renewPassword(node: string): Promise<void> {
    if (this.#passwords.has(node)) await this.#writePassword(node, "any");
  }

  #makePassword(node: string): Promise<void> {
    return this.#options.serial.run(`credential/${node}`, async () => {
      // It may have asked with its keys while they were being revoked.
      if (!this.#passwords.has(node) && !this.#options.isRevoked(node)) await this.#writePassword(node, 0);
    });
  }

  async #writePassword(node: string, expectedRevision: 0 | "any"): Promise<void> {
    const password = toBase64Url(this.#options.entropy.bytes(passwordBytes));
    const { writer, storage, broker, box } = this.#options;
    const value: AccountRecord = { sealed: toBase64(box.seal(new TextEncoder().encode(password), aboutOf(node))) };
    const [written] = await writer.commit(node, [
      { kind: "put", table: credentialTable, key: node, expectedRevision, value },
    ]);
    const kept = written?.kind === "written" ? undefined : await storage.get(credentialTable, node);
    const known = kept === undefined ? password : this.#opened(node, kept.value as AccountRecord);
    await broker.setAccounts([this.#account(node, known)]);
    // Only now: a node gets no password that the broker doesn't know.
    this.#passwords.set(node, known);
  }

  #opened(node: string, { sealed, password = "" }: AccountRecord): string {
    if (sealed === undefined) return password;
    return new TextDecoder().decode(this.#options.box.open(fromBase64(sealed), aboutOf(node)));
  }

  #account(node: string, password = this.#passwords.get(node) ?? ""): BrokerAccount {
    return { user: node, password, nodes: [node, ...this.#options.children(node)] };
  }
}

function aboutOf(node: string): string {
  return `${node}/broker`;
}

/** Which port of the broker a node is told; undefined: none, since there is TLS, which the node doesn't speak, and the fleet doesn't allow the other. */
function brokerDoor(
  { mqttPort, mqttTlsPort, allowPlainMqtt }: FleetSettings,
  speaksTls: boolean,
): { readonly port: number; readonly tls: boolean } | undefined {
  if (mqttTlsPort === 0) return { port: mqttPort, tls: false };
  if (speaksTls) return { port: mqttTlsPort, tls: true };
  return allowPlainMqtt ? { port: mqttPort, tls: false } : undefined;
}
