import { execFile, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { connect, connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Certificate, TestCa } from "./dtls-harness.ts";
import { soon, type TestManager, testManager } from "./manager-harness.ts";

const operator = { kind: "operator", id: "test" } as const;
const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const secure = { insecure: false, poll: "10", report: "10", "https.port": "0", "mqtts.port": "0", "tls.mode": "on" };

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

let manager: TestManager;
let other: TestCa;
beforeAll(async () => {
  other = new TestCa();
  manager = await testManager({ flags: { ...secure, "mqtt.observerPassword": "sesame-open-sesame" } });
});
afterAll(async () => {
  other.remove();
  await manager.end();
});

const caFile = () => join(manager.folder, "ca.pem");
const ca = () => readFileSync(caFile(), "utf8");
const token = () => readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
const portOf = (url: string | undefined) => Number(new URL(url ?? "").port);

/** What curl says: its exit code, and what it got with the headers. */
function curl(...args: string[]) {
  return new Promise<{ code: number; out: string }>((resolve) => {
    execFile("curl", ["-sS", "-i", "--max-time", "30", ...args], (error, out) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out });
    });
  });
}

/** What curl got of the events, which never end, when these words had come. */
async function eventsUntil(words: string): Promise<string> {
  const shown = ["--cacert", caFile(), "-H", `Authorization: Bearer ${token()}`];
  const child = spawn("curl", ["-sS", "-i", "-N", ...shown, `${manager.urls.https}/api/v1/events`]);
  try {
    let out = "";
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    return await soon(
      () => out,
      (text) => text.includes(words),
    );
  } finally {
    child.kill();
  }
}

describe("HTTPS, asked by curl", () => {
  // 60: the certificate isn't good; 35: no handshake; 52 and 56: nothing came.
  const api = () => `${manager.urls.https}/api/v1/system`;

  test("is nothing to who trusts another CA, asks for another name, or speaks no TLS", async () => {
    expect((await curl(api())).code).toBe(60);
    expect((await curl("--cacert", other.caFile, api())).code).toBe(60);
    const port = portOf(manager.urls.https);
    const wrong = ["--resolve", `manager.example:${port}:127.0.0.1`, `https://manager.example:${port}/api/v1/system`];
    expect((await curl("--cacert", caFile(), ...wrong)).code).toBe(60);
    expect([52, 56]).toContain((await curl(`http://127.0.0.1:${port}/api/v1/system`)).code);
    const old = ["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"];
    expect((await curl("--cacert", caFile(), ...old, api())).code).toBe(35);
  });

  test("answers whom it should, tells a browser what it may do, and never by a name of this machine to stay with https", async () => {
    expect((await curl("--cacert", caFile(), api())).out).toMatch(/^HTTP\/1\.1 401 /);
    const { code, out } = await curl("--cacert", caFile(), "-H", `Authorization: Bearer ${token()}`, api());
    expect(code).toBe(0);
    expect(out).toMatch(/^HTTP\/1\.1 200 /);
    expect(out).toMatch(/^content-security-policy: default-src 'none'; frame-ancestors 'none'\r$/im);
    expect(out).toMatch(/^x-content-type-options: nosniff\r$/im);
    expect(out).toMatch(/^referrer-policy: no-referrer\r$/im);
    expect(out).not.toMatch(/strict-transport-security/i);
    const page = (await curl("--cacert", caFile(), `${manager.urls.https}/`)).out;
    expect(page).toMatch(/^content-security-policy: [^\r]*script-src 'self'[^\r]*frame-ancestors 'none'/im);
    expect(await eventsUntil("event: hello")).toMatch(/x-content-type-options: nosniff/i);
  });

  test("its cookie is for https alone", async () => {
    const signIn = ["-H", "content-type: application/json", "-d", JSON.stringify({ token: token() })];
    const { out } = await curl("--cacert", caFile(), ...signIn, `${manager.urls.https}/api/v1/session`);
    expect(out).toMatch(/^set-cookie: [^\r]*HttpOnly; SameSite=Strict; Secure/im);
  });
});

