import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { onTestFinished, vi } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { Broker, type BrokerOptions, type Presence } from "../../mqtt/broker.ts";
import type { Credentials } from "../../mqtt/credentials.ts";
import type { PublishedMessage } from "../../mqtt/published-batch.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";

/** The rights of a node, as the device protocol has them. */
export function nodeCredentials(id: string, password = `${id}-password`): Credentials {
  const own = `cx/nodes/${id}`;
  return {
    clientId: id,
    password,
    publish: ["telemetry", "status", "availability", "event", "ota/progress", "cmd/+/ack"].map(
      (tail) => `${own}/${tail}`,
    ),
    subscribe: [`${own}/#`],
    aliases: [
      { bare: "device/ota/start", own: `${own}/ota/start` },
      { bare: "device/progress", own: `${own}/ota/progress` },
    ],
  };
}

export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly port: number;
  readonly published: PublishedMessage[];
  readonly presence: Presence[];
  /** A connected MQTT.js client; its password follows from its id. */
  client(clientId: string, options?: IClientOptions): Promise<MqttClient>;
  raw(): Promise<RawClient>;
}

/** A broker on a free loopback port, with nodes a, b and c, and a viewer that may read all. Torn down with the test. */
export async function startBroker(options: Partial<BrokerOptions> = {}): Promise<BrokerUnderTest> {
  const published: PublishedMessage[] = [];
  const presence: Presence[] = [];
  const broker = new Broker({
    clock: systemClock,
    entropy: seededEntropy(1),
    log: silentLog,
    onPublished: (batch) => void published.push(...batch),
    onPresence: (each) => void presence.push(each),
    ...options,
    limits: { batchDelayMs: 0, ...options.limits },
  });
  broker.setCredentials(["a", "b", "c"].map((id) => nodeCredentials(id)));
  broker.setCredentials([{ clientId: "viewer", password: "viewer-password", publish: [], subscribe: ["#"] }]);
  await broker.start();
  const listener = new TcpListener({
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    attach: (socket) => broker.attach(socket),
  });
  await listener.start();
  const { port } = listener.address();
  onTestFinished(async () => {
    listener.stop();
    await broker.stop();
  });
  return {
    broker,
    port,
    published,
    presence,
    async client(clientId, clientOptions = {}) {
      const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
        clientId,
        username: clientId,
        password: `${clientId}-password`,
        reconnectPeriod: 0,
        connectTimeout: 5000,
        ...clientOptions,
      });
      client.on("error", () => {});
      onTestFinished(async () => client.endAsync(true));
      return client;
    },
    async raw() {
      const socket = connectTcp(port, "127.0.0.1");
      const client = new RawClient(socket);
      onTestFinished(() => void socket.destroy());
      await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      return client;
    },
  };
}

/** A peer that writes bytes as it likes. */
export class RawClient {
  readonly stream: Duplex;
  #chunks: Buffer[] = [];
  #length = 0;
  #isClosed = false;
  #check = (): void => {};

  constructor(stream: Socket | Duplex) {
    this.stream = stream;
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#check();
    });
    stream.on("close", () => this.#over());
    stream.on("end", () => this.#over());
  }

  get received(): string {
    return Buffer.concat(this.#chunks).toString("hex");
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(...parts: (string | Uint8Array)[]): void {
    for (const part of parts) {
      this.stream.write(typeof part === "string" ? Buffer.from(part.replaceAll(" ", ""), "hex") : part);
    }
  }

  /** Resolves when at least `count` bytes have come; takes them off. */
  async take(count: number): Promise<string> {
    await this.#until(() => this.#length >= count || this.#isClosed);
    const received = Buffer.concat(this.#chunks);
    this.#chunks = [received.subarray(count)];
    this.#length = Math.max(0, received.length - count);
    return received.subarray(0, count).toString("hex");
  }

  async closed(): Promise<void> {
    await this.#until(() => this.#isClosed);
  }

  #over(): void {
    this.#isClosed = true;
    this.#check();
  }

  #until(isTrue: () => boolean): Promise<void> {
    if (isTrue()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#check = () => {
        if (isTrue()) resolve();
      };
    });
  }
}

/** A CONNECT of MQTT 3.1.1. */
export function connectPacket(
  clientId: string,
  { clean = true, keepAlive = 60, password = `${clientId}-password` } = {},
): Uint8Array {
  const text = (value: string): Buffer => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(Buffer.byteLength(value));
    return Buffer.concat([length, Buffer.from(value)]);
  };
  const flags = 0xc0 | (clean ? 2 : 0);
  const body = Buffer.concat([
    text("MQTT"),
    Buffer.of(4, flags, keepAlive >> 8, keepAlive & 0xff),
    text(clientId),
    text(clientId),
    text(password),
  ]);
  return Buffer.concat([Buffer.of(0x10, body.length), body]);
}

/** A PUBLISH; a payload of more than about 100 bytes needs a longer length than this writes. */
export function publishPacket(topic: string, payload: string, { qos = 0, id = 1, retain = false } = {}): Uint8Array {
  const packetId = qos > 0 ? Buffer.of(id >> 8, id & 0xff) : Buffer.alloc(0);
  const body = Buffer.concat([Buffer.of(0, topic.length), Buffer.from(topic), packetId, Buffer.from(payload)]);
  return Buffer.concat([Buffer.of(0x30 | (qos << 1) | (retain ? 1 : 0), body.length), body]);
}

/** The messages that come to an MQTT.js client. */
export function collect(client: MqttClient): { topic: string; payload: string; retain: boolean; qos: number }[] {
  const messages: { topic: string; payload: string; retain: boolean; qos: number }[] = [];
  client.on("message", (topic, payload, { retain, qos }) =>
    messages.push({ topic, payload: payload.toString(), retain, qos }),
  );
  return messages;
}

/** Round trips through the broker, so that what was sent before has been dealt with. */
export async function settled(client: MqttClient): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await new Promise<void>((resolve) => {
      const onPacket = ({ cmd }: { cmd?: string }): void => {
        if (cmd !== "pingresp") return;
        client.off("packetreceive", onPacket);
        resolve();
      };
      client.on("packetreceive", onPacket);
      client.sendPing();
    });
  }
}

/** Waits until `check` no longer throws; as long as a loaded machine may need. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 5 });
}
