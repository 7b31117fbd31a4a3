/** The firmware's own CoAP, HTTP and MQTT (C++) against our TypeScript and against outside programs, over real sockets. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { startBroker } from "../contract/mqtt-fixture.ts";
import { coapClient, group, PeerServer } from "./coap-servers.ts";

const buildFolder = process.env["COXSWAIN_NATIVE_BUILD"] ?? join(import.meta.dirname, "../../.pio/build/native");
const program = join(buildFolder, "core-peer");
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const alphabet = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => 97 + (i % 26)));
const utf8 = new TextDecoder();

/** Runs the program to its end; resolves with its lines. */
function corePeer(...args: string[]): Promise<string[]> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 30_000 }, (_error, stdout) => resolve(stdout.trim().split("\n")));
  });
}

const server = new PeerServer();
let at = "";

beforeAll(async () => {
  if (!existsSync(program)) throw new Error(`${program} is not there: run "npm run setup", which builds the firmware`);
  const image = alphabet(150_000);
  server.endpoint.route({
    method: "GET",
    path: "/image",
    replay: "again",
    answer(_request, reply) {
      reply.body = { size: image.length, etag: Buffer.from("E1"), read: (at, size) => image.subarray(at, at + size) };
    },
  });
  await server.endpoint.start();
  at = `coap://127.0.0.1:${server.port}`;
});
afterAll(() => server.endpoint.stop());

describe("the firmware's CoAP client against our endpoint", () => {
  it("gets, waits for a separate answer, and sees error codes", async () => {
    const hello = Buffer.from("hello a=1");
    expect(await corePeer("get", `${at}/hello?a=1`)).toEqual([`2.05 ${hello.length} ${sha256(hello)}`]);
    expect((await corePeer("get", `${at}/slow`))[0]).toContain(sha256(Buffer.from("slow answer")));
    expect((await corePeer("get", `${at}/nowhere`))[0]).toMatch(/^4\.04 /);
  });

  it("puts and gets a body in blocks", async () => {
    expect((await corePeer("put", `${at}/store`, "7000"))[0]).toMatch(/^2\.04 /);
    expect(Buffer.from(server.stored).equals(alphabet(7000))).toBe(true);
    expect((await corePeer("get", `${at}/store`))[0]).toBe(`2.05 7000 ${sha256(alphabet(7000))}`);
  });

  it("downloads an image whole, and from the middle", async () => {
    expect(await corePeer("fetch", `${at}/image`)).toEqual([`ok 0 150000 ${sha256(alphabet(150_000))}`]);
    expect(await corePeer("fetch", `${at}/image`, "100003")).toEqual([
      `ok 0 150000 ${sha256(alphabet(150_000).subarray(100_003))}`,
    ]);
    expect((await corePeer("fetch", `${at}/nowhere`))[0]).toMatch(/^notFound 404 0 /);
  });

  it("finds it by multicast on loopback", async () => {
    expect((await corePeer("discover", group, String(server.port))).join("\n")).toContain('</ticks>;rt="ticks"');
  });

  it("learns that nobody is there", async () => {
    expect((await corePeer("fetch", "http://127.0.0.1:9/x"))[0]).toMatch(/^unreachable 0 0 /);
  });
});