describe.skipIf(elsewhere === undefined)("a manager that others reach", () => {
  let reached: TestManager;
  beforeAll(async () => {
    const hosts = { "http.host": "0.0.0.0", "mqtt.host": "0.0.0.0", publicHost: elsewhere ?? "" };
    reached = await testManager({ flags: { ...secure, ...hosts, "tls.mode": "auto" } });
  });
  afterAll(() => reached.end());

  test("sends pages to https, and refuses a token that came in the open", async () => {
    const { out } = await curl(`${reached.urls.http}/`);
    expect(out).toMatch(/^HTTP\/1\.1 308 /);
    expect(out).toMatch(new RegExp(`^location: ${reached.urls.https}/\\r$`, "im"));
    const own = readFileSync(join(reached.folder, "admin-token"), "utf8").trim();
    const withToken = ["-H", `Authorization: Bearer ${own}`];
    expect((await curl(...withToken, `${reached.urls.http}/api/v1/system`)).out).toMatch(/401 [\s\S]*"not-from-here"/);
    const trusted = ["--cacert", join(reached.folder, "ca.pem")];
    expect((await curl(...trusted, `${reached.urls.https}/api/v1/system`)).out).toMatch(/401 [\s\S]*"not-authorised"/);
    expect((await curl(...trusted, ...withToken, `${reached.urls.https}/api/v1/system`)).out).toMatch(
      /^HTTP\/1\.1 200 /,
    );
  });

  test("takes MQTT over WebSocket from elsewhere over TLS alone", async () => {
    const upgrade = ["-H", "connection: upgrade", "-H", "upgrade: websocket", "-H", "sec-websocket-protocol: mqtt"];
    const key = ["-H", "sec-websocket-version: 13", "-H", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];
    expect((await curl(...upgrade, ...key, `${reached.urls.http}/mqtt`)).out).toMatch(/^HTTP\/1\.1 426 /);
  });
});

