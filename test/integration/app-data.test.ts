import { describe, expect, it } from "vitest";
import type { PublishedMessage } from "../../manager/ports/broker.ts";
import type { AttemptReport, StatusReport } from "../../schemas/generated/types.ts";
import { AppHarness, digestB, operator } from "./app-harness.ts";

const utf8 = new TextEncoder();
const message = (topic: string, payload: unknown, node = "n1"): PublishedMessage => ({
  node,
  topic: `cx/nodes/${node}/${topic}`,
  payload: payload instanceof Uint8Array ? payload : utf8.encode(JSON.stringify(payload)),
  retain: false,
  receivedWallMs: 1_767_225_600_000,
});

async function withUpdate(h: AppHarness): Promise<string> {
  const body = { id: "u", version: "2", size: 2000, digest: digestB, targets: ["n1"] } as never;
  await h.wait(h.app.updates.create(body, operator));
  await h.wait(h.app.updates.start("u", ["n1"], operator));
  return h.app.attempts.find("u", "n1")!.attempt.id;
}

describe("what nodes publish", () => {
  it("that is bad is counted and passed, and the next message is taken", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.brokerEvents.published([
      message("telemetry", utf8.encode("{")),
      message("telemetry", [{ n: "t", v: "not a number" }]),
      message("status", { status: "splendid" }),
      message("ota/progress", { state: 7 }),
      message("nonsense", {}),
      { ...message("telemetry", []), topic: "elsewhere" },
      { ...message("telemetry", [{ n: "t", v: 1 }]), topic: "cx/nodes/n2/telemetry" },
      message("telemetry", [{ n: "t", v: 1 }], "stranger"),
      message("event", utf8.encode("x".repeat(2000))),
      message("telemetry", [
        { bn: "n1/", n: "temp", u: "Cel", v: 21.5 },
        { n: "door", vb: true },
      ]),
    ]);
    await h.settle();
    expect(h.telemetryStore.points).toEqual([
      {
        node: "n1",
        series: "temp",
        unit: "Cel",
        value: 21.5,
        timeMs: 1_767_225_600_000,
        receivedMs: 1_767_225_600_000,
      },
      { node: "n1", series: "door", value: true, timeMs: 1_767_225_600_000, receivedMs: 1_767_225_600_000 },
    ]);
    expect(h.app.status().counters).toMatchObject({
      telemetryReceived: 2,
      telemetryStored: 2,
      telemetryRefused: 2,
      mqttMessages: 10,
      mqttUnregistered: 1,
    });
  });

  it("is a sighting, and a status report is health", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.clock.advance(100_000);
    h.app.brokerEvents.published([message("status", { status: "healthy", phase: "operational", freeHeap: 20_000 })]);
    const view = await h.wait(h.app.registry.find("n1"));
    expect(view).toMatchObject({ phase: "operational", health: { status: "healthy" }, presence: { state: "online" } });
    expect(view!.presence.heardAgoMs).toBeLessThan(1000);
  });

  it("about a command ends it", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.commands.send("n1", { command: "identify", id: "lamp" }, operator));
    h.app.brokerEvents.published([message("cmd/identify/ack", { id: "lamp", result: "done" })]);
    await h.settle();
    expect(await h.wait(h.app.commands.list("n1"))).toMatchObject([{ id: "lamp", state: "done" }]);
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "nothing" });
  });
});

describe("telemetry", () => {
  const points = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ node: "n1", series: "t", timeMs: n, receivedMs: n, value: n }));

  it("is refused of an unregistered node, and dropped and counted when the batch is full", async () => {
    const h = await new AppHarness({ limits: { telemetryBatch: 100 } }).start();
    expect(h.app.telemetry.ingest("n1", points(1))).toBe("unknown-node");
    await h.register("n1");
    expect(h.app.telemetry.ingest("n1", points(80))).toBe("taken");
    expect(h.app.telemetry.ingest("n1", points(30))).toBe("full");
    await h.settle();
    expect(h.app.telemetry.ingest("n1", points(30))).toBe("taken");
    await h.settle();
    expect(h.app.telemetry.counters()).toEqual({ received: 140, stored: 110, refused: 0, dropped: 30 });
  });

  it("that can't be written is counted as lost, and the next batch is written", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.telemetryStore.failing = true;
    h.app.telemetry.ingest("n1", points(5));
    await h.settle();
    h.telemetryStore.failing = false;
    h.app.telemetry.ingest("n1", points(3));
    await h.settle();
    expect(h.app.telemetry.counters()).toMatchObject({ stored: 3, dropped: 5 });
  });

  it("that waits is written at a stop", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.telemetry.ingest("n1", points(5));
    await h.wait(h.app.stop());
    expect(h.telemetryStore.points).toHaveLength(5);
  });
});

