import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readEvents, type ServerEvent } from "../../manager/cli/event-reader.ts";
import { soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const image = new Uint8Array(200_000).map((_, index) => (index * 7) % 253);
const hexOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const hex = hexOf(image);
const octets = { "content-type": "application/octet-stream" };
const json = { "content-type": "application/json" };

let manager: TestManager;
let node: TestPeer;
let api: string;
beforeAll(async () => {
  manager = await testManager({ flags: { "limits.artifactBytes": "300000", "limits.eventClients": "3" } });
  node = await TestPeer.start(manager.coapPort);
  api = `${manager.urls.http}/api/v1`;
  await node.register({ id: "esp-1", model: "sensor", version: "1.0.0", tags: ["roof"] });
  await node.register({ id: "esp-2", model: "sensor" });
  await node.register({ id: "linux-1", model: "gateway" });
});
afterAll(async () => {
  await node.end();
  await manager.end();
});

async function refusal(path: string, init?: RequestInit): Promise<string> {
  const response = await fetch(api + path, init);
  const { error } = (await response.json()) as { error: { code: string; message: string; next: string } };
  expect(error.message.length).toBeGreaterThan(10);
  expect(error.next.length).toBeGreaterThan(10);
  return `${response.status} ${error.code}`;
}

describe("what the API refuses, each with a stable code and a next step", () => {
  test.each([
    ["/nowhere", {}, "404 no-such-path"],
    ["/nodes/ghost", {}, "404 unknown-node"],
    ["/nodes/GHOST", {}, "400 bad-node-id"],
    ["/nodes/ghost", { method: "DELETE" }, "404 unknown-node"],
    ["/nodes?count=0", {}, "400 bad-query"],
    ["/nodes?page=x", {}, "400 bad-query"],
    ["/nodes/ghost/timeline", {}, "404 unknown-node"],
    ["/nodes/ghost/mode", { method: "PUT", headers: json, body: '{"mode":"operational"}' }, "404 unknown-node"],
    ["/nodes/esp-1/mode", { method: "PUT", headers: json, body: '{"mode":"asleep"}' }, "400 bad-body"],
    ["/nodes/esp-1/mode", { method: "PUT", headers: json, body: "{" }, "400 bad-body"],
    ["/nodes/esp-1/mode", { method: "PUT", headers: json, body: "" }, "400 bad-body"],
    [
      "/nodes/esp-1/mode",
      { method: "PUT", headers: { "content-type": "text/plain" }, body: "x" },
      "415 unsupported-format",
    ],
    [
      "/nodes/esp-1/mode",
      { method: "PUT", headers: json, body: '{"mode":"maintenance","update":"none"}' },
      "404 unknown-update",
    ],
    ["/nodes/esp-1/commands", { method: "POST", headers: json, body: '{"command":"explode"}' }, "400 bad-body"],
    ["/nodes/esp-1/commands", { method: "POST", headers: json, body: '{"command":"boot-previous"}' }, "403 forbidden"],
    ["/nodes/esp-1/commands/none", { method: "DELETE" }, "404 unknown-command"],
    ["/nodes/esp-1/attempt", { method: "DELETE" }, "409 nothing-open"],
    ["/nodes/esp-1/config", { method: "PUT", headers: json, body: '{"poll":0}' }, "400 bad-body"],
    ["/updates/none", {}, "404 unknown-update"],
    ["/updates/none/start", { method: "POST", headers: json, body: '{"nodes":["esp-1"]}' }, "404 unknown-update"],
    ["/updates", { method: "POST", headers: json, body: '{"id":"u"}' }, "400 bad-body"],
    [
      "/updates",
      { method: "POST", headers: json, body: `{"id":"u","version":"1","size":1,"digest":"sha256:${"0".repeat(64)}"}` },
      "404 unknown-artifact",
    ],
    ["/updates", { method: "POST", headers: json, body: `"${"x".repeat(70_000)}"` }, "413 body-too-large"],
    ["/artifacts/zz", {}, "400 bad-digest"],
    [`/artifacts/${"0".repeat(64)}`, {}, "404 unknown-artifact"],
    [`/artifacts/${"0".repeat(64)}`, { method: "DELETE" }, "404 unknown-artifact"],
    [`/artifacts/${"0".repeat(64)}`, { method: "PUT", headers: octets, body: "other bytes" }, "422 digest-mismatch"],
    [`/artifacts/${hexOf(new Uint8Array(0))}`, { method: "PUT", headers: octets, body: "" }, "422 empty-artifact"],
    [
      `/artifacts/${"0".repeat(64)}`,
      { method: "PUT", headers: octets, body: new Uint8Array(300_001) },
      "413 body-too-large",
    ],
    ["/status-now", { method: "POST", headers: json, body: '{"nodes":[]}' }, "400 bad-body"],
    ["/status-now", { method: "POST", headers: json, body: '{"nodes":["esp-1"],"deadlineMs":1}' }, "400 bad-body"],
    ["/events/recent?limit=x", {}, "400 bad-query"],
    ["/telemetry/latest", {}, "400 bad-body"],
    ["/telemetry/latest?nodes=esp-1,GHOST", {}, "400 bad-node-id"],
    ["/system/shutdown", { method: "POST" }, "403 forbidden"],
    ["/nodes", { method: "PUT" }, "404 no-such-path"],
  ] as [string, RequestInit, string][])("%s %o is %s", async (path, init, expected) => {
    expect(await refusal(path, init)).toBe(expected);
  });

  test("a page of another origin changes nothing here", async () => {
    const init = { method: "POST", headers: { ...json, origin: "http://evil.example" }, body: '{"command":"restart"}' };
    expect(await refusal("/nodes/esp-1/commands", init)).toBe("403 cross-origin");
  });

  test("a name that somebody pointed at this machine is no way in", async () => {
    const { port } = new URL(manager.urls.http);
    const text = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () =>
        socket.write("GET /api/v1/nodes HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
      );
      let all = "";
      socket.on("data", (chunk) => (all += String(chunk))).on("close", () => resolve(all));
    });
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
  });
});

