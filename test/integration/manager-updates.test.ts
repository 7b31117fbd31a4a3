import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Route } from "../../coap/route.ts";
import type { Update, UpdateAction } from "../../schemas/generated/types.ts";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { stripText } from "../../schemas/wire/suit/strip-text.ts";
import { soon, TestAnswer, type TestManager, TestPeer, testManager } from "./manager-harness.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const image = new Uint8Array(5000).map((_, index) => index % 251);
const digest = `sha256:${createHash("sha256").update(image).digest("hex")}`;
const hex = digest.slice("sha256:".length);

let manager: TestManager;
let operator: TestPeer;
let node: TestPeer;
const taken: unknown[] = [];
let health = { status: "healthy", phase: "operational" } as { status: "healthy" | "unhealthy"; phase: "operational" };

// What a node serves to its manager.
const nodeRoutes: Route[] = [
  {
    method: "GET",
    path: "/health",
    replay: "again",
    observable: true,
    answer: (_request, reply) => {
      reply.payload = encodeJson("status-report", health);
      reply.contentFormat = 50;
      reply.maxAge = 1;
    },
  },
  {
    method: "PUT",
    path: "/update",
    replay: "again",
    answer: (request) => void taken.push(JSON.parse(new TextDecoder().decode(request.payload))),
  },
  {
    method: "GET",
    path: "/system/echo",
    replay: "again",
    answer: (request, reply) => {
      reply.payload = new TextEncoder().encode(`${request.queries.join(",")} hops ${request.option(16)?.[0]}`);
      reply.contentFormat = 0;
    },
  },
];

beforeAll(async () => {
  manager = await testManager();
  operator = await TestPeer.start(manager.coapPort);
  node = await TestPeer.start(manager.coapPort, nodeRoutes);
  await node.register({ id: "esp-1", model: "sensor", digest: `sha256:${"1".repeat(64)}`, version: "1.0.0" });
  const headers = { "content-type": "application/octet-stream" };
  await fetch(`${manager.urls.http}/api/v1/artifacts/${hex}`, { method: "PUT", headers, body: image });
});
afterAll(async () => {
  await node.end();
  await operator.end();
  await manager.end();
});

