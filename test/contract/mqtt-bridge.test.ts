import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Bridge, type BridgeWay } from "../../mqtt/bridge.ts";
import { type BridgeLinkOptions, openBridgeLink } from "../../mqtt/bridge-link.ts";
import { TlsListener } from "../../mqtt/tls-listener.ts";
import { TestCa } from "../integration/dtls-harness.ts";
import { type BrokerUnderTest, eventually, startBroker } from "./mqtt-fixture.ts";

const gateway = { user: "_home.gateway", password: "gateway-password" };

function wayOf(topic: string): BridgeWay | undefined {
  if (topic.startsWith("home/cmd/")) return { way: "in" };
  return topic.startsWith("home/") ? { way: "out", keeping: topic === "home/ack" ? "kept" : "stream" } : undefined;
}

const until = (look: () => boolean): Promise<void> => eventually(() => expect(look()).toBe(true));

function letIn({ broker }: BrokerUnderTest): void {
  broker.setCredentials([
    { clientId: gateway.user, password: gateway.password, publish: ["home/#"], subscribe: ["home/#"] },
  ]);
}

/** Bridge from the first broker to the second: what is published at the first is offered, as a gateway does. */
async function bridged(
  link: Partial<BridgeLinkOptions> & { readonly url: string },
): Promise<{ near: BrokerUnderTest; bridge: Bridge; reasons: string[] }> {
  const reasons: string[] = [];
  const near = await startBroker({
    onPublished: (batch) => {
      for (const { topic, payload, retain } of batch) bridge.offer(topic, payload, retain);
    },
  });
  const bridge = new Bridge({
    ...{ clock: systemClock, entropy: systemEntropy, subscribe: ["home/cmd/#"], wayOf, retains: () => false },
    log: { ...silentLog, warn: (_event, data) => void reasons.push(String(data?.["reason"])) },
    limits: { retryBaseMs: 20, retryCapMs: 100 },
    open: (events, signal) => openBridgeLink({ ...gateway, ...link }, events, signal),
    deliver: (topic, payload) => {
      // As the broker's owner: it isn't among what clients published.
      near.broker.publish({ topic, payload, qos: 1 }).catch(() => {});
    },
  });
  onTestFinished(() => bridge.stop());
  bridge.start();
  near.broker.setCredentials([{ clientId: "pack", password: "p", publish: ["home/#"], subscribe: ["home/#"] }]);
  return { near, bridge, reasons };
}

