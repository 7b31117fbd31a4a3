import { request } from "node:http";
import { connect } from "node:net";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, describe, expect, it } from "vitest";
import { isLanAddress } from "../../gateway/adapters/http/lan-address.ts";
import { SiteDoor, type SiteDoorOptions } from "../../gateway/adapters/http/site-door.ts";
import { LocalBroker } from "../../gateway/adapters/mqtt/local-broker.ts";
import type { SiteMessage } from "../../gateway/ports/site-broker.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";

const home = siteId("home-7");
const topics = new SiteTopics();
const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const until = (isSo: () => boolean) => expect.poll(isSo, { timeout: 20_000, interval: 5 }).toBe(true);

async function running(options: Partial<SiteDoorOptions> = {}, mayBePlain = isLanAddress) {
  const broker = new LocalBroker({
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
    tcp: { host: "127.0.0.1", port: 0, mayBePlain },
  });
  await broker.start();
  ends.push(() => broker.stop());
  const door = new SiteDoor({
    ...{ http: { host: "127.0.0.1", port: 0 }, app: new Map(), log: silentLog },
    home: () => new TextEncoder().encode('{"site":"home-7"}'),
    attach: (stream) => broker.attach(stream),
    ...options,
  });
  await door.start();
  ends.push(() => door.stop());
  const phone = (clientId: string) =>
    broker.setCredentials([
      { clientId, password: "correct horse", ...topics.rightsOfPhone(home), retained: "refused" },
    ]);
  phone("anna");
  const join = async (url: string, over: object = {}): Promise<MqttClient> => {
    const options = { clientId: "anna", username: "anna", password: "correct horse", reconnectPeriod: 0, ...over };
    const client = await connectAsync(url, options);
    ends.push(() => client.endAsync(true));
    return client;
  };
  const port = door.ports()!.http;
  return { broker, door, join, phone, port, base: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}/mqtt` };
}

const app = new Map([
  [
    "index.html",
    { bytes: Buffer.from("<!doctype html>"), type: "text/html; charset=utf-8", etag: '"1"', isImmutable: false },
  ],
  ["assets/app-1.js", { bytes: Buffer.from("1"), type: "text/javascript", etag: '"2"', isImmutable: true }],
]);

describe("the household's door, asked wrongly", () => {
  it("answers paths that aren't there, methods that change things and garbage without reaching the disk", async () => {
    const { base, port } = await running({ app });
    for (const path of ["/etc/passwd", "/app/../package.json", "/app/%2e%2e/package.json", "/app/none.js", "/mqtt"])
      expect((await fetch(base + path)).status).toBe(404);
    const raw = await new Promise<number | undefined>((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port, path: "/app/../../package.json" }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on("error", reject).end();
    });
    expect(raw).toBe(404);
    expect((await fetch(`${base}/site.json`, { method: "POST", body: "{}" })).status).toBe(405);
    const socket = connect({ host: "127.0.0.1", port });
    socket.write("\x00\x01garbage\r\n\r\n");
    await new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
    expect((await fetch(`${base}/site.json`)).status).toBe(200);
  });

  it("says how to build the app where it isn't", async () => {
    const { base } = await running();
    const answer = await fetch(`${base}/app/`);
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain("build-app");
  });

  it("a port that is taken is said with the flag for another", async () => {
    const { door } = await running();
    const second = running({ http: { host: "127.0.0.1", port: door.ports()!.http } });
    await expect(second).rejects.toMatchObject({ code: "gateway.port-in-use", data: { flag: "--http-port" } });
  });

  it("over TCP in the clear who isn't of the LAN is closed before anything is said", async () => {
    const asked: (string | undefined)[] = [];
    const { broker } = await running({}, (address) => {
      asked.push(address);
      return false;
    });
    const { host, port } = broker.addresses().mqtt!;
    const socket = connect({ host, port });
    const said: Buffer[] = [];
    socket.on("data", (bytes) => said.push(bytes));
    await new Promise((resolve) => socket.on("error", () => {}).on("close", resolve));
    expect([asked, said]).toEqual([["127.0.0.1"], []]);
    expect(broker.counters()["connections"]).toBe(0);
  });

  it("a password in the clear is taken from the LAN alone", () => {
    for (const near of [
      "127.0.0.1",
      "::1",
      "192.168.1.5",
      "10.0.0.1",
      "172.31.255.255",
      "::ffff:192.168.1.5",
      "fe80::1%eth0",
      "fd00::1",
    ])
      expect(isLanAddress(near)).toBe(true);
    for (const far of ["8.8.8.8", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8", "", undefined, "localhost"])
      expect(isLanAddress(far)).toBe(false);
  });
});

describe("the household's door", () => {
  it("serves the app with a policy, lets it be kept as long as its name says, and tells anyone whose gateway it is", async () => {
    const { base } = await running({
      app,
      extra: new Map([["/ca.crt", () => ({ body: "PEM", type: "application/x-x509-ca-cert", download: "home.crt" })]]),
    });
    const page = await fetch(`${base}/`);
    expect(page.url).toBe(`${base}/app/`);
    expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
    expect(await page.text()).toBe("<!doctype html>");
    const script = await fetch(`${base}/app/assets/app-1.js`);
    expect(script.headers.get("cache-control")).toContain("immutable");
    expect((await fetch(`${base}/app/`, { headers: { "if-none-match": '"1"' } })).status).toBe(304);
    const whose = await fetch(`${base}/site.json`);
    expect(whose.headers.get("access-control-allow-origin")).toBe("*");
    expect(await whose.json()).toEqual({ site: "home-7" });
    expect((await fetch(`${base}/ca.crt`)).headers.get("content-disposition")).toContain("home.crt");
    expect(await (await fetch(`${base}/site.json`, { method: "HEAD" })).text()).toBe("");
  });

  it("lets phones in by WebSocket and TCP with the same rights, and a phone that is removed is out at once", async () => {
    const { broker, join, ws } = await running();
    const heard: SiteMessage[] = [];
    broker.onMessage((message) => heard.push(message));
    await expect(join(ws, { password: "wrong" })).rejects.toThrow();
    const phone = await join(ws);
    const got: string[] = [];
    phone.on("message", (topic) => got.push(topic));
    await phone.subscribeAsync(`alfaspark/${home}/#`);
    broker.publish({
      topic: topics.ofSite("aggregate", home),
      payload: new TextEncoder().encode("{}"),
      isRetained: true,
    });
    await until(() => got.length === 1);
    await phone.publishAsync(topics.command(home, "reset-grid"), "{}", { qos: 1 });
    await until(() => heard.length === 1);
    expect(heard[0]).toMatchObject({ topic: topics.command(home, "reset-grid"), isRetained: false, from: "anna" });
    // What only the gateway may say, and what another household's is.
    await phone.publishAsync(topics.ofSite("aggregate", home), "{}", { qos: 1 });
    await phone.publishAsync(topics.command(siteId("home-8"), "reset-grid"), "{}", { qos: 1 });
    await phone.publishAsync(topics.command(home, "reset-grid"), "{}", { qos: 1, retain: true });
    await phone.publishAsync(topics.command(home, "request-status"), "{}", { qos: 1 });
    await until(() => heard.some(({ topic }) => topic === topics.command(home, "request-status")));
    expect(heard).toHaveLength(2);
    const closed = new Promise<void>((resolve) => phone.once("close", () => resolve()));
    await broker.removeCredentials(["anna"]);
    await closed;
    await expect(join(ws)).rejects.toThrow();
    const { host, port } = broker.addresses().mqtt!;
    await expect(join(`mqtt://${host}:${port}`)).rejects.toThrow();
  });

  it("what was retained before a phone came is there when it subscribes", async () => {
    const { broker, join, ws } = await running();
    for (let i = 0; i < 3; i++)
      broker.publish({
        topic: topics.ofSite("aggregate", home),
        payload: new TextEncoder().encode(`{"n":${i}}`),
        isRetained: true,
      });
    const phone = await join(ws);
    const got: string[] = [];
    phone.on("message", (_topic, payload) => got.push(String(payload)));
    await phone.subscribeAsync(`alfaspark/${home}/#`);
    await until(() => got.length === 1);
    expect(got).toEqual(['{"n":2}']);
  });
});
