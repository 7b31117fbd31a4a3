import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Code } from "../../coap/message.ts";
import { sleep } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { coapClient, group, PeerServer } from "./coap-servers.ts";
import { freePort } from "./free-port.ts";
import { until } from "./peers/peer-suite.ts";

const server = new PeerServer();
const folder = mkdtempSync(join(tmpdir(), "coap-libcoap-"));
const pattern = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
let at = "";

beforeAll(async () => {
  await server.endpoint.start();
  at = `coap://127.0.0.1:${server.port}`;
});
afterAll(() => server.endpoint.stop());

describe("libcoap's coap-client against our server", () => {
  it("gets, with queries, and sees error codes", async () => {
    expect((await coapClient([`${at}/hello?a=1&b=2`])).stdout.toString()).toBe("hello a=1&b=2\n");
    expect((await coapClient([`${at}/nowhere`])).stderr).toContain("4.04");
    expect((await coapClient(["-m", "delete", `${at}/hello`])).stderr).toContain("4.05");
    expect((await coapClient(["-A", "60", `${at}/hello`])).stderr).toContain("4.06");
    expect((await coapClient(["-O", "2049,x", `${at}/hello`])).stderr).toContain("4.02");
  });

  it("gets non-confirmably, and waits for a separate response", async () => {
    expect((await coapClient(["-N", `${at}/hello`])).stdout.toString()).toBe("hello \n");
    expect((await coapClient([`${at}/slow`])).stdout.toString()).toBe("slow answer\n");
  });

  it("reads /.well-known/core with a filter", async () => {
    expect((await coapClient([`${at}/.well-known/core?rt=tic*`])).stdout.toString()).toBe('</ticks>;rt="ticks";obs\n');
  });

  it("posts once", async () => {
    const before = server.posts;
    expect((await coapClient(["-m", "post", "-e", "some text", `${at}/things`])).stdout.toString()).toBe("SOME TEXT\n");
    expect(server.posts).toBe(before + 1);
  });

  it("puts and gets 50 000 bytes block by block, in several block sizes, and with datagrams lost", async () => {
    const file = join(folder, "pattern");
    writeFileSync(file, pattern);
    for (const extra of [
      ["-b", "1024"],
      ["-b", "256"],
      ["-b", "1024", "-l", "4,9"],
    ]) {
      server.stored = new Uint8Array(0);
      await coapClient(["-m", "put", "-t", "42", "-f", file, ...extra, `${at}/store`], 60_000);
      expect(Buffer.from(server.stored).equals(pattern), extra.join(" ")).toBe(true);
      const out = join(folder, `out${extra.length}${extra[1]}`);
      await coapClient(["-o", out, ...extra, `${at}/store`], 60_000);
      expect(readFileSync(out).equals(pattern), extra.join(" ")).toBe(true);
    }
  });

  it("observes, hears every change, and leaves", async () => {
    const client = spawn("coap-client-notls", ["-s", "2", `${at}/ticks`]);
    let heard = "";
    client.stdout.on("data", (chunk: Buffer) => {
      heard += chunk.toString();
    });
    const ended = new Promise((resolve) => client.on("exit", resolve));
    for (let i = 0; i < 100 && server.endpoint.observers("/ticks") === 0; i++) await sleep(systemClock, 20);
    expect(server.endpoint.observers("/ticks")).toBe(1);
    const first = server.ticks;
    for (let i = 0; i < 5; i++) {
      server.tick();
      await sleep(systemClock, 50);
    }
    await ended;
    for (let i = 0; i <= 5; i++) expect(heard).toContain(`tick ${first + i}\n`);
    for (let i = 0; i < 100 && server.endpoint.observers("/ticks") > 0; i++) await sleep(systemClock, 20);
    expect(server.endpoint.observers("/ticks")).toBe(0);
  });

  it("finds it by multicast where there is a route, from the loopback address", async () => {
    const args = ["-N", "-B", "2", "-a", "127.0.0.1", `coap://${group}:${server.port}/.well-known/core?rt=hello`];
    const { stdout, stderr } = await coapClient(args);
    // The program can't choose the interface for multicast: without a route the system refuses to send.
    if (/unreachable|cannot|failed/i.test(stderr)) expect(stdout.length).toBe(0);
    else expect(stdout.toString()).toContain("</hello>");
  });
});

describe("our client against libcoap's coap-server", () => {
  const text = new TextDecoder();
  const { endpoint } = server;
  let to = { address: "127.0.0.1", port: 0 };
  let program: ChildProcess;
  beforeAll(async () => {
    to = { ...to, port: await freePort() };
    program = spawn("coap-server-notls", ["-A", "127.0.0.1", "-p", String(to.port), "-d", "10"], { stdio: "ignore" });
    await until(async () => expect(await endpoint.ping(to)).toBe(true));
  });
  afterAll(() => {
    program.kill();
  });
  const get = (path: string, more: object = {}): ReturnType<typeof endpoint.request> =>
    endpoint.request({ to, method: "GET", path: path.split("/"), ...more });

  it("reads /.well-known/core whole and filtered", async () => {
    expect(text.decode((await get(".well-known/core")).payload)).toContain("</time>");
    expect(text.decode((await get(".well-known/core", { queries: ["href=/async"] })).payload)).toMatch(/^<\/async>/);
  });

  it("sees refusals as they are, confirmable or not", async () => {
    for (const confirmable of [true, false]) {
      expect((await get("nowhere", { confirmable })).code).toBe(Code.notFound);
      expect((await endpoint.request({ to, method: "POST", path: ["time"], confirmable })).code).toBe(
        Code.methodNotAllowed,
      );
    }
    // Its 4.02 repeats the critical option that it doesn't know, so that we must reject the answer (RFC 7252 section 5.4.1).
    const unknown = get("time", { options: [{ number: 2049, value: new Uint8Array(1) }] });
    await expect(unknown).rejects.toMatchObject({ code: "coap.bad-response" });
  });

  it("makes, changes, reads and deletes a resource, in blocks of every size both ways", async () => {
    for (const blockSize of [16, 128, 1024]) {
      const body = pattern.subarray(blockSize, blockSize + 4_000);
      const mine = { to, path: ["mine"], blockSize } as const;
      const put = { ...mine, method: "PUT", payload: body, contentFormat: 42 } as const;
      expect((await endpoint.request(put)).code).toBe(Code.created);
      expect((await endpoint.request(put)).code).toBe(Code.changed);
      const back = await endpoint.request({ ...mine, method: "GET" });
      expect(Buffer.from(back.payload).equals(body)).toBe(true);
      expect((await endpoint.request({ to, path: ["mine"], method: "DELETE" })).code).toBe(Code.deleted);
      expect((await get("mine")).code).toBe(Code.notFound);
    }
  });

  it("waits for a separate answer", async () => {
    for (const confirmable of [true, false]) {
      expect(text.decode((await get("async", { queries: ["1"], confirmable })).payload)).toBe("done");
    }
  });

  it("observes, and leaves", async () => {
    const heard: string[] = [];
    const observation = endpoint.observe(
      { to, path: ["time"], queries: ["ticks"] },
      {
        notification: ({ payload }) => heard.push(text.decode(payload)),
        ended() {},
      },
    );
    await until(() => expect(heard.length).toBeGreaterThanOrEqual(3));
    observation.cancel();
    expect(new Set(heard).size).toBe(heard.length);
    await until(() => expect(endpoint.observations()).toBe(0));
  });
});
