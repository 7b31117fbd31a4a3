import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestManager, TestPeer, testManager } from "../integration/manager-harness.ts";
import { runOutside, startOutside } from "./manager-outside.ts";

const image = Buffer.from(new Uint8Array(50_000).map((_, index) => index % 255));
const hex = createHash("sha256").update(image).digest("hex");
let manager: TestManager;

beforeAll(async () => {
  // The group is joined on loopback, at the port that the manager has.
  manager = await testManager({ flags: { discovery: true } });
  const headers = { "content-type": "application/octet-stream" };
  await fetch(`${manager.urls.http}/api/v1/artifacts/${hex}`, { method: "PUT", headers, body: image });
});
afterAll(() => manager.end());

/** libcoap's own client, waiting at most 3 s; what it prints on stdout is the payload. */
async function coapClient(method: string, path: string, ...more: string[]): Promise<string> {
  const { out, err } = await runOutside("coap-client-notls", [
    "-B",
    "3",
    "-m",
    method,
    ...more,
    manager.urls.coap + path,
  ]);
  return (out.toString() + err).trim();
}

test("it finds the manager's links, and only those that it filters for", async () => {
  expect(await coapClient("get", "/.well-known/core")).toContain("</rd>;");
  const found = await coapClient("get", "/.well-known/core?rt=coxswain.manager");
  expect(found).toMatch(/^<\/register>;rt="coxswain.manager"[^,]*$/);
});

test("it finds the manager by multicast on loopback", async () => {
  const url = `coap://224.0.1.187:${manager.coapPort}/.well-known/core?rt=coxswain.manager`;
  const found = await soon(
    async () =>
      (await runOutside("coap-client-notls", ["-B", "6", "-N", "-a", "127.0.0.1", "-m", "get", url])).out.toString(),
    (text) => text.includes("coxswain.manager"),
  );
  expect(found).toContain("</register>");
});

test("it registers a node, beats, and gets its environment", async () => {
  expect(await coapClient("post", "/register", "-t", "50", "-e", '{"id":"lib-1","model":"libcoap"}')).toContain(
    '"id":"lib-1"',
  );
  expect(await coapClient("post", "/status?ep=lib-1&r=0", "-t", "50", "-e", '{"status":"healthy","uptime":5}')).toBe(
    "",
  );
  expect(manager.app.health.latest("lib-1")?.value.uptime).toBe(5);
  expect(await coapClient("get", "/environment?ep=lib-1")).toContain('"user":"lib-1"');
  expect(await coapClient("get", "/nodes/lib-1/health", "-A", "50")).toContain('"age":');
  expect(await coapClient("get", "/nodes/lib-2")).toContain("4.04");
});

test("it PUTs more than a block and gets more than a block", async () => {
  const services = Array.from({ length: 40 }, (_, index) => ({ name: `service-${index}.service`, state: "running" }));
  await coapClient("put", "/nodes/lib-1/services", "-b", "256", "-t", "50", "-e", JSON.stringify({ services }));
  const { services: kept } = JSON.parse(await coapClient("get", "/nodes/lib-1/services", "-b", "128")) as {
    services: unknown[];
  };
  expect(kept.length).toBe(40);
});

test.each(["64", "1024"])("it gets an image in blocks of %s, the same to the byte", async (size) => {
  const { out } = await runOutside("coap-client-notls", [
    "-B",
    "10",
    "-m",
    "get",
    "-b",
    size,
    `${manager.urls.coap}/artifacts/${hex}`,
  ]);
  // It ends what it prints with a newline when the payload doesn't.
  expect(createHash("sha256").update(out.subarray(0, image.length)).digest("hex")).toBe(hex);
});

test("it observes a node's health through the manager and sees it change", async () => {
  const watching = startOutside("coap-client-notls", [
    "-s",
    "8",
    "-m",
    "get",
    `${manager.urls.coap}/nodes/lib-1/health`,
  ]);
  await soon(
    () => watching.out(),
    (text) => text.includes('"status":"healthy"'),
  );
  const node = await TestPeer.start(manager.coapPort);
  await node.ask("PUT", "/nodes/lib-1/health", '{"status":"degraded"}', 50);
  await soon(
    () => watching.out(),
    (text) => text.includes('"status":"degraded"'),
  );
  await node.end();
  watching.child.kill("SIGTERM");
  await watching.ended;
});
