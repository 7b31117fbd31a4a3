import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sleep } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { coapClient, group, PeerServer } from "./coap-servers.ts";

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
  it("pings, gets, puts in blocks, and observes", async () => {
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const process = spawn("coap-server-notls", ["-A", "127.0.0.1", "-p", String(port), "-d", "10"]);
    try {
      const to = { address: "127.0.0.1", port };
      const { endpoint } = server;
      expect(await endpoint.ping(to)).toBe(true);
      const core = await endpoint.request({ to, method: "GET", path: [".well-known", "core"] });
      expect(new TextDecoder().decode(core.payload)).toContain("</time>");
      const body = pattern.subarray(0, 5_000);
      const put = await endpoint.request({
        to,
        method: "PUT",
        path: ["mine"],
        payload: body,
        contentFormat: 42,
        blockSize: 512,
      });
      expect([0x41, 0x44]).toContain(put.code);
      const back = await endpoint.request({ to, method: "GET", path: ["mine"], blockSize: 128 });
      expect(Buffer.from(back.payload).equals(body)).toBe(true);
      const heard: string[] = [];
      const observation = endpoint.observe(
        { to, path: ["time"], queries: ["ticks"] },
        {
          notification: ({ payload }) => heard.push(new TextDecoder().decode(payload)),
          ended() {},
        },
      );
      await sleep(systemClock, 2_500);
      observation.cancel();
      expect(heard.length).toBeGreaterThanOrEqual(3);
      expect(new Set(heard).size).toBe(heard.length);
    } finally {
      process.kill();
    }
  });
});
