import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoapResponse, RequestOptions, Target } from "../../coap/client-types.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { codeText, type Method } from "../../coap/message.ts";
import type { PeerIdentity, Route } from "../../coap/route.ts";
import type { OscoreContext } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import type { OscoreParameters } from "../../coap/security/oscore/oscore-parameters.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import type { Clock } from "../../kernel/clock.ts";
import { type Log, silentLog } from "../../kernel/log.ts";
import { loadSettings } from "../../kernel/settings-load.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { kidToBytes } from "../../manager/domain/node-credential.ts";
import { settingsDescription } from "../../manager/settings.ts";
import { type RunningManager, startManager } from "../../manager/start-manager.ts";
import { fromHex, toHex } from "../../schemas/wire/hex.ts";
import { SecretWatch } from "./secret-watch.ts";

export interface TestManager extends RunningManager {
  readonly folder: string;
  readonly coapPort: number;
  /** What the manager logs to. */
  readonly log: Log;
  /** Stops it, and fails when a secret is in what it logged or recorded; the folder goes unless it is to be used again. */
  end(options?: { readonly keepsFolder?: boolean }): Promise<void>;
}

export interface TestManagerPlan {
  readonly flags?: Readonly<Record<string, string | boolean>>;
  readonly folder?: string;
  readonly log?: Log;
  readonly shutdown?: () => void;
  /** Default the machine's. */
  readonly clock?: Clock;
  /** A secret is logged on purpose. */
  readonly isPlanted?: boolean;
}

/** A whole manager in this process, on real sockets with ports of its own. */
export async function testManager(plan: TestManagerPlan = {}): Promise<TestManager> {
  const { flags = {}, folder, log, shutdown, clock = systemClock, isPlanted = false } = plan;
  const watch = new SecretWatch(log, { isPlanted });
  const dataDir = folder ?? mkdtempSync(join(tmpdir(), "coxswain-test-"));
  const asked: Record<string, string | boolean> = {
    ...{ dataDir, insecure: true, mdns: false, discovery: false, poll: "2", report: "1" },
    ...{ "coap.port": "0", "http.port": "0", "mqtt.port": "0" },
    ...flags,
  };
  const loaded = loadSettings(settingsDescription, { environment: {}, flags: new Map(Object.entries(asked)) });
  if (!loaded.ok) throw new Error(loaded.problems.map((each) => each.message).join("\n"));
  const { settings } = loaded;
  watch.add(settings.mqtt.observerPassword);
  const manager = await startManager({
    ...{ settings, clock, entropy: watch.entropy, log: watch.log },
    ...(shutdown === undefined ? {} : { shutdown }),
  });
  return {
    ...manager,
    folder: dataDir,
    coapPort: Number(new URL(manager.urls.coap).port),
    end: async ({ keepsFolder = false } = {}) => {
      await manager.stop();
      try {
        watch.check(dataDir);
      } finally {
        if (!keepsFolder) rmSync(dataDir, { recursive: true, force: true });
      }
    },
    log: watch.log,
  };
}

/** The `oscore` of a credentials file. */
export interface TestKeys {
  readonly masterSecret: string;
  readonly masterSalt: string;
  readonly senderId: string;
  readonly recipientId: string;
  /** Hexadecimal too. */
  readonly idContext?: string;
}

/** Who the manager is to a node of these tests. */
export const managerIdentity: PeerIdentity = { kind: "operator", id: "manager", scheme: "oscore" };

export function parametersOf(keys: TestKeys): OscoreParameters {
  const [masterSecret, masterSalt, senderId, recipientId] = [
    ...[keys.masterSecret, keys.masterSalt, keys.senderId, keys.recipientId].map((each) => fromHex(each)),
  ] as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const idContext = keys.idContext === undefined ? undefined : fromHex(keys.idContext);
  return { masterSecret, masterSalt, senderId, recipientId, idContext };
}

