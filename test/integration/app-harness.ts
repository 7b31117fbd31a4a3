import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { AesSecretBox } from "../../manager/adapters/storage/aes-secret-box.ts";
import { hkdfSha256 } from "../../manager/adapters/storage/hkdf-sha256.ts";
import { OperatorSecretHashes } from "../../manager/adapters/storage/operator-secret-hashes.ts";
import { type TwinContent, TwinStorage } from "../../manager/adapters/storage/twin-storage.ts";
import type { FleetSettings } from "../../manager/app/api/environments.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import type { Actor, RegisterInput, RegisterOutcome } from "../../manager/app/api/registry.ts";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { createManagerApp } from "../../manager/app/create-manager-app.ts";
import type { ArtifactInfo, Artifacts } from "../../manager/ports/artifacts.ts";
import type { Broker, BrokerAccount, OutgoingMessage, SiteAccount } from "../../manager/ports/broker.ts";
import type {
  NodeAnswer,
  NodeCaller,
  NodeRequest,
  NodeTarget,
  ObservationListener,
} from "../../manager/ports/node-caller.ts";
import type { SecretBox } from "../../manager/ports/secret-box.ts";
import type { TelemetryPoint, TelemetryStore } from "../../manager/ports/telemetry-store.ts";
import { manifestCrypto } from "../../manager/signing/manifest-crypto.ts";
import type { NodeManifest } from "../../schemas/generated/types.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";

export const operator: Actor = { kind: "operator", id: "test" };
export const digestA = `sha256:${"a".repeat(64)}`;
export const digestB = `sha256:${"b".repeat(64)}`;

export const settings: FleetSettings = {
  mqttHost: "127.0.0.1",
  mqttPort: 1883,
  mqttTlsPort: 0,
  allowPlainMqtt: false,
  rootTopic: "cx",
  pollSeconds: 60,
  reportSeconds: 30,
  lifetimeSeconds: 86_400,
  minLifetimeSeconds: 60,
  maxLifetimeSeconds: 604_800,
  wifi: [],
  timeZone: "UTC0",
  nodeLogLevel: "info",
  keepMqttInMaintenance: false,
  isLegacyTopics: false,
};