describe("nodes", () => {
  test("are listed, filtered and paged", async () => {
    const ids = async (query: string) => {
      const { nodes, total } = (await (await fetch(`${api}/nodes?${query}`)).json()) as {
        nodes: { id: string }[];
        total: number;
      };
      return `${nodes.map((each) => each.id).join(",")} of ${total}`;
    };
    expect(await ids("")).toBe("esp-1,esp-2,linux-1 of 3");
    expect(await ids("model=sensor&tag=roof")).toBe("esp-1 of 1");
    expect(await ids("prefix=esp&count=1&page=1")).toBe("esp-2 of 2");
    expect(await ids("presence=offline")).toBe(" of 0");
  });

  test("show what they did in their timeline", async () => {
    const { entries } = (await (await fetch(`${api}/nodes/esp-1/timeline`)).json()) as { entries: { what: string }[] };
    expect(entries.map((each) => each.what)).toContain("registered");
  });

  test("don't show the password that their environment holds", async () => {
    const environment = (await node.ask("GET", "/environment?ep=esp-1")).json as { mqtt: { password: string } };
    const { password } = environment.mqtt;
    expect(password.length).toBeGreaterThan(16);
    for (const path of ["/nodes/esp-1", "/nodes/esp-1/timeline", "/system", "/settings", "/nodes", "/events/recent"]) {
      expect(await (await fetch(api + path)).text()).not.toContain(password);
    }
  });

  test("get commands, which can be cancelled", async () => {
    const response = await fetch(`${api}/nodes/linux-1/commands`, {
      method: "POST",
      headers: json,
      body: '{"command":"identify"}',
    });
    expect(response.status).toBe(201);
    const { id } = (await response.json()) as { id: string };
    expect((await fetch(`${api}/nodes/linux-1/commands/${id}`, { method: "DELETE" })).status).toBe(204);
    const { commands } = (await (await fetch(`${api}/nodes/linux-1/commands`)).json()) as {
      commands: { state: string }[];
    };
    expect(commands[0]?.state).toBe("cancelled");
  });

  test("are told new fleet settings, whose secrets don't come back", async () => {
    const wifi = [{ ssid: "roof", password: "hunter2hunter2" }];
    const response = await fetch(`${api}/settings`, { method: "PATCH", headers: json, body: JSON.stringify({ wifi }) });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toContain("roof");
    expect(text).not.toContain("hunter2");
    expect((await node.ask("GET", "/environment?ep=esp-1")).json).toMatchObject({ wifi });
  });
});