/** Keys of a node as an operator gets them. */
export async function issueKeys(manager: Pick<RunningManager, "app">, node: string): Promise<TestKeys> {
  const outcome = await manager.app.credentials.issue(node, { kind: "operator", id: "test" });
  if (outcome.kind !== "issued") throw new Error(outcome.kind);
  if (outcome.secrets.scheme !== "oscore") throw new Error(outcome.secrets.scheme);
  const { masterSecret, masterSalt } = outcome.secrets;
  return {
    masterSecret: toHex(masterSecret),
    masterSalt: toHex(masterSalt),
    senderId: toHex(kidToBytes(outcome.kid)),
    recipientId: "",
  };
}

/** A node or an operator: an endpoint with its own socket that talks to one manager, and serves routes of its own. */
export class TestPeer {
  readonly endpoint: CoapEndpoint;
  readonly #managerPort: number;
  readonly #oscore: OscoreContext | undefined;

  constructor(managerPort: number, routes: readonly Route[] = [], keys?: TestKeys, repeatsAfterMs?: number) {
    this.#managerPort = managerPort;
    const contexts = new OscoreContexts({ entropy: systemEntropy, log: silentLog, leases: volatileLeases() });
    this.#oscore = keys && contexts.add(parametersOf(keys), { identity: managerIdentity, isNew: true });
    this.endpoint = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      ...{ clock: systemClock, entropy: systemEntropy, log: silentLog, oscore: contexts },
      ...(repeatsAfterMs && { limits: { ackTimeoutMs: repeatsAfterMs }, congestion: "controlled-elsewhere" as const }),
    });
    for (const route of routes) this.endpoint.route(route);
  }

  /** With keys everything that it asks is protected by OSCORE. `repeatsAfterMs`: sooner than the two seconds of the protocol. */
  static async start(
    managerPort: number,
    routes: readonly Route[] = [],
    keys?: TestKeys,
    repeatsAfterMs?: number,
  ): Promise<TestPeer> {
    const peer = new TestPeer(managerPort, routes, keys, repeatsAfterMs);
    await peer.endpoint.start();
    return peer;
  }

  /** `ask("PUT", "/nodes/a/health?ep=a", "{...}", 50)`; text bodies are sent as they are. */
  async ask(
    method: Method,
    target: string,
    body?: string | Uint8Array,
    contentFormat?: number,
    more: Partial<RequestOptions> = {},
  ): Promise<TestAnswer> {
    const [path = "", query] = target.split("?");
    const response = await this.endpoint.request({
      to: this.to,
      method,
      path: path.split("/").slice(1),
      queries: query?.split("&"),
      payload: typeof body === "string" ? new TextEncoder().encode(body) : body,
      contentFormat,
      ...more,
    });
    return new TestAnswer(response);
  }

  get to(): Target {
    return { address: "127.0.0.1", port: this.#managerPort, oscore: this.#oscore };
  }

  /** Registers a node and keeps the answer's Location out of the way. */
  async register(manifest: Readonly<Record<string, unknown>>): Promise<TestAnswer> {
    return await this.ask("POST", "/register", JSON.stringify(manifest), 50);
  }

  async end(): Promise<void> {
    await this.endpoint.stop();
  }
}

export class TestAnswer {
  readonly response: CoapResponse;

  constructor(response: CoapResponse) {
    this.response = response;
  }

  /** `2.05` */
  get code(): string {
    return codeText(this.response.code);
  }

  get text(): string {
    return new TextDecoder().decode(this.response.payload);
  }

  get json(): unknown {
    return JSON.parse(this.text);
  }

  /** `4.00 bad body: ...`, for tests of what people read. */
  get words(): string {
    return `${this.code} ${this.text}`;
  }
}

/** Waits for something that happens soon; fails after 20 s, since others may share the machine, with the last value. */
export async function soon<T>(look: () => T | Promise<T>, isThere: (value: T) => boolean): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await look();
    if (isThere(value)) return value;
    if (performance.now() > deadline) throw new Error(`never happened; the last was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