describe("the manager calls the node on the path that its registration opened", () => {
  test("its health is observed, a change arrives, and observers of the manager hear of it", async () => {
    await soon(
      () => manager.app.health.latest("esp-1"),
      (latest) => latest?.way === "observed",
    );
    const heard: string[] = [];
    const observation = operator.endpoint.observe(
      { to: operator.to, path: ["nodes", "esp-1", "health"] },
      { notification: (response) => void heard.push(new TestAnswer(response).text), ended: () => {} },
    );
    await soon(
      () => heard.length,
      (count) => count > 0,
    );
    health = { ...health, status: "unhealthy" };
    node.endpoint.notify("/health");
    await soon(
      () => heard.at(-1),
      (text) => text?.includes("unhealthy") === true,
    );
    observation.cancel();
    const alerts = await soon(
      async () => (await operator.ask("GET", "/alerts")).json as { kind: string; node: string }[],
      (list) => list.length > 0,
    );
    expect(alerts).toMatchObject([{ kind: "unhealthy", node: "esp-1" }]);
    health = { ...health, status: "healthy" };
    node.endpoint.notify("/health");
    await soon(
      async () => (await operator.ask("GET", "/alerts")).json as unknown[],
      (list) => list.length === 0,
    );
  });

  test("a command is nudged to it, and what it finished leaves the queue", async () => {
    const sent = await operator.ask("POST", "/nodes/esp-1/commands", '{"command":"identify"}', 50);
    expect(sent.code).toBe("2.01");
    const { id, rev } = sent.json as { id: string; rev: number };
    expect(sent.response.locationPath).toEqual(["nodes", "esp-1", "commands", id]);
    await soon(
      () => taken.length,
      (count) => count > 0,
    );
    expect(taken[0]).toMatchObject({ rev, kind: "command", command: "identify", id });
    const report = `{"status":"healthy","result":{"rev":${rev},"outcome":"done"}}`;
    expect((await node.ask("POST", `/status?ep=esp-1&r=${rev}`, report, 50)).words).toBe("2.04 ");
    await soon(
      async () => (await operator.ask("GET", "/nodes/esp-1/commands")).json as { state: string }[],
      ([command]) => command?.state === "done",
    );
  });

  test("the proxy passes query and answer, counts the hop and keeps its own query", async () => {
    const answer = await operator.ask("GET", "/nodes/esp-1/proxy/system/echo?a=1&as=operator&b");
    expect(answer.words).toBe("2.05 a=1,b hops 15");
    expect((await operator.ask("GET", "/nodes/esp-1/proxy/nowhere")).code).toBe("4.04");
  });

  test("the proxy reaches a child through its gateway, under the child's own name there", async () => {
    const echo: Route = {
      method: "GET",
      path: "/nodes/:child/metrics",
      replay: "again",
      answer: (request, reply) => {
        reply.payload = new TextEncoder().encode(`metrics of ${request.params["child"]}`);
        reply.contentFormat = 0;
      },
    };
    const gateway = await TestPeer.start(manager.coapPort, [echo]);
    await gateway.register({ id: "gw-1" });
    await gateway.register({ id: "gw-1.0a", parent: "gw-1" });
    expect((await operator.ask("GET", "/nodes/gw-1.0a/proxy/metrics")).words).toBe("2.05 metrics of gw-1.0a");
    await gateway.end();
  });

  test("the proxy ends a loop with 5.08 and leaves end to end to others with 5.05", async () => {
    const spent = { options: [{ number: 16, value: Uint8Array.of(1) }] };
    expect((await operator.ask("GET", "/nodes/esp-1/proxy/system/echo", undefined, undefined, spent)).code).toBe(
      "5.08",
    );
    const forward = { options: [{ number: 39, value: new TextEncoder().encode("coap") }] };
    expect((await operator.ask("GET", "/nodes/esp-1/proxy/system/echo", undefined, undefined, forward)).code).toBe(
      "5.05",
    );
  });

  test("a node that never asked for its environment is told of a new one, and of what comes after it", async () => {
    // A change is for the whole fleet, so this one has a manager of its own.
    const other = await testManager();
    const shy = await TestPeer.start(other.coapPort);
    await shy.register({ id: "shy-1", sleepy: true });
    await other.app.environments.change({ timeZone: "Europe/Berlin" }, { kind: "operator", id: "test" });
    await soon(
      () => other.app.desiredState.waiting("shy-1"),
      (waiting) => waiting.length === 1,
    );
    await other.app.commands.send("shy-1", { command: "identify" }, { kind: "operator", id: "test" });
    const first = (await shy.ask("POST", "/status?ep=shy-1")).json as { rev: number };
    expect(first).toMatchObject({ kind: "environment", more: true, environment: { tz: "Europe/Berlin" } });
    const second = await shy.ask("POST", `/status?ep=shy-1&r=${first.rev}`);
    expect(second.json).toMatchObject({ kind: "command", command: "identify" });
    await shy.end();
    await other.end();
  });

  test("a node that sleeps is not called", async () => {
    const sleepy = await TestPeer.start(manager.coapPort);
    await sleepy.register({ id: "sleeper", sleepy: true });
    expect((await operator.ask("GET", "/nodes/sleeper/proxy/health")).code).toBe("5.04");
    await sleepy.end();
  });
});