describe("artifacts", () => {
  test("are uploaded once by digest, and again without harm", async () => {
    const put = () => fetch(`${api}/artifacts/${hex}`, { method: "PUT", headers: octets, body: image });
    expect((await put()).status).toBe(201);
    expect((await put()).status).toBe(200);
    const { artifacts } = (await (await fetch(`${api}/artifacts`)).json()) as {
      artifacts: { digest: string; size: number }[];
    };
    expect(artifacts).toMatchObject([{ digest: `sha256:${hex}`, size: image.length }]);
  });

  test("an upload that is cut off leaves nothing behind", async () => {
    const other = new Uint8Array(250_000).fill(9);
    const { port } = new URL(manager.urls.http);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write(
          `PUT /api/v1/artifacts/${hexOf(other)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: ${other.length}\r\n\r\n`,
        );
        socket.write(other.subarray(0, 100_000), () => socket.destroy());
      });
      socket.on("close", () => resolve());
    });
    await soon(
      () => manager.app.artifacts.list().length,
      (count) => count === 1,
    );
    expect(
      (await fetch(`${api}/artifacts/${hexOf(other)}`, { method: "PUT", headers: octets, body: other })).status,
    ).toBe(201);
    expect((await fetch(`${api}/artifacts/${hexOf(other)}`, { method: "DELETE" })).status).toBe(204);
  });

  test("are served whole, in ranges, and not at all to who has them", async () => {
    const get = (headers: Record<string, string> = {}, method = "GET") =>
      fetch(`${manager.urls.http}/artifacts/${hex}`, { headers, method });
    const whole = await get();
    expect([whole.status, whole.headers.get("etag"), whole.headers.get("accept-ranges")]).toEqual([
      200,
      `"${hex}"`,
      "bytes",
    ]);
    expect(Buffer.from(await whole.arrayBuffer()).equals(image)).toBe(true);
    const part = await get({ range: "bytes=150000-150009" });
    expect([part.status, part.headers.get("content-range"), part.headers.get("content-length")]).toEqual([
      206,
      "bytes 150000-150009/200000",
      "10",
    ]);
    expect(Buffer.from(await part.arrayBuffer()).equals(image.subarray(150_000, 150_010))).toBe(true);
    const last = await get({ range: "bytes=-5", "if-range": `"${hex}"` });
    expect(Buffer.from(await last.arrayBuffer()).equals(image.subarray(-5))).toBe(true);
    const changed = await get({ range: "bytes=-5", "if-range": '"other"' });
    expect([changed.status, (await changed.arrayBuffer()).byteLength]).toEqual([200, image.length]);
    const outside = await get({ range: "bytes=200000-" });
    expect([outside.status, outside.headers.get("content-range")]).toEqual([416, "bytes */200000"]);
    expect((await get({ "if-none-match": `"${hex}"` })).status).toBe(304);
    const head = await get({}, "HEAD");
    expect([head.status, head.headers.get("content-length"), (await head.arrayBuffer()).byteLength]).toEqual([
      200,
      "200000",
      0,
    ]);
    expect((await fetch(`${manager.urls.http}/artifacts/${"0".repeat(64)}`)).status).toBe(404);
    expect((await fetch(`${manager.urls.http}/artifacts/..%2f..%2fregistry.db`)).status).toBe(400);
  });

  test("an update keeps its artifact from being deleted", async () => {
    const body = JSON.stringify({
      id: "fw-1",
      version: "1",
      model: "sensor",
      size: image.length,
      digest: `sha256:${hex}`,
    });
    expect((await fetch(`${api}/updates`, { method: "POST", headers: json, body })).status).toBe(201);
    expect((await fetch(`${api}/updates`, { method: "POST", headers: json, body })).status).toBe(200);
    expect(await refusal(`/artifacts/${hex}`, { method: "DELETE" })).toBe("409 artifact-in-use");
  });

  test("who fetched what in which attempt is known, and a download that goes on is a resume", async () => {
    const start = { method: "POST", headers: json, body: '{"nodes":["esp-1","ghost"]}' };
    const started = (await (await fetch(`${api}/updates/fw-1/start`, start)).json()) as {
      nodes: { node: string; outcome: { attempt?: string; rev?: number; reason?: string } }[];
    };
    expect(started.nodes.map((each) => each.outcome.reason)).toEqual([undefined, "unknown-node"]);
    const attempt = started.nodes[0]?.outcome.attempt ?? "";
    const rev = started.nodes[0]?.outcome.rev ?? 0;
    const told = manager.app.heartbeats.beat("esp-1", rev - 1, undefined, undefined);
    if (told.kind !== "action" || told.action.kind !== "update") throw new Error(told.kind);
    const url = told.action.uris[0] ?? "";
    expect(url).toContain(`/artifacts/${hex}?attempt=${attempt}&t=`);
    await (await fetch(url, { headers: { range: "bytes=0-99999", connection: "close" } })).arrayBuffer();
    await (await fetch(url, { headers: { range: "bytes=100000-", connection: "close" } })).arrayBuffer();
    const found = await soon(
      async () =>
        (await (await fetch(`${api}/updates/fw-1`)).json()) as {
          attempts: { bytesByWay: Record<string, number>; resumes: number }[];
        },
      ({ attempts }) => attempts[0]?.bytesByWay["http"] === image.length,
    );
    expect(found.attempts[0]?.resumes).toBe(1);
  });
});

