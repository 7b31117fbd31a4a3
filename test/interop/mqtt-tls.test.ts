import { spawn, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { connect, connectAsync } from "mqtt";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { TlsListener, type TlsMaterial } from "../../mqtt/tls-listener.ts";
import { eventually, startBroker } from "../contract/mqtt-fixture.ts";
import { type Certificate, TestCa } from "../integration/dtls-harness.ts";

// Debian: mosquitto-clients. Where it is missing these tests say so by being skipped.
const isInstalled = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
const outside = test.skipIf(!isInstalled);

let ours: TestCa;
let other: TestCa;
let server: Certificate;
const nodes: Record<string, Certificate> = {};
beforeAll(() => {
  ours = new TestCa();
  other = new TestCa();
  server = ours.issue("IP:127.0.0.1,DNS:localhost");
  const of = (id: string): string => `URI:urn:coxswain:node:${id}`;
  nodes["a"] = ours.issue(of("a"));
  nodes["second"] = ours.issue(of("a"));
  nodes["nameless"] = ours.issue("");
  nodes["expired"] = ours.issue(of("a"), { from: "20200101000000Z", to: "20210101000000Z" });
  nodes["stranger"] = other.issue(of("a"));
});
afterAll(() => {
  ours.remove();
  other.remove();
});

const nodeOf = (certificate: X509Certificate): string | undefined =>
  /^URI:urn:coxswain:node:([a-z]+)$/.exec(certificate.subjectAltName ?? "")?.[1];

async function startTls(material: Partial<TlsMaterial> = {}) {
  const under = await startBroker();
  const refused = new Set<string>();
  const listener = new TlsListener({
    ...{ host: "127.0.0.1", port: 0, log: silentLog, maxConnections: 100 },
    material: { cert: server.cert, key: server.key, ca: ours.ca, crl: ours.revoke(), ...material },
    clientOf: (certificate) => (refused.has(certificate.serialNumber) ? undefined : nodeOf(certificate)),
    attach: (socket, client) => under.broker.attach(socket, client),
  });
  await listener.start();
  onTestFinished(() => listener.stop());
  return { ...under, listener, refused, tlsPort: listener.address().port };
}

/** mosquitto_pub as client `a`, with what stands in `args` beside. */
function publish(port: number, args: readonly string[], ca = ours.caFile) {
  const words = ["-h", "127.0.0.1", "-p", `${port}`, "--cafile", ca, "-i", "a", "-t", "cx/nodes/a/event", "-m", "x"];
  const child = spawn("mosquitto_pub", [...words, "-q", "1", ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk) => (errors += String(chunk)));
  return new Promise<{ code: number | null; errors: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, errors })),
  );
}

const password = ["-u", "a", "-P", "a-password"];
const by = (name: string): string[] => ["--cert", nodes[name]!.certFile, "--key", nodes[name]!.keyFile];

outside.each(["expired", "stranger", "nameless"])(
  "a client with a certificate that is %s is let in neither by it nor by its password",
  async (name) => {
    const { tlsPort, published, listener } = await startTls();
    expect((await publish(tlsPort, [...by(name), ...password])).code).not.toBe(0);
    expect(listener.counters).toMatchObject({ certificatesRefused: 1, certificatesAccepted: 0 });
    expect(published).toHaveLength(0);
  },
);

outside("a client whose certificate was revoked is refused by the list", async () => {
  const { tlsPort, published, listener } = await startTls({ crl: ours.revoke(nodes["second"]) });
  expect((await publish(tlsPort, by("second"))).code).not.toBe(0);
  expect(listener.counters.certificatesRefused).toBe(1);
  expect((await publish(tlsPort, by("a"))).code).toBe(0);
  await eventually(() => expect(published).toHaveLength(1));
});

outside("a client with a good certificate may be nobody else, whatever it calls itself", async () => {
  const { tlsPort, published } = await startTls();
  const asB = await publish(tlsPort, [...by("a"), "-i", "b", "-u", "b", "-P", "b-password"]);
  expect(asB.code).not.toBe(0);
  expect((await publish(tlsPort, [...by("a"), "-u", "b"])).code).not.toBe(0);
  expect(published).toHaveLength(0);
  // Its certificate is enough, and a password that is wrong takes nothing from it.
  expect((await publish(tlsPort, by("a"))).code).toBe(0);
  expect((await publish(tlsPort, [...by("a"), "-u", "a", "-P", "wrong"])).code).toBe(0);
});

outside("without a certificate the password counts, as on the plain port", async () => {
  const { tlsPort, published } = await startTls();
  expect((await publish(tlsPort, ["-u", "a", "-P", "wrong"])).errors).toMatch(/bad user name or password/i);
  expect((await publish(tlsPort, [])).code).not.toBe(0);
  expect((await publish(tlsPort, password)).code).toBe(0);
  await eventually(() => expect(published).toHaveLength(1));
});