describe("an update from its creation to its success", () => {
  let action: UpdateAction;

  test("is created, found, and started by an operator; the node gets it at its heartbeat", async () => {
    const body = { id: "fw-2", version: "2.0.0", model: "sensor", size: image.length, digest, sequence: 2 };
    expect((await operator.ask("POST", "/updates", JSON.stringify(body), 50)).code).toBe("2.01");
    taken.length = 0;
    const started = await operator.ask("POST", "/updates/fw-2/install", '{"nodes":["esp-1","ghost"]}', 50);
    expect(started.json).toMatchObject([
      { node: "esp-1", outcome: { kind: "offered" } },
      { node: "ghost", outcome: { kind: "refused", reason: "unknown-node" } },
    ]);
    const answer = await node.ask("POST", "/status?ep=esp-1&r=1");
    expect(answer.code).toBe("2.04");
    action = answer.json as UpdateAction;
    expect(action).toMatchObject({ kind: "update", update: "fw-2", size: image.length, digest, version: "2.0.0" });
    expect(action.uris).toEqual([
      expect.stringMatching(`^${manager.urls.http}/artifacts/${hex}[?]attempt=${action.attempt}&t=[\\w-]{22}$`),
      `${manager.urls.coap}/artifacts/${hex}?ep=esp-1&attempt=${action.attempt}`,
    ]);
    expect((await node.ask("GET", "/status?ep=esp-1&r=1")).code).toBe("2.04");
  });

  test("manifest and image of an update are for the nodes that it is for, and fetching moves nobody's path", async () => {
    const other = await TestPeer.start(manager.coapPort);
    await other.register({ id: "stranger" });
    for (const resource of ["", "/manifest", "/download"]) {
      expect((await other.ask("GET", `/updates/fw-2${resource}?ep=stranger`)).code).toBe("4.03");
    }
    const before = (await manager.app.registry.find("esp-1"))?.path;
    expect((await other.ask("GET", `/artifacts/${hex}?ep=esp-1`)).code).toBe("2.05");
    expect((await other.ask("GET", "/updates/fw-2/download?ep=esp-1")).code).toBe("2.05");
    expect((await manager.app.registry.find("esp-1"))?.path).toEqual(before);
    await other.end();
  });

  test("a node that asks to install gets the same attempt; one that it isn't for is refused", async () => {
    const answer = await node.ask("POST", "/updates/fw-2/install?ep=esp-1");
    expect(answer.json).toMatchObject({ kind: "update", attempt: action.attempt });
    const other = await TestPeer.start(manager.coapPort);
    await other.register({ id: "linux-1", model: "gateway" });
    expect((await other.ask("POST", "/updates/fw-2/install?ep=linux-1")).code).toBe("4.03");
    expect((await other.ask("GET", "/updates?ep=linux-1")).json).toEqual([]);
    expect((await other.ask("GET", "/updates/none/status?ep=linux-1")).code).toBe("4.04");
    await other.end();
    expect((await node.ask("GET", "/updates?ep=esp-1")).json).toMatchObject([{ id: "fw-2", digest }]);
  });

  test("the image comes whole by blocks, with the digest's ETag, whatever the block size", async () => {
    const [, uri = ""] = action.uris;
    const target = uri.slice(manager.urls.coap.length);
    for (const blockSize of [64, 512, 1024]) {
      const answer = await node.ask("GET", target, undefined, undefined, { blockSize });
      expect(Buffer.from(answer.response.payload).equals(image)).toBe(true);
      expect(Buffer.from(answer.response.etag ?? []).toString("hex")).toBe(hex.slice(0, 16));
    }
    const download = await node.ask("GET", `/updates/fw-2/download?ep=esp-1&attempt=${action.attempt}`);
    expect(download.response.payload.length).toBe(image.length);
    expect((await node.ask("GET", `/artifacts/${"0".repeat(64)}?ep=esp-1`)).code).toBe("4.04");
    expect((await node.ask("GET", "/artifacts/zz?ep=esp-1")).code).toBe("4.04");
  });

  test("its progress goes forward only, and observers of the counts see it", async () => {
    const heard: string[] = [];
    const observation = operator.endpoint.observe(
      { to: operator.to, path: ["updates", "fw-2", "status"] },
      { notification: (response) => void heard.push(new TestAnswer(response).text), ended: () => {} },
    );
    await soon(
      () => heard.length,
      (count) => count > 0,
    );
    const report = (state: string, percent: number) =>
      node.ask("PUT", "/updates/fw-2/status?ep=esp-1", JSON.stringify({ attempt: action.attempt, state, percent }), 50);
    expect((await report("downloading", 40)).code).toBe("2.04");
    expect((await report("verifying", 100)).code).toBe("2.04");
    expect((await report("downloading", 50)).code).toBe("4.09");
    await soon(
      () => heard.at(-1),
      (text) => text?.includes('"verifying":1') === true,
    );
    observation.cancel();
    expect((await node.ask("GET", "/updates/fw-2/status?ep=esp-1")).json).toMatchObject({
      id: action.attempt,
      node: "esp-1",
      state: "verifying",
    });
    const wrong = '{"attempt":"nobody-s","state":"staged"}';
    expect((await node.ask("PUT", "/updates/fw-2/status?ep=esp-1", wrong, 50)).code).toBe("4.04");
  });

  test("it succeeded only when the node runs the new digest, confirmed", async () => {
    await node.ask("PUT", "/updates/fw-2/status?ep=esp-1", `{"attempt":"${action.attempt}","state":"trial"}`, 50);
    await node.ask("PUT", "/updates/fw-2/status?ep=esp-1", `{"attempt":"${action.attempt}","state":"succeeded"}`, 50);
    const before = (await operator.ask("GET", "/updates/fw-2/status")).json as { states: Record<string, number> };
    expect(before.states["succeeded"] ?? 0).toBe(0);
    await node.register({
      id: "esp-1",
      model: "sensor",
      digest,
      version: "2.0.0",
      confirmed: true,
      lastRev: action.rev,
    });
    const after = await soon(
      async () => (await operator.ask("GET", "/updates/fw-2/status")).json as { states: Record<string, number> },
      ({ states }) => states["succeeded"] === 1,
    );
    expect(after).toMatchObject({ update: "fw-2", total: 1 });
  });

  test("a node that observes its updates hears of a new one that is for it", async () => {
    const heard: string[] = [];
    const observation = node.endpoint.observe(
      { to: node.to, path: ["updates"], queries: ["ep=esp-1"] },
      { notification: (response) => void heard.push(new TestAnswer(response).text), ended: () => {} },
    );
    await soon(
      () => heard.length,
      (count) => count > 0,
    );
    const body = { id: "fw-9", version: "9", size: image.length, digest, target_nodes: ["esp-1"] };
    expect((await operator.ask("POST", "/updates", JSON.stringify(body), 50)).code).toBe("2.01");
    await soon(
      () => heard.at(-1) ?? "",
      (text) => text.includes('"fw-9"'),
    );
    observation.cancel();
  });

  test("a withdrawn one is offered to nobody", async () => {
    expect((await operator.ask("DELETE", "/updates/fw-2")).code).toBe("2.02");
    expect((await node.ask("POST", "/updates/fw-2/install?ep=esp-1")).code).toBe("4.03");
    expect((await operator.ask("POST", "/updates/fw-2/install", '{"nodes":["esp-1"]}', 50)).code).toBe("4.03");
    expect((await operator.ask("DELETE", "/updates/none")).code).toBe("4.04");
  });
});