describe("logs", () => {
  it("keep whole lines of their tail, and nothing of strangers", async () => {
    const h = await new AppHarness({ limits: { logBytesPerNode: 1024 } }).start();
    expect(h.app.logs.append("n1", utf8.encode("x\n"))).toBe(false);
    expect(h.app.logs.tail("n1")).toBeUndefined();
    await h.register("n1");
    for (let n = 0; n < 100; n++) h.app.logs.append("n1", utf8.encode(`line ${n} ${"x".repeat(20)}\n`));
    const tail = new TextDecoder().decode(h.app.logs.tail("n1"));
    expect(tail.length).toBeLessThanOrEqual(1024);
    expect(tail).toMatch(/^line \d+ x+\n/);
    expect(tail.trimEnd().split("\n").at(-1)).toMatch(/^line 99 /);
    h.app.logs.append("n1", utf8.encode("y".repeat(3000)));
    expect(h.app.logs.tail("n1")).toHaveLength(1024);
  });

  it("have room in all for a limited number of bytes: the one unused for longest goes", async () => {
    const h = await new AppHarness({ limits: { logBytesPerNode: 65_536, logBytes: 65_536 } }).start();
    for (const node of ["n1", "n2", "n3"]) {
      await h.register(node);
      h.app.logs.append(node, utf8.encode(`${"z".repeat(30_000)}\n`));
    }
    expect(["n1", "n2", "n3"].map((node) => h.app.logs.tail(node)?.length)).toEqual([0, 30_001, 30_001]);
  });
});

describe("alerts", () => {
  const beat = (h: AppHarness, report: StatusReport) => h.app.heartbeats.beat("n1", 0, report, undefined);
  const kinds = (h: AppHarness) => h.app.alerts.active().map(({ kind }) => kind);

  it("are raised once, told once, kept over a crash, and cleared", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    for (let n = 0; n < 5; n++) beat(h, { freeHeap: 1000 });
    await h.settle();
    expect(h.of("alert").map(({ state }) => state)).toEqual(["raised"]);
    const after = await h.crash();
    expect(kinds(after)).toEqual(["low-heap"]);
    after.app.heartbeats.beat("n1", 0, { freeHeap: 50_000 }, undefined);
    await after.settle();
    expect(kinds(after)).toEqual([]);
    expect(kinds(await after.crash())).toEqual([]);
  });

  it("tell a reset loop by the boot count, within its window", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    beat(h, { bootCount: 10 });
    beat(h, { bootCount: 11 });
    beat(h, { bootCount: 11 });
    beat(h, { bootCount: 12 });
    expect(kinds(h)).toEqual([]);
    beat(h, { bootCount: 13 });
    expect(kinds(h)).toEqual(["reset-loop"]);
    for (let n = 0; n < 70; n++) {
      beat(h, { bootCount: 13 });
      await h.clock.advance(10_000);
    }
    expect(kinds(h)).toEqual([]);
  });

  it("tell no reset loop of boots into new images, however many updates there were", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    for (let bootCount = 1; bootCount < 8; bootCount++) beat(h, { bootCount, resetReason: "update" });
    expect(kinds(h)).toEqual([]);
    // Where more boots than that one were between two reports, the others count.
    beat(h, { bootCount: 11, resetReason: "update" });
    expect(kinds(h)).toEqual(["reset-loop"]);
  });

  it("tell a broker connection lost for more than 10 minutes of a node that is alive", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.brokerEvents.connection("n1", "connected");
    h.app.brokerEvents.connection("n1", "disconnected");
    for (let n = 0; n < 59; n++) {
      h.app.heartbeats.beat("n1", 0, undefined, undefined);
      await h.clock.advance(10_000);
    }
    expect(kinds(h)).toEqual([]);
    for (let n = 0; n < 3; n++) {
      h.app.heartbeats.beat("n1", 0, undefined, undefined);
      await h.clock.advance(10_000);
    }
    expect(kinds(h)).toEqual(["broker-lost"]);
    h.app.brokerEvents.connection("n1", "connected");
    expect(kinds(h)).toEqual([]);
  });

  it("are limited in number, and those not raised are counted", async () => {
    const h = await new AppHarness({ limits: { activeAlerts: 1 } }).start();
    await h.register("n1");
    beat(h, { freeHeap: 1000, status: "unhealthy" });
    expect(kinds(h)).toHaveLength(1);
    expect(h.app.status().counters["droppedAlerts"]).toBe(1);
  });
});