describe("a bridge over TCP", () => {
  test("isn't let in without the right password, and comes in when it has it", async () => {
    const far = await startBroker();
    const { bridge, reasons } = await bridged({ url: `mqtt://127.0.0.1:${far.port}` });
    await until(() => reasons.length > 0);
    expect(reasons[0]).toMatch(/not authorized|bad user/i);
    expect(bridge.isUp).toBe(false);
    letIn(far);
    await until(() => bridge.isUp);
  });

  test("carries each message once, and none back where it came from", async () => {
    const far = await startBroker();
    letIn(far);
    const { near, bridge } = await bridged({ url: `mqtt://127.0.0.1:${far.port}` });
    await until(() => bridge.isUp);
    const [pack, viewer, app] = [
      await near.client("pack", { password: "p" }),
      await far.client("viewer"),
      await far.client("a"),
    ];
    far.broker.setCredentials([
      { clientId: "a", password: "a-password", publish: ["home/cmd/#"], subscribe: ["home/#"] },
    ]);
    const [atPack, atViewer]: string[][] = [[], []];
    pack.on("message", (topic, payload) => void atPack?.push(`${topic} ${payload}`));
    viewer.on("message", (topic, payload) => void atViewer?.push(`${topic} ${payload}`));
    await pack.subscribeAsync("home/#", { qos: 1 });
    await viewer.subscribeAsync("home/#", { qos: 1 });
    await pack.publishAsync("home/telemetry", "t1", { qos: 1 });
    await app.publishAsync("home/cmd/relay", "c1", { qos: 1 });
    await pack.publishAsync("home/cmd/relay", "local", { qos: 1 });
    await until(
      () => atPack?.includes("home/cmd/relay c1") === true && atViewer?.includes("home/telemetry t1") === true,
    );
    await pack.publishAsync("home/telemetry", "t2", { qos: 1 });
    await app.publishAsync("home/cmd/relay", "c2", { qos: 1 });
    await until(
      () => atPack?.includes("home/cmd/relay c2") === true && atViewer?.includes("home/telemetry t2") === true,
    );
    expect(atPack?.toSorted()).toEqual(
      [
        "home/telemetry t1",
        "home/cmd/relay c1",
        "home/cmd/relay local",
        "home/telemetry t2",
        "home/cmd/relay c2",
      ].toSorted(),
    );
    expect(atViewer?.toSorted()).toEqual([
      "home/cmd/relay c1",
      "home/cmd/relay c2",
      "home/telemetry t1",
      "home/telemetry t2",
    ]);
    expect(far.broker.counters().publishesRefused).toBe(0);
  });

  test("that is cut sends afterwards what was said meanwhile; a command that was asked for meanwhile isn't carried out", async () => {
    const far = await startBroker();
    letIn(far);
    const { near, bridge } = await bridged({ url: `mqtt://127.0.0.1:${far.port}` });
    await until(() => bridge.isUp);
    const [pack, viewer] = [await near.client("pack", { password: "p" }), await far.client("viewer")];
    const atPack: string[] = [];
    const atViewer: string[] = [];
    pack.on("message", (topic) => atPack.push(topic));
    viewer.on("message", (_topic, payload) => atViewer.push(String(payload)));
    await pack.subscribeAsync("home/cmd/#", { qos: 1 });
    await viewer.subscribeAsync("home/#", { qos: 1 });
    await far.broker.removeCredentials([gateway.user]);
    await until(() => !bridge.isUp);
    for (const text of ["1", "2", "3"]) await pack.publishAsync("home/telemetry", text, { qos: 1 });
    await far.broker.publish({ topic: "home/cmd/relay", payload: "meanwhile", qos: 1 });
    letIn(far);
    await until(() => atViewer.includes("3"));
    expect(atViewer.filter((each) => each !== "meanwhile")).toEqual(["1", "2", "3"]);
    await far.broker.publish({ topic: "home/cmd/other", payload: "now", qos: 1 });
    await until(() => atPack.length > 0);
    expect(atPack).toEqual(["home/cmd/other"]);
  });

  test("whose network fails leaves no session at the server, in which commands would wait for its return", async () => {
    const far = await startBroker();
    letIn(far);
    // A line that can be cut, without the server's broker being told.
    const lines = new Set<Socket>();
    let isCut = false;
    const relay = createServer((near) => {
      if (isCut) return void near.destroy();
      const onward = connectTcp(far.port, "127.0.0.1");
      for (const each of [near, onward]) each.on("error", () => {});
      near.pipe(onward).pipe(near);
      lines.add(near).add(onward);
    });
    await new Promise<void>((resolve) => relay.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      for (const each of lines) each.destroy();
      relay.close();
    });
    const { near, bridge } = await bridged({ url: `mqtt://127.0.0.1:${(relay.address() as AddressInfo).port}` });
    await until(() => bridge.isUp);
    const pack = await near.client("pack", { password: "p" });
    const atPack: string[] = [];
    pack.on("message", (topic) => atPack.push(topic));
    await pack.subscribeAsync("home/cmd/#", { qos: 1 });
    isCut = true;
    for (const each of lines) each.destroy();
    await until(() => !bridge.isUp && !far.broker.isConnected(gateway.user));
    await far.broker.publish({ topic: "home/cmd/relay", payload: "meanwhile", qos: 1 });
    isCut = false;
    await until(() => bridge.isUp);
    await far.broker.publish({ topic: "home/cmd/other", payload: "now", qos: 1 });
    await until(() => atPack.includes("home/cmd/other"));
    expect(atPack).toEqual(["home/cmd/other"]);
  });

  test("away from this machine is refused without TLS, before a password is said", async () => {
    const { reasons } = await bridged({ url: "mqtt://192.0.2.1:1883" });
    await until(() => reasons.length > 0);
    expect(reasons[0]).toContain("in the open");
  });
});

describe("a bridge over TLS", () => {
  const [ours, other] = [new TestCa(), new TestCa()];
  let far: BrokerUnderTest;
  beforeAll(() => {
    expect(ours.ca).toContain("BEGIN CERTIFICATE");
  });
  afterAll(() => {
    ours.remove();
    other.remove();
  });

  async function secured(names: string): Promise<string> {
    far = await startBroker();
    letIn(far);
    const { cert, key } = ours.issue(names);
    const listener = new TlsListener({
      ...{ host: "127.0.0.1", port: 0, log: silentLog, maxConnections: 10, material: { cert, key } },
      clientOf: () => undefined,
      attach: (socket, client) => far.broker.attach(socket, client),
    });
    await listener.start();
    onTestFinished(() => listener.stop());
    return `mqtts://127.0.0.1:${listener.address().port}`;
  }

  test.each([
    ["of another CA", "IP:127.0.0.1", () => other.ca],
    ["for another name", "DNS:elsewhere.example", () => ours.ca],
    ["of a CA that the system doesn't know", "IP:127.0.0.1", () => undefined],
  ])("tells its password to nobody with a certificate %s", async (_why, names, ca) => {
    const url = await secured(names);
    const { bridge, reasons } = await bridged({ url, ca: ca() });
    await until(() => reasons.length > 0);
    expect(bridge.isUp).toBe(false);
    expect(far.broker.counters().connectsRefused + far.broker.counters().connectsAccepted).toBe(0);
  });

  test("comes up with a certificate of the CA that it was given", async () => {
    const url = await secured("IP:127.0.0.1");
    const { bridge } = await bridged({ url, ca: ours.ca });
    await until(() => bridge.isUp);
  });
});
