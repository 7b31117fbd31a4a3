import type { Duplex } from "node:stream";
import type { MemoryNetwork, MemoryTransport } from "../../coap/transport/memory.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { Lifecycle } from "../../kernel/lifecycle.ts";
import type { Log } from "../../kernel/log.ts";
import { AesSecretBox } from "../../manager/adapters/storage/aes-secret-box.ts";
import { OperatorSecretHashes } from "../../manager/adapters/storage/operator-secret-hashes.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { type ComposedManager, composeManager } from "../../manager/compose-manager.ts";
import type { Artifacts } from "../../manager/ports/artifacts.ts";
import { MortalClock } from "./mortal-clock.ts";
import type { OpenDisk, SimDisk } from "./sim-disk.ts";

export const managerAddress = "127.0.0.1";
export const managerPorts = { coap: 5683, http: 8683, mqtt: 1883 } as const;
/** Seconds between heartbeats: the presence rules give 37.5 s to be late and 115 s to be offline. */
export const pollSeconds = 5;

interface Life {
  readonly clock: MortalClock;
  readonly manager: ComposedManager;
  readonly transport: MemoryTransport;
  readonly lifecycle: Lifecycle;
  readonly streams: Set<Duplex>;
  isReady: boolean;
}

export interface SimManagerOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly network: MemoryNetwork;
  readonly disk: SimDisk;
  readonly artifacts: Artifacts;
  readonly log: Log;
  /** Domain of who makes the images; default as the setting's. */
  readonly vendor?: string;
  readonly onEvent: (event: LiveEvent) => void;
  /** A datagram reached the socket, from this address. */
  readonly onDatagram: (from: string) => void;
}

/** The whole manager as `composeManager` makes it, on a memory network and streams; it can be killed at any moment and started again. */
export class SimManager {
  readonly #options: SimManagerOptions;
  #life: Life | undefined;
  lives = 0;

  constructor(options: SimManagerOptions) {
    this.#options = options;
  }

  /** Undefined while it is down, starts or stops. */
  get app(): ManagerApp | undefined {
    return this.#life?.isReady === true ? this.#life.manager.app : undefined;
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  /** Resolves when it serves; never when it is killed meanwhile. */
  async start(): Promise<void> {
    if (this.#life !== undefined) return;
    const { entropy, network, disk, artifacts, log, vendor, onEvent } = this.#options;
    const clock = new MortalClock(this.#options.clock);
    const opened = disk.open(clock);
    const transport = network.transport(managerAddress, managerPorts.coap, { groups: ["224.0.1.187"] });
    const receive = transport.receive.bind(transport);
    transport.receive = (bytes, from, isMulticast): void => {
      this.#options.onDatagram(from.address);
      receive(bytes, from, isMulticast);
    };
    const manager = compose({
      clock,
      entropy,
      log,
      artifacts,
      opened,
      transport,
      ...(vendor !== undefined && { vendor }),
    });
    const lifecycle = new Lifecycle({ clock, log });
    const life: Life = { clock, manager, transport, lifecycle, streams: new Set(), isReady: false };
    this.#life = life;
    this.lives++;
    manager.app.events.subscribe((event) => {
      if (this.#life === life) onEvent(event);
    });
    const stores = [
      { name: "history.db", start: () => undefined, stop: () => opened.telemetryStore.close() },
      { name: "registry.db", start: () => undefined, stop: () => opened.storage.close() },
    ];
    await lifecycle.start([...stores, ...manager.parts]);
    life.isReady = true;
  }

  /** As kill -9: nothing is said or written any more; the disk keeps what was committed. */
  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    life.clock.die();
    void life.transport.close();
    for (const stream of life.streams) stream.destroy();
    this.#options.disk.crash();
    // Gives back what the libraries keep in the real process; nobody in the simulation can notice.
    void life.manager.broker.stop().catch(() => undefined);
    void life.manager.http.stop().catch(() => undefined);
  }

  /** As SIGTERM. Resolves when it has ended; never when it is killed meanwhile. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === undefined) return;
    life.isReady = false;
    const faults = await life.lifecycle.stop();
    for (const fault of faults) this.#options.log.error("stop-fault", { message: fault.message });
    if (this.#life !== life) return;
    life.clock.die();
    for (const stream of life.streams) stream.destroy();
    this.#life = undefined;
  }

  /** Takes a TCP connection; false: nobody listens. */
  accept(kind: "mqtt" | "http", stream: Duplex): boolean {
    const life = this.#life;
    if (life?.isReady !== true) return false;
    life.streams.add(stream);
    stream.once("close", () => life.streams.delete(stream));
    if (kind === "mqtt") life.manager.broker.attach(stream);
    else life.manager.http.attach(stream);
    return true;
  }
}

function compose(parts: {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly artifacts: Artifacts;
  readonly opened: OpenDisk;
  readonly transport: MemoryTransport;
  readonly vendor?: string;
}): ComposedManager {
  const { opened, ...rest } = parts;
  const url = (scheme: "http" | "coap" | "mqtt"): string => `${scheme}://${managerAddress}:${managerPorts[scheme]}`;
  return composeManager({
    ...rest,
    ...opened,
    operatorSecrets: new OperatorSecretHashes({ entropy: parts.entropy }),
    secretBox: new AesSecretBox({ key: new Uint8Array(32), entropy: parts.entropy }),
    observerPassword: "",
    urls: { http: url("http"), coap: url("coap"), mqtt: url("mqtt") },
    ownHosts: [managerAddress],
    fleet: {
      mqttHost: managerAddress,
      mqttPort: managerPorts.mqtt,
      mqttTlsPort: 0,
      allowPlainMqtt: false,
      rootTopic: "cx",
      pollSeconds,
      reportSeconds: 10,
      lifetimeSeconds: 86_400,
      minLifetimeSeconds: 60,
      maxLifetimeSeconds: 604_800,
      wifi: [],
      timeZone: "UTC0",
      nodeLogLevel: "info",
      keepMqttInMaintenance: false,
      isLegacyTopics: false,
    },
    isInsecure: true,
    limits: { nodes: 256, artifactBytes: 1_048_576, eventClients: 4 },
  });
}