outside("the client refuses a broker of another CA or another name", async () => {
  const { tlsPort } = await startTls();
  expect((await publish(tlsPort, password, other.caFile)).errors).toMatch(/certificate verify failed|TLS error/i);
  const elsewhere = other.issue("DNS:elsewhere.example");
  const { tlsPort: wrongName } = await startTls({ cert: elsewhere.cert, key: elsewhere.key });
  expect((await publish(wrongName, password, other.caFile)).errors).toMatch(/TLS error|mismatch|verify/i);
});

outside("who speaks without TLS on the port of TLS, or TLS on the other, gets nothing", async () => {
  const { tlsPort, port, published, listener } = await startTls();
  const plain = spawn("mosquitto_pub", [
    "-p",
    `${tlsPort}`,
    "-i",
    "a",
    ...password,
    "-t",
    "cx/nodes/a/event",
    "-m",
    "x",
  ]);
  expect(await new Promise((resolve) => plain.once("close", resolve))).not.toBe(0);
  expect((await publish(port, password)).code).not.toBe(0);
  expect(published).toHaveLength(0);
  await eventually(() => expect(listener.counters.tlsFailed).toBeGreaterThan(0));
});

test("TLS 1.1 is not spoken", async () => {
  const { tlsPort } = await startTls();
  const options = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ca: ours.ca, ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const socket = connectTls({ host: "127.0.0.1", port: tlsPort, ...options });
  const ended = new Promise<string>((resolve) => {
    socket.once("error", (error) => resolve(String((error as NodeJS.ErrnoException).code)));
    socket.once("secureConnect", () => resolve("connected"));
  });
  expect(await ended).toMatch(/^ERR_SSL|ECONNRESET/);
  socket.destroy();
});

test("a client that was revoked while connected is gone at once, and what waited for it isn't delivered", async () => {
  const { tlsPort, broker, listener, refused } = await startTls();
  const { cert, key } = nodes["a"]!;
  const options = { clientId: "a", cert, key, ca: ours.ca, reconnectPeriod: 0, clean: false };
  const client = await connectAsync(`mqtts://127.0.0.1:${tlsPort}`, options);
  client.on("error", () => {});
  await client.subscribeAsync("cx/nodes/a/cmd/#", { qos: 1 });
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  const got: string[] = [];
  client.on("message", (topic) => got.push(topic));
  refused.add(new X509Certificate(cert).serialNumber);
  listener.recheck(0);
  await closed;
  await broker.removeCredentials(["a"]);
  await broker.publish({ topic: "cx/nodes/a/cmd/1", payload: "x", qos: 1 });
  expect(broker.queued("a")).toBe(0);
  const again = connect(`mqtts://127.0.0.1:${tlsPort}`, options);
  again.on("error", () => {});
  await new Promise<void>((resolve) => again.once("close", () => resolve()));
  expect(again.connected).toBe(false);
  expect(listener.counters.certificatesRefused).toBe(2);
  expect(got).toEqual([]);
});

test("a certificate that grows too old while its client is connected ends the connection", async () => {
  const { tlsPort, listener } = await startTls();
  const { cert, key } = nodes["a"]!;
  const client = await connectAsync(`mqtts://127.0.0.1:${tlsPort}`, {
    clientId: "a",
    cert,
    key,
    ca: ours.ca,
    reconnectPeriod: 0,
  });
  client.on("error", () => {});
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  listener.recheck(Date.UTC(2100, 0));
  await closed;
});

test("another certificate is used from the next connection on; one that can't be used leaves the old one", async () => {
  const { tlsPort, listener } = await startTls();
  const shown = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: "127.0.0.1", port: tlsPort, ca: ours.ca }, () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber ?? "");
        socket.destroy();
      });
      socket.once("error", reject);
    });
  const before = await shown();
  expect(() => listener.use({ cert: server.cert, key: "nonsense" })).toThrow(
    expect.objectContaining({ code: "mqtt.bad-certificate" }),
  );
  expect(await shown()).toBe(before);
  const next = ours.issue("IP:127.0.0.1");
  listener.use({ cert: next.cert, key: next.key, ca: ours.ca, crl: ours.revoke() });
  expect(await shown()).not.toBe(before);
});

test("who connects and says nothing keeps nobody else out", async () => {
  const { tlsPort } = await startTls();
  const silent = connectTcp(tlsPort, "127.0.0.1");
  onTestFinished(() => void silent.destroy());
  await new Promise((resolve) => silent.once("connect", resolve));
  const { cert, key } = nodes["a"]!;
  const client = await connectAsync(`mqtts://127.0.0.1:${tlsPort}`, { clientId: "a", cert, key, ca: ours.ca });
  await client.endAsync();
});