/** Nodes that never answer unless told how to; every call takes a turn of the clock. */
export class ScriptedNodes implements NodeCaller {
  readonly requests: NodeRequest[] = [];
  readonly observations: { target: NodeTarget; listener: ObservationListener; isCancelled: boolean }[] = [];
  answer: ((request: NodeRequest) => NodeAnswer) | undefined;
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  request(request: NodeRequest): Promise<NodeAnswer> {
    this.requests.push(request);
    return new Promise((resolve, reject) => {
      request.signal?.addEventListener("abort", () => reject(request.signal?.reason), { once: true });
      this.#clock.after(2, () => {
        if (this.answer === undefined) return;
        try {
          resolve(this.answer(request));
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  observe(target: NodeTarget, listener: ObservationListener): { cancel(): void } {
    const observation = { target, listener, isCancelled: false };
    this.observations.push(observation);
    return {
      cancel: () => {
        observation.isCancelled = true;
      },
    };
  }

  open(): ScriptedNodes["observations"] {
    return this.observations.filter(({ isCancelled }) => !isCancelled);
  }
}

export class RecordingBroker implements Broker {
  readonly accounts = new Map<string, BrokerAccount>();
  readonly forgotten: string[] = [];
  readonly siteAccounts = new Map<string, SiteAccount>();
  readonly published: OutgoingMessage[] = [];
  isBroken: boolean = false;

  async setAccounts(accounts: readonly BrokerAccount[]): Promise<void> {
    if (this.isBroken) throw new Error("The broker is away.");
    for (const account of accounts) this.accounts.set(account.user, account);
  }

  secretOf(user: string, password: string): Uint8Array {
    return new TextEncoder().encode(`kept of ${user} ${password}`);
  }

  async setSiteAccounts(accounts: readonly SiteAccount[]): Promise<void> {
    if (this.isBroken) throw new Error("The broker is away.");
    for (const account of accounts) this.siteAccounts.set(account.user, account);
  }

  async forgetRetained(site: string): Promise<void> {
    this.forgotten.push(site);
  }

  async removeAccounts(users: readonly string[]): Promise<void> {
    for (const user of users) {
      this.accounts.delete(user);
      this.siteAccounts.delete(user);
    }
  }

  async publish(message: OutgoingMessage): Promise<void> {
    if (this.isBroken) throw new Error("The broker is away.");
    this.published.push(message);
  }

  isConnected(): boolean {
    return false;
  }
}

export class ListTelemetry implements TelemetryStore {
  points: TelemetryPoint[] = [];
  failing: boolean = false;

  async append(points: readonly TelemetryPoint[]): Promise<void> {
    if (this.failing) throw new Error("The telemetry disk is full.");
    this.points.push(...points);
  }
  async query({ node }: { node: string }): Promise<readonly TelemetryPoint[]> {
    return this.points.filter((point) => point.node === node).reverse();
  }
  async latest(node: string): Promise<readonly TelemetryPoint[]> {
    return [
      ...new Map(this.points.filter((point) => point.node === node).map((point) => [point.series, point])).values(),
    ];
  }
  async count(): Promise<number> {
    return this.points.length;
  }
  async prune(): Promise<number> {
    return 0;
  }
  async close(): Promise<void> {}
}

function stockedArtifacts(stock: readonly ArtifactInfo[]): Artifacts {
  return {
    store: () => Promise.reject(new Error("Not in this test.")),
    find: (digest) => stock.find((info) => info.digest === digest),
    list: () => stock,
    open: () => undefined,
    stream: () => undefined,
    remove: async () => false,
  };
}

export interface HarnessOptions {
  readonly seed?: number;
  readonly maxDelayMs?: number;
  readonly failsCommit?: (n: number) => boolean;
  readonly limits?: Readonly<Record<string, number>>;
  readonly settings?: Partial<FleetSettings>;
  readonly isInsecure?: boolean;
  readonly secretBox?: SecretBox;
}

/** What survives a crash. */
export interface HarnessBefore {
  readonly content: TwinContent;
  readonly lastSeen: { bytes: Uint8Array | undefined };
  readonly wallMs: number;
}

/** The app on virtual time over the late twin, with nodes and broker that do what a test says. */
export class AppHarness {
  readonly clock: VirtualClock;
  readonly storage: TwinStorage;
  readonly nodes: ScriptedNodes;
  readonly broker = new RecordingBroker();
  readonly telemetryStore = new ListTelemetry();
  readonly app: ManagerApp;
  readonly events: LiveEvent[] = [];
  readonly #options: HarnessOptions;
  readonly #ports = new Map<string, number>();
  #lastSeen: { bytes: Uint8Array | undefined };

  constructor(options: HarnessOptions = {}, before?: HarnessBefore) {
    const { seed = 1, maxDelayMs = 5, failsCommit, limits } = options;
    this.#options = options;
    this.clock = new VirtualClock(before && { startWallMs: before.wallMs });
    const entropy = seededEntropy(seed);
    this.storage = new TwinStorage({
      clock: this.clock,
      entropy,
      maxDelayMs,
      ...(failsCommit && { failsCommit }),
      ...(before && { content: before.content }),
    });
    this.nodes = new ScriptedNodes(this.clock);
    this.#lastSeen = before?.lastSeen ?? { bytes: undefined };
    const file = this.#lastSeen;
    this.app = createManagerApp({
      storage: this.storage,
      telemetryStore: this.telemetryStore,
      artifacts: stockedArtifacts([
        { digest: digestA, size: 1000, storedAtMs: 0 },
        { digest: digestB, size: 2000, storedAtMs: 0 },
      ]),
      lastSeen: {
        read: async () => file.bytes,
        write: async (bytes) => {
          file.bytes = bytes;
        },
      },
      nodeCaller: this.nodes,
      broker: this.broker,
      secretBox:
        options.secretBox ?? new AesSecretBox({ key: new Uint8Array(32), entropy: seededEntropy(seed + 2000) }),
      keyDerivation: hkdfSha256,
      mosquittoSecret: (password) => ({ hash: `of ${password.length} characters`, salt: "", iterations: 1 }),
      operatorSecrets: new OperatorSecretHashes({ entropy: seededEntropy(seed + 3000) }),
      clock: this.clock,
      entropy: seededEntropy(seed + 1000),
      log: silentLog,
      settings: { ...settings, ...options.settings },
      artifactBases: ["http://127.0.0.1:8683", "coap://127.0.0.1:5683"],
      manifestCrypto,
      vendor: "vendor.example",
      offersUnsigned: options.isInsecure ?? true,
      limits: { nodes: 64, ...limits },
    });
    this.app.events.subscribe((event) => this.events.push(event));
  }

  async start(): Promise<this> {
    await this.wait(this.app.start());
    return this;
  }

  /** Another manager process on what this one's storage holds; this one is dead, not stopped. */
  async crash(): Promise<AppHarness> {
    // Another process draws other numbers.
    const options = { ...this.#options, seed: (this.#options.seed ?? 1) + 7919 };
    return await new AppHarness(options, this.survivors()).start();
  }

  survivors(): HarnessBefore {
    return { content: this.storage.content, lastSeen: this.#lastSeen, wallMs: this.clock.wallMs() };
  }

  /** Lets virtual time pass until the promise is settled. */
  async wait<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = promise.finally(() => {
      isSettled = true;
    });
    settled.catch(() => undefined);
    for (let passed = 0; passed < 20_000; passed++) {
      await this.clock.advance(passed === 0 ? 0 : 2);
      if (isSettled) return settled;
    }
    throw new Error("The promise wasn't settled within 40 virtual seconds.");
  }

  /** Until what is written behind is written: a second is long for the twin. */
  async settle(ms = 1000): Promise<void> {
    await this.clock.advance(ms);
  }

  register(
    id: string,
    manifest: Partial<NodeManifest> = {},
    more: Partial<RegisterInput> = {},
  ): Promise<RegisterOutcome> {
    return this.wait(
      this.app.registry.register({
        manifest: {
          model: "sensor",
          digest: digestA as NodeManifest["digest"],
          confirmed: true,
          ...manifest,
          id: nodeId(id),
        } as NodeManifest,
        path: { address: "127.0.0.1", port: this.portOf(id), family: 4 },
        identity: "claimed",
        contentFormat: 60,
        face: "register",
        ...more,
      }),
    );
  }

  /** Every node has a path of its own. */
  portOf(id: string): number {
    const port = this.#ports.get(id) ?? 40_000 + this.#ports.size;
    this.#ports.set(id, port);
    return port;
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  of<Kind extends LiveEvent["kind"]>(kind: Kind): Extract<LiveEvent, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<LiveEvent, { kind: Kind }> => event.kind === kind);
  }
}