describe("MQTT over WebSocket", () => {
  const observer = { clientId: "_observer", username: "_observer", password: "sesame-open-sesame", reconnectPeriod: 0 };

  test("is at one path, for who asks for its subprotocol", async () => {
    const upgrade = ["-H", "connection: upgrade", "-H", "upgrade: websocket", "-H", "sec-websocket-version: 13"];
    const key = ["-H", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="];
    const ask = (path: string, ...more: string[]) =>
      curl("--cacert", caFile(), ...upgrade, ...key, ...more, `${manager.urls.https}${path}`);
    expect((await ask("/elsewhere", "-H", "sec-websocket-protocol: mqtt")).out).toMatch(/^HTTP\/1\.1 404 /);
    expect((await ask("/mqtt")).out).toMatch(/^HTTP\/1\.1 400 /);
    expect((await ask("/mqtt", "-H", "sec-websocket-protocol: graphql")).out).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("is refused for good: a client that never closes its end keeps no connection open", async () => {
    const { hostname, port } = new URL(manager.urls.http);
    const socket = connectTcp({ host: hostname, port: Number(port), allowHalfOpen: true });
    onTestFinished(() => void socket.destroy());
    socket.write("GET /elsewhere HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
    // What is sent to a connection that is gone is answered by a reset; one that is half open swallows it.
    socket.on("error", () => {});
    const gone = new Promise((resolve) => socket.once("close", resolve));
    const again = setInterval(() => socket.write("x"), 20);
    onTestFinished(() => clearInterval(again));
    await gone;
  });

  test("asks for the same password as everywhere, and carries messages", async () => {
    const url = `${manager.urls.https?.replace("https", "wss")}/mqtt`;
    await expect(connectAsync(url, { ...observer, password: "wrong", ca: ca() })).rejects.toThrow(
      /user ?name|authorized/i,
    );
    const client = await connectAsync(url, { ...observer, ca: ca() });
    onTestFinished(async () => client.endAsync(true));
    const got = new Promise<string>((resolve) => client.once("message", (topic) => resolve(topic)));
    await client.subscribeAsync("cx/nodes/yard/event");
    const yard = await mqtts("yard", await nodeWithCertificate("yard"));
    await yard.publishAsync("cx/nodes/yard/event", "hello", { qos: 1 });
    expect(await got).toBe("cx/nodes/yard/event");
  });
});

/** Issues a node's certificate, of scheme x509, then registers it and makes its account at the broker. */
async function nodeWithCertificate(id: string): Promise<{ cert: string; key: string }> {
  const certificate = await certificateFor(id);
  await manager.app.registry.register({
    manifest: { id: id as never, caps: ["tls"] },
    path: { address: "127.0.0.1", port: 9, family: 4 },
    identity: "credential",
    face: "register",
  });
  await manager.app.environments.build(id);
  return certificate;
}

async function certificateFor(id: string): Promise<{ cert: string; key: string }> {
  const issued = await manager.app.credentials.issue(id, operator, "x509");
  if (issued.kind !== "issued" || issued.certificate === undefined) throw new Error(issued.kind);
  return { cert: issued.certificate.certificate, key: issued.certificate.key ?? "" };
}

async function mqtts(id: string, identity: object): Promise<MqttClient> {
  const client = await connectAsync(manager.urls.mqtts ?? "", {
    clientId: id,
    ca: ca(),
    reconnectPeriod: 0,
    ...identity,
  });
  client.on("error", () => {});
  onTestFinished(async () => client.endAsync(true));
  return client;
}

/** Whether the broker lets it in; a client that is refused by its certificate is told nothing. */
function isLetIn(id: string, identity: object): Promise<boolean> {
  const client = connect(manager.urls.mqtts ?? "", { clientId: id, ca: ca(), reconnectPeriod: 0, ...identity });
  onTestFinished(async () => client.endAsync(true));
  return new Promise((resolve) => {
    client.on("error", () => resolve(false));
    client.once("close", () => resolve(false));
    client.once("connect", () => resolve(true));
  });
}

describe("MQTT over TLS with the certificates of nodes", () => {
  test("a node with one needs no password, and is nobody else", async () => {
    const shed = await nodeWithCertificate("shed");
    await nodeWithCertificate("attic");
    expect(await isLetIn("attic", shed)).toBe(false);
    expect(await isLetIn("shed", {})).toBe(false);
    const stranger: Certificate = other.issue("URI:urn:coxswain:node:shed");
    expect(await isLetIn("shed", { cert: stranger.cert, key: stranger.key })).toBe(false);
    expect(await isLetIn("shed", shed)).toBe(true);
  });

  test("one that was revoked is off the broker at once and stays off, and what waited for it isn't delivered", async () => {
    const cellar = await nodeWithCertificate("cellar");
    const client = await mqtts("cellar", { ...cellar, clean: false });
    await client.subscribeAsync("cx/nodes/cellar/cmd/#", { qos: 1 });
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    expect(await manager.app.credentials.revoke("cellar", operator)).toBe("revoked");
    await closed;
    expect(await isLetIn("cellar", { ...cellar, clean: false })).toBe(false);
  });

  test("the first use of a new certificate ends the connection of the old one", async () => {
    const before = await nodeWithCertificate("loft");
    const client = await mqtts("loft", before);
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
    const after = await certificateFor("loft");
    expect(client.connected).toBe(true);
    expect(await isLetIn("loft", after)).toBe(true);
    await closed;
    expect(await isLetIn("loft", before)).toBe(false);
    // Written behind: who is refused is refused at once.
    await soon(
      async () => new Set((await manager.app.credentials.list("loft")).map(({ state }) => state)),
      (states) => states.has("active") && states.has("revoked") && states.size === 2,
    );
  });
});

describe("a given certificate", () => {
  test("is refused at the start when its key is another's or a file is missing", async () => {
    const [one, two] = [other.issue("IP:127.0.0.1"), other.issue("IP:127.0.0.1")];
    for (const key of [two.keyFile, join(manager.folder, "missing.pem")]) {
      const flags = { ...secure, "tls.certificate": one.certFile, "tls.key": key };
      await expect(testManager({ flags })).rejects.toMatchObject({ code: "tls.bad-certificate" });
    }
  });

  test("is used anew when its files change, and on demand; what doesn't fit leaves the old one", async () => {
    const [first, second] = [other.issue("IP:127.0.0.1"), other.issue("IP:127.0.0.1")];
    const [certificate, key] = [join(manager.folder, "given.pem"), join(manager.folder, "given.key")];
    writeFileSync(certificate, first.cert);
    writeFileSync(key, first.key);
    const given = await testManager({ flags: { ...secure, "tls.certificate": certificate, "tls.key": key } });
    onTestFinished(() => given.end());
    const before = await serialAt(given.urls.https);
    writeFileSync(certificate, second.cert);
    given.reload();
    expect(await serialAt(given.urls.https)).toBe(before);
    writeFileSync(key, second.key);
    // Nobody says so: the files are looked at.
    const after = await soon(
      () => serialAt(given.urls.https),
      (serial) => serial !== before,
    );
    expect(await serialAt(given.urls.mqtts)).toBe(after);
  });
});

function serialAt(url: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: "127.0.0.1", port: portOf(url), ca: other.ca }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

describe("the command line by https", () => {
  /** Its exit code and what it said, in a folder where there is no CA. */
  function coxswain(args: readonly string[], url = manager.urls.https) {
    const env = { ...process.env, COXSWAIN_TOKEN: token(), COXSWAIN_URL: url };
    return new Promise<{ code: number; said: string }>((resolve) => {
      execFile(process.execPath, [cli, ...args], { cwd: tmpdir(), env }, (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, said: out + err });
      });
    });
  }

  test("refuses a CA that it doesn't know, and says how to make it known", async () => {
    const { code, said } = await coxswain(["status"]);
    expect(code).toBe(1);
    expect(said).toMatch(/CA that isn't known here[\s\S]*--ca FILE[\s\S]*--fingerprint/);
    expect((await coxswain(["status", "--ca", other.caFile])).said).toContain("CA that isn't known here");
    expect((await coxswain(["status", "--ca", "/nowhere/ca.pem"])).said).toContain("can't be read (ENOENT)");
    expect((await coxswain(["status", "--ca", cli])).said).toContain("holds no certificate");
  });

  test("refuses another fingerprint, that of the certificate itself, and what is none", async () => {
    const { fingerprint256 } = new X509Certificate(other.ca);
    const wrong = await coxswain(["status", "--fingerprint", fingerprint256]);
    expect(wrong).toMatchObject({ code: 1, said: expect.stringContaining("Don't go on before you know why") });
    const own = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: "127.0.0.1", port: portOf(manager.urls.https), ca: ca() }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? "");
        socket.destroy();
      });
      socket.once("error", reject);
    });
    expect((await coxswain(["status", "--fingerprint", own])).said).toContain("Give the one of its CA");
    expect((await coxswain(["status", "--fingerprint", "12:34"])).code).toBe(2);
  });

  test("refuses a name that isn't in the certificate, and a port that speaks no TLS", async () => {
    const { certFile, keyFile } = other.issue("DNS:elsewhere.example");
    const named = await testManager({ flags: { ...secure, "tls.certificate": certFile, "tls.key": keyFile } });
    onTestFinished(() => named.end());
    const { code, said } = await coxswain(["status", "--ca", other.caFile], named.urls.https);
    expect(code).toBe(1);
    expect(said).toContain("is for other names");
    const open = `https://127.0.0.1:${portOf(manager.urls.http)}`;
    expect((await coxswain(["status", "--ca", caFile()], open)).said).toContain("speaks no TLS");
  });

  test("is answered when it knows the CA: by its file, its fingerprint, or from the data folder of this machine", async () => {
    const { fingerprint256 } = new X509Certificate(ca());
    for (const words of [
      ["--ca", caFile()],
      ["--fingerprint", fingerprint256],
      ["--data-dir", manager.folder],
    ]) {
      const { code, said } = await coxswain(["status", ...words]);
      expect(code, said).toBe(0);
      expect(said).toMatch(/^coxswain .*, up for/);
    }
  });
});

test("a browser's page elsewhere can't use the session: Origin is looked at over TLS too", async () => {
  const answer = await new Promise<number>((resolve, reject) => {
    const headers = {
      origin: "https://evil.example",
      "content-type": "application/json",
      authorization: `Bearer ${token()}`,
    };
    const asked = request(
      `${manager.urls.https}/api/v1/settings`,
      { method: "PATCH", headers, ca: ca() },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    asked.once("error", reject);
    asked.end("{}");
  });
  expect(answer).toBe(403);
});
