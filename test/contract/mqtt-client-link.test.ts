import { afterEach, expect, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import { ClientLink, type ClientLinkOptions } from "../../mqtt/client-link.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";

const password = "correct horse";
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A broker that can go and come back at its port. */
class TestBroker {
  readonly published: [string, string][] = [];
  #broker: Broker | undefined;
  #listener: TcpListener | undefined;
  port = 0;

  async start(): Promise<void> {
    const broker = new Broker({
      ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
      onPublished: (batch) => {
        for (const { topic, payload } of batch) this.published.push([topic, Buffer.from(payload).toString()]);
      },
      onPresence: () => undefined,
    });
    broker.setCredentials([{ clientId: "gw", password, publish: ["cx/gw/out"], subscribe: ["cx/gw/#"] }]);
    await broker.start();
    const listener = new TcpListener({
      ...{ host: "127.0.0.1", port: this.port, log: silentLog },
      attach: (socket) => broker.attach(socket),
    });
    await listener.start();
    this.port = listener.address().port;
    this.#broker = broker;
    this.#listener = listener;
  }

  async stop(): Promise<void> {
    this.#listener?.stop();
    await this.#broker?.stop();
    this.#listener = undefined;
    this.#broker = undefined;
  }

  say(topic: string, payload: string): Promise<void> | undefined {
    return this.#broker?.publish({ topic, payload, qos: 1 });
  }
}

async function until(isSo: () => unknown): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error(`It never came to be: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function linkTo(port: number, more: Partial<ClientLinkOptions> = {}): ClientLink {
  const link = new ClientLink({
    broker: { host: "127.0.0.1", port, clientId: "gw", user: "gw", password },
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
    ...more,
  });
  stops.push(() => link.stop());
  link.start();
  return link;
}

test("a broker that isn't there yet, or that goes and comes back, is found again; nothing is said meanwhile", async () => {
  const broker = new TestBroker();
  stops.push(() => broker.stop());
  await broker.start();
  await broker.stop();
  const seen = { connected: 0, lost: 0, heard: [] as string[] };
  const link = linkTo(broker.port, {
    subscriptions: ["cx/gw/in"],
    connected: () => {
      seen.connected++;
    },
    lost: () => {
      seen.lost++;
    },
    message: (topic, payload) => seen.heard.push(`${topic} ${Buffer.from(payload).toString()}`),
  });
  expect(await link.publish({ topic: "cx/gw/out", payload: "1", qos: 1 })).toBe("down");
  await broker.start();
  await until(() => seen.connected === 1);
  expect(await link.publish({ topic: "cx/gw/out", payload: "2", qos: 1 })).toBe("sent");
  await broker.say("cx/gw/in", "hello");
  await until(() => seen.heard.length === 1);
  await broker.stop();
  await until(() => seen.lost === 1);
  expect(link.isConnected).toBe(false);
  await broker.start();
  await until(() => seen.connected === 2);
  expect(await link.publish({ topic: "cx/gw/out", payload: "3", qos: 1 })).toBe("sent");
  await until(() => broker.published.length === 2);
  expect(broker.published).toEqual([
    ["cx/gw/out", "2"],
    ["cx/gw/out", "3"],
  ]);
  expect(seen.heard).toEqual(["cx/gw/in hello"]);
});

test("a will is published when the connection breaks, not at a goodbye", async () => {
  const broker = new TestBroker();
  stops.push(() => broker.stop());
  await broker.start();
  const will = { topic: "cx/gw/out", payload: "gone", qos: 1 } as const;
  const link = linkTo(broker.port, { will });
  await until(() => link.isConnected);
  await link.stop();
  const other = linkTo(broker.port, { will });
  await until(() => other.isConnected);
  expect(broker.published).toEqual([]);
  // Somebody else with its name: the broker cuts this one off.
  linkTo(broker.port);
  await until(() => broker.published.length === 1);
  expect(broker.published).toEqual([["cx/gw/out", "gone"]]);
});

test("a wrong password is tried again at a pace, and stopping ends it", async () => {
  const broker = new TestBroker();
  stops.push(() => broker.stop());
  await broker.start();
  let connections = 0;
  const said: string[] = [];
  const link = linkTo(broker.port, {
    broker: { host: "127.0.0.1", port: broker.port, clientId: "gw", user: "gw", password: "wrong" },
    connected: () => {
      connections++;
    },
    log: { ...silentLog, debug: (event) => said.push(event) },
  });
  await until(() => said.includes("broker-away"));
  expect(connections).toBe(0);
  await link.stop();
  expect(await link.publish({ topic: "cx/gw/out", payload: "1" })).toBe("down");
});