describe("the signed manifest of an update", () => {
  test("is checked, and kept as bytes, block-wise both ways; a node gets it without its text", async () => {
    const wish = { id: "fw-3", version: "3", size: image.length, digest, model: "sensor", targets: ["esp-1"] };
    const update = wish as unknown as Update;
    const envelope = await envelopeOf(update, {}, ["vendor"], "coxswain.example");
    await operator.ask("POST", "/updates", JSON.stringify(wish), 50);
    expect((await operator.ask("GET", "/updates/fw-3/manifest")).code).toBe("4.04");
    const put = (bytes: Uint8Array) =>
      operator.ask("PUT", "/updates/fw-3/manifest", bytes, 42, { blockSize: 64 }).then(({ words }) => words);
    expect(await put(envelope)).toMatch(/^4\.00 .*no-trust-anchors/);
    await trustKey(manager.app);
    expect(await put(envelope.slice(0, -1))).toMatch(/^4\.00 .*manifest-truncated/);
    expect(await put(envelope)).toMatch(/^2\.04/);
    expect(await put(envelope)).toMatch(/^2\.04/);
    const answer = await operator.ask("GET", "/updates/fw-3/manifest", undefined, undefined, { blockSize: 128 });
    expect(Buffer.from(answer.response.payload).equals(envelope)).toBe(true);
    const told = await node.ask("GET", "/updates/fw-3/manifest?ep=esp-1");
    expect(Buffer.from(told.response.payload).equals(stripText(envelope))).toBe(true);
    expect((await operator.ask("PUT", "/updates/none/manifest", envelope, 42)).code).toBe("4.04");
    expect((await operator.ask("GET", "/updates/fw-3")).json).toMatchObject({ state: "ready" });
  });
});