describe("the firmware's CoAP server", () => {
  let child: ChildProcess;
  let port = 0;
  const to = () => ({ address: "127.0.0.1", port });

  beforeAll(async () => {
    child = spawn(program, ["serve", "0"], { stdio: ["pipe", "pipe", "inherit"] });
    port = await new Promise<number>((resolve) => {
      child.stdout?.once("data", (chunk: Buffer) => resolve(Number(chunk.toString().trim().split(" ")[1])));
    });
  });
  afterAll(() => void child.kill());

  it("serves our client: discovery, bodies from memory and from a source, uploads, separate answers, ping", async () => {
    const { endpoint } = server;
    const get = async (...path: string[]) => (await endpoint.request({ to: to(), method: "GET", path })).payload;
    expect(utf8.decode(await get(".well-known", "core"))).toContain('</ticks>;rt="cx.ticks";obs');
    expect(Buffer.from(await get("large")).equals(alphabet(3000))).toBe(true);
    expect(sha256(await get("stream"))).toBe(sha256(alphabet(100_000)));
    expect(utf8.decode(await get("slow"))).toBe("at last");
    expect(await endpoint.ping(to())).toBe(true);
    const body = alphabet(3500);
    const put = await endpoint.request({ to: to(), method: "PUT", path: ["echo"], payload: body, blockSize: 256 });
    expect(put.code).toBe(0x44);
    expect(Buffer.from(put.payload).equals(body)).toBe(true);
    const tooLarge = await endpoint.request({ to: to(), method: "PUT", path: ["echo"], payload: alphabet(5000) });
    expect(tooLarge.code).toBe(0x8d);
  });

  it("notifies our observer in order until it leaves", async () => {
    const heard: number[] = [];
    const observation = server.endpoint.observe(
      { to: to(), path: ["ticks"] },
      { notification: ({ payload }) => heard.push(Number(utf8.decode(payload).split(" ")[1])), ended() {} },
    );
    await sleep(systemClock, 1500);
    observation.cancel();
    expect(heard.length).toBeGreaterThan(8);
    expect(heard).toEqual([...new Set(heard)].sort((a, b) => a - b));
  });

  it("serves libcoap's client", async () => {
    const of = `coap://127.0.0.1:${port}`;
    expect((await coapClient([`${of}/hello`])).stdout.toString()).toBe("hello\n");
    expect((await coapClient(["-b", "64", `${of}/large`])).stdout.subarray(0, 3000).equals(alphabet(3000))).toBe(true);
    expect((await coapClient([`${of}/slow`])).stdout.toString()).toBe("at last\n");
    expect((await coapClient(["-m", "delete", `${of}/hello`])).stderr).toContain("4.05");
    expect((await coapClient(["-O", "2049,x", `${of}/hello`])).stderr).toContain("4.02");
    expect((await coapClient([`${of}/.well-known/core?rt=cx.t*`])).stdout.toString()).toBe(
      '</ticks>;rt="cx.ticks";obs\n',
    );
    expect((await coapClient(["-s", "1", `${of}/ticks`])).stdout.toString().match(/tick \d+/g)?.length).toBeGreaterThan(
      4,
    );
  });
});

it("the firmware's HTTP client takes the whole, a range, and a refusal from a real server", async () => {
  const image = alphabet(300_000);
  const http = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    if (request.url !== "/image") return void response.writeHead(404).end();
    const range = { "content-range": `bytes ${from}-${image.length - 1}/${image.length}` };
    response.writeHead(from > 0 ? 206 : 200, {
      etag: '"e1"',
      "content-length": image.length - from,
      ...(from > 0 ? range : {}),
    });
    response.end(image.subarray(from));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", () => resolve()));
  const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  try {
    expect(await corePeer("fetch", `${base}/image`)).toEqual([`ok 200 300000 ${sha256(image)}`]);
    expect(await corePeer("fetch", `${base}/image`, "77777")).toEqual([
      `ok 206 300000 ${sha256(image.subarray(77_777))}`,
    ]);
    expect((await corePeer("fetch", `${base}/other`))[0]).toMatch(/^notFound 404 0 /);
  } finally {
    http.close();
  }
});

it("the firmware's MQTT client subscribes, publishes, hears and says goodbye at our broker", async () => {
  const { broker, port, client } = await startBroker();
  const viewer = await client("viewer");
  const heard: string[] = [];
  viewer.on("message", (topic, payload) => void heard.push(`${topic} ${payload.toString()}`));
  await viewer.subscribeAsync("cx/#", { qos: 1 });
  const ended = corePeer("mqtt", String(port), "a", "a-password");
  for (let i = 0; i < 250 && heard.length === 0; i++) await sleep(systemClock, 20);
  expect(heard).toEqual(["cx/nodes/a/event from the firmware"]);
  await broker.publish({ topic: "cx/nodes/a/cmd/identify", payload: Buffer.from("{}"), qos: 1 });
  const lines = await ended;
  expect(lines).toContain("subscribed 1");
  expect(lines).toContain("published");
  expect(lines.slice(-2)).toEqual(["message cx/nodes/a/cmd/identify {}", "closed asked"]);
  // A goodbye in order discards the will.
  expect(heard.some((each) => each.includes("offline"))).toBe(false);
  expect(await corePeer("mqtt", String(port), "a", "wrong")).toEqual(["closed refused"]);
});