describe("fetches", () => {
  const served = (h: AppHarness, attempt: string, offset: number, more: object = {}) =>
    h.app.fetches.served({
      node: "n1",
      attempt,
      digest: digestB,
      way: "coap",
      connection: "127.0.0.1:4000",
      offset,
      length: 64,
      ...more,
    });
  const resumes = (h: AppHarness) => h.app.attempts.find("u", "n1")?.resumes;

  it("in one run are no resume, nor is a block that is sent again", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    for (const offset of [0, 64, 64, 128, 192]) {
      served(h, attempt, offset);
      await h.clock.advance(2000);
    }
    expect(resumes(h)).toBe(0);
    expect(h.app.attempts.find("u", "n1")?.bytesByWay).toEqual({ coap: 320 });
  });

  it("that go on above 0 from another connection, by another way or after a gap are a resume each", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    served(h, attempt, 0);
    served(h, attempt, 64, { connection: "127.0.0.1:4001" });
    served(h, attempt, 128, { connection: "127.0.0.1:4001" });
    served(h, attempt, 192, { way: "http", connection: "127.0.0.1:4001" });
    await h.clock.advance(11_000);
    served(h, attempt, 256, { way: "http", connection: "127.0.0.1:4001" });
    expect(resumes(h)).toBe(3);
    expect(h.app.updates.counts("u")?.resumed).toBe(3);
    expect(h.of("fetch").map(({ isResume }) => isResume)).toEqual([false, true, true, true]);
  });

  it("that begin again at 0 are none", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    served(h, attempt, 0);
    served(h, attempt, 0, { connection: "127.0.0.1:4001" });
    expect(resumes(h)).toBe(0);
  });

  it("of others' attempts, of other bytes, and after the end count nothing", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    served(h, attempt, 64, { node: "n2" });
    served(h, attempt, 64, { digest: `sha256:${"f".repeat(64)}` });
    served(h, "a-other", 64);
    await h.wait(h.app.attempts.cancel("n1", operator));
    served(h, attempt, 64);
    expect(h.app.attempts.find("u", "n1")).toMatchObject({ resumes: 0, bytesByWay: {} });
  });

  it("survive in the attempt when it moves on", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    served(h, attempt, 0);
    served(h, attempt, 64, { connection: "127.0.0.1:4001" });
    await h.wait(h.app.attempts.report("n1", { attempt, state: "verifying" } as AttemptReport, "coap"));
    const after = await h.crash();
    expect(after.app.attempts.find("u", "n1")).toMatchObject({ resumes: 1, bytesByWay: { coap: 128 } });
  });
});

describe("the bridge to MQTT", () => {
  it("publishes the progress of a node that left the broker, at every 5 % and at most once a second else", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    for (let percent = 0; percent <= 100; percent++) {
      await h.wait(h.app.attempts.report("n1", { attempt, state: "downloading", percent } as AttemptReport, "coap"));
    }
    const sent = h.broker.published.filter(({ topic }) => topic === "cx/nodes/n1/ota/progress");
    const percents = sent.map(({ payload }) => JSON.parse(String(payload)).percent);
    expect(percents.at(-1)).toBe(100);
    expect(percents.length).toBeLessThan(30);
    expect(JSON.parse(String(sent.at(-1)?.payload))).toMatchObject({ update: "u", attempt, state: "downloading" });
  });

  it("doesn't repeat what the node said on MQTT itself", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const attempt = await withUpdate(h);
    const before = h.broker.published.length;
    h.app.brokerEvents.published([
      message("ota/progress", { update: "u", attempt, state: "downloading", percent: 50 }),
    ]);
    await h.settle();
    expect(h.app.attempts.find("u", "n1")?.attempt).toMatchObject({ state: "downloading", percent: 50 });
    expect(h.broker.published.slice(before).filter(({ topic }) => topic.endsWith("ota/progress"))).toEqual([]);
  });

  it("speaks for nodes without MQTT, and for no others", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.register("n2");
    h.app.brokerEvents.connection("n2", "connected");
    for (const node of ["n1", "n2"]) h.app.heartbeats.beat(node, 0, { status: "healthy" }, undefined);
    await h.settle();
    const topics = h.broker.published.filter(({ retain }) => retain).map(({ topic }) => topic);
    expect(topics).toContain("cx/nodes/n1/status");
    expect(topics).not.toContain("cx/nodes/n2/status");
  });

  it("starts an update by MQTT, and the node's question is answered with the action", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const body = { id: "u", version: "2", size: 2000, digest: digestB, targets: ["n1"] } as never;
    await h.wait(h.app.updates.create(body, operator));
    await h.wait(h.app.updates.start("u", ["n1"], operator, "mqtt"));
    await h.settle();
    expect(h.nodes.requests).toEqual([]);
    const start = h.broker.published.find(({ topic }) => topic === "cx/nodes/n1/ota/start");
    const told = JSON.parse(new TextDecoder().decode(start?.payload as Uint8Array)) as { url: string };
    expect(told).toMatchObject({ update: "u" });
    // Whoever may read at the broker isn't let to the image by it.
    expect(new URL(told.url).searchParams.has("t")).toBe(false);
    const go = await h.wait(h.app.updates.install("u", "n1"));
    expect(go).toMatchObject({ kind: "go", action: { kind: "update", update: "u", rev: 1 } });
    expect(await h.wait(h.app.updates.install("u", "n1"))).toEqual(go);
  });
});