describe("room for artifacts", () => {
  test("is a limit: what doesn't fit is refused whole, and what is there can be uploaded again", async () => {
    const small = await testManager({ flags: { "limits.storedBytes": "1048576" } });
    const put = (bytes: Uint8Array<ArrayBuffer>) =>
      fetch(`${small.urls.http}/api/v1/artifacts/${hexOf(bytes)}`, {
        method: "PUT",
        headers: octets,
        body: bytes,
      });
    const first = new Uint8Array(700_000).fill(1);
    expect((await put(first)).status).toBe(201);
    const second = await put(new Uint8Array(700_000).fill(2));
    expect([second.status, await second.json()]).toMatchObject([507, { error: { code: "disk-full" } }]);
    // Nor at the same time as another that fits alone, with a length said or without.
    const third = [new Uint8Array(200_000).fill(3), new Uint8Array(200_000).fill(4)] as const;
    const both = await Promise.all(third.map((bytes) => put(bytes)));
    expect(both.map(({ status }) => status).sort((x, y) => x - y)).toEqual([201, 507]);
    const stored = small.app.artifacts.list();
    for (const { digest } of stored.filter(({ size }) => size === 200_000)) await small.app.artifacts.remove(digest);
    const streamed = await Promise.all(
      third.map(async (bytes) => {
        const parts = new Blob([bytes]).stream();
        const init = { method: "PUT", headers: octets, body: parts, duplex: "half" } as RequestInit;
        return (await fetch(`${small.urls.http}/api/v1/artifacts/${hexOf(bytes)}`, init)).status;
      }),
    );
    expect(streamed.filter((status) => status === 201).length).toBeLessThan(2);
    for (const { digest } of small.app.artifacts.list().filter(({ size }) => size === 200_000))
      await small.app.artifacts.remove(digest);
    expect((await put(first)).status).toBe(200);
    expect(small.app.artifacts.list()).toHaveLength(1);
    await small.end();
  });
});

describe("live events", () => {
  async function follow(headers: Record<string, string> = {}) {
    const aborter = new AbortController();
    const response = await fetch(`${api}/events`, { headers, signal: aborter.signal });
    const events: ServerEvent[] = [];
    const reading = (async () => {
      for await (const event of readEvents(response.body as AsyncIterable<Uint8Array>)) events.push(event);
    })().catch(() => {});
    const end = async () => {
      aborter.abort();
      await reading;
    };
    return { response, events, end };
  }
  const kinds = (events: readonly ServerEvent[]) => events.map((each) => each.kind);

  test("begin with a cursor, and go on there after a cut, with nothing lost and nothing twice", async () => {
    const first = await follow();
    await soon(
      () => kinds(first.events),
      (list) => list.includes("hello"),
    );
    await node.register({ id: "late-1" });
    await soon(
      () => kinds(first.events),
      (list) => list.includes("registered"),
    );
    const cursor = first.events.find((each) => each.kind === "registered")?.id ?? "";
    await first.end();
    await node.register({ id: "late-2" });
    const second = await follow({ "last-event-id": cursor });
    await soon(
      () => kinds(second.events),
      (list) => list.includes("hello"),
    );
    const registered = second.events.filter((each) => each.kind === "registered");
    expect(registered.map((each) => JSON.parse(each.data))).toEqual([
      { node: "late-2", isNew: true, identity: "claimed" },
    ]);
    await second.end();
  });

  test("a cursor of another run begins with a reset", async () => {
    const stream = await follow({ "last-event-id": "zzzzzz-5" });
    await soon(
      () => kinds(stream.events),
      (list) => list.length > 0,
    );
    expect(stream.events[0]?.kind).toBe("reset");
    await stream.end();
  });

  test("telemetry is summed up by node", async () => {
    const stream = await follow();
    await soon(
      () => kinds(stream.events),
      (list) => list.includes("hello"),
    );
    const pack = '[{"bn":"esp-1/","n":"temp","u":"Cel","v":21.5},{"n":"hum","u":"%RH","v":40}]';
    expect((await node.ask("POST", "/nodes/esp-1/telemetry", pack, 110)).code).toBe("2.04");
    const event = await soon(
      () => stream.events.find((each) => each.kind === "telemetry"),
      (each) => each !== undefined,
    );
    expect(JSON.parse(event?.data ?? "")).toEqual({ nodes: { "esp-1": 2 } });
    await stream.end();
    const latest = await soon(
      async () => (await (await fetch(`${api}/nodes/esp-1`)).json()) as { telemetry: { series: string }[] },
      ({ telemetry }) => telemetry.length === 2,
    );
    expect(new Set(latest.telemetry.map((each) => each.series))).toEqual(new Set(["hum", "temp"]));
    const many = await (await fetch(`${api}/telemetry/latest?nodes=esp-1,esp-2,ghost`)).json();
    expect(many).toMatchObject({ nodes: { "esp-1": [{ node: "esp-1" }, { node: "esp-1" }], "esp-2": [] } });
  });

  test("one follower more than the limit is told to come back", async () => {
    const streams = [await follow(), await follow(), await follow()];
    expect(await refusal("/events")).toBe("503 too-many");
    for (const stream of streams) await stream.end();
    await soon(
      async () => (await follow()).response.status,
      (status) => status === 200,
    );
  });
});
