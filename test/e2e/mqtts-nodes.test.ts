import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createPlainServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { NodeView } from "../../manager/app/api/registry.ts";
import {
  coxswain,
  firmware,
  type ManagerUrls,
  type NodePlan,
  type Program,
  stampImage,
  startManager,
  startNode,
} from "../../tools/demo/programs.ts";
import { TestCa } from "../integration/dtls-harness.ts";
import type { AttemptSeen } from "./real-manager.ts";

interface Seen {
  readonly node: NodeView;
  readonly health: { readonly value: { readonly brokerFault?: string } } | null;
}

const folder = mkdtempSync(join(tmpdir(), "coxswain-mqtts-"));
const programs: Program[] = [];
const image = firmware("cxnode-node-dtls");
let urls: ManagerUrls & { readonly mqtts: string; readonly https: string };
let ca: TestCa;

beforeAll(async () => {
  ca = new TestCa();
  const tls = ["--tls-mode", "on", "--https-port", "0", "--mqtts-port", "0"];
  const started = await startManager(folder, {
    isSecure: true,
    flags: ["--no-mdns", ...tls],
    environment: { COXSWAIN_MQTT_OBSERVER_PASSWORD: "sesame-sesame-sesame" },
  });
  programs.push(started.program);
  urls = started.urls as typeof urls;
});
afterAll(async () => {
  for (const program of programs.toReversed()) await program.stop();
  ca.remove();
  rmSync(folder, { recursive: true, force: true });
});

const soon = (what: () => unknown) => expect.poll(what, { timeout: 60_000, interval: 100 });
const logOf = (name: string) => readFileSync(join(folder, `${name}.log`), "utf8");
const ownCaFile = () => join(urls.dataDir, "ca.pem");

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const authorization = `Bearer ${readFileSync(join(urls.dataDir, "admin-token"), "utf8").trim()}`;
  const response = await fetch(`${urls.http}/api/v1${path}`, {
    method,
    headers: { authorization, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

const node = (id: string) => api<Seen>("GET", `/nodes/${id}`).catch(() => undefined);
const faultOf = async (id: string) => (await node(id))?.health?.value.brokerFault;

/** Starts a node by the credentials that the manager issues, trusting another CA if one is named. */
async function start(id: string, plan: Partial<NodePlan> = {}, scheme = "oscore", trusted?: string): Promise<Program> {
  const credentials = join(folder, `${id}.json`);
  await coxswain(urls, "node", "add", id, `--${scheme}`, "--out", credentials);
  if (trusted !== undefined) {
    const issued = JSON.parse(readFileSync(credentials, "utf8")) as object;
    writeFileSync(credentials, JSON.stringify({ ...issued, ca: trusted }));
  }
  const port = Number(new URL(urls.coap).port);
  const base = { id, profile: "sensor", model: "mqtts", prefer: "http", image, credentials } as const;
  const program = startNode({ ...base, ...plan }, port, folder);
  programs.push(program);
  return program;
}

/** What the broker's side saw; the environments of the fleet name this one while the test runs. */
async function impostor(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await api("PATCH", "/settings", { mqttTlsPort: port });
  onTestFinished(async () => {
    server.close();
    await api("PATCH", "/settings", { mqttTlsPort: Number(new URL(urls.mqtts).port) });
  });
}

type Heard = (bytes: Buffer | string) => void;

const tlsServer = (names: string, heard: Heard, more: Partial<TlsOptions> & { readonly to?: string } = {}): Server => {
  const { to, ...options } = more;
  const { cert, key } = ca.issue(names, to === undefined ? {} : { to });
  const server = createServer({ cert, key, ...options }, (socket) => {
    heard("a handshake went through");
    socket.on("data", heard);
    socket.on("error", () => {});
  });
  return server.on("tlsClientError", () => {});
};

/** It answers at once as a broker that accepts, so that only TLS keeps the password from it. */
const plainServer = (heard: Heard, says: string): Server =>
  createPlainServer((socket) => {
    socket.on("data", heard);
    socket.on("error", () => {});
    socket.write(Buffer.from(says, "hex"));
  });

const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;

describe("a broker that isn't ours", () => {
  test.each([
    {
      what: "of another CA",
      ...{ fault: "tls-wrong-ca", says: "its certificate isn't of our CA", trusts: "the manager's" },
      server: (heard: Heard) => tlsServer("IP:127.0.0.1", heard),
    },
    {
      what: "with a certificate for another name",
      ...{ fault: "tls-wrong-name", trusts: "its", says: "for another name or address" },
      server: (heard: Heard) => tlsServer("DNS:broker.example,IP:192.0.2.1", heard),
    },
    {
      what: "with a certificate that is too old",
      ...{ fault: "tls-expired", trusts: "its", says: "isn't valid at this time" },
      server: (heard: Heard) => tlsServer("IP:127.0.0.1", heard, { to: "20210101000000Z" }),
    },
    {
      what: "that speaks nothing above TLS 1.1",
      ...{ fault: "tls-refused", trusts: "its", says: "no version or suite in common" },
      server: (heard: Heard) => tlsServer("IP:127.0.0.1", heard, old),
    },
    {
      what: "that speaks MQTT in the open",
      ...{ fault: "not-tls", trusts: "its", says: "speaks no TLS" },
      server: (heard: Heard) => plainServer(heard, "2002000090030001"),
    },
    {
      what: "that says nothing",
      ...{ fault: "tls-unanswered", trusts: "its", says: "isn't answered" },
      server: (heard: Heard) => plainServer(heard, ""),
    },
  ])("$what gets no password, and the node's log and status say why", async ({ fault, says, server, trusts }) => {
    let heard = "";
    await impostor(server((bytes) => (heard += bytes.toString("latin1"))));
    const id = `at-${fault}`;
    const program = await start(id, {}, "oscore", trusts === "its" ? ca.ca : undefined);
    await soon(() => logOf(id)).toContain(says);
    expect(logOf(id)).toContain(`mqtt: closed: connectFailed, ${fault}`);
    await soon(() => faultOf(id)).toBe(fault);
    expect(heard).not.toMatch(/handshake|MQTT/);
    await program.stop();
  });
});

describe("a node without TLS", () => {
  test("is told no broker, unless the fleet allows the open port", async () => {
    const plain = { image: firmware("cxnode-node") };
    const first = await start("plain", plain);
    await soon(async () => (await node("plain"))?.health).toBeTruthy();
    expect(logOf("plain")).not.toContain("mqtt: connected");
    await first.stop();
    await api("PATCH", "/settings", { allowPlainMqtt: true });
    onTestFinished(async () => void (await api("PATCH", "/settings", { allowPlainMqtt: false })));
    await start("plain-allowed", plain);
    await soon(() => logOf("plain-allowed")).toMatch(/mqtt: connected to 127\.0\.0\.1$/m);
  });
});

describe("by TLS", () => {
  test.each(["oscore", "psk", "x509"])("the telemetry of a node with %s is seen by mosquitto_sub", async (scheme) => {
    const id = `tls-${scheme}`;
    await start(id, {}, scheme);
    await soon(() => logOf(id)).toContain("mqtt: connected to 127.0.0.1 by TLS");
    expect(await subscribed(`cx/nodes/${id}/telemetry`)).toContain(`cx/nodes/${id}/telemetry`);
    expect(await faultOf(id)).toBeUndefined();
    expect((await node(id))?.node.manifest.caps).toContain("tls");
  });

  test("a node that got its credentials by a claim code got the CA with them", async () => {
    const { code } = (await coxswain(urls, "claim", "create", "--node", "hatched")) as { code: string };
    const plan = { id: "hatched", profile: "sensor", model: "mqtts", prefer: "http", image } as const;
    programs.push(startNode({ ...plan, flags: ["--claim", code] }, Number(new URL(urls.coap).port), folder));
    await soon(() => logOf("hatched")).toContain("mqtt: connected to 127.0.0.1 by TLS");
  });

  test("a node fetches its image by HTTPS, and comes back on it", async () => {
    const file = await stampImage(image, "9.9.9", join(folder, "new.bin"));
    await coxswain(urls, "update", "create", file, "--model", "mqtts", "--version", "9.9.9", "--sequence", "2");
    await coxswain(urls, "update", "start", "mqtts-9.9.9", "--node", "tls-oscore");
    const attempt = async () => {
      const { attempts } = await api<{ attempts: readonly AttemptSeen[] }>("GET", "/updates/mqtts-9.9.9");
      return attempts.find((each) => each.node === "tls-oscore");
    };
    await soon(async () => (await attempt())?.attempt.state).toBe("succeeded");
    expect((await attempt())?.bytesByWay["http"]).toBeGreaterThan(100_000);
    // In the open it wasn't told the address.
    expect(logOf("tls-oscore")).toContain(`https://127.0.0.1:${new URL(urls.https).port}`);
  });
});

/** The first message that mosquitto_sub prints, with its topic. */
function subscribed(topic: string): Promise<string> {
  const port = new URL(urls.mqtts).port;
  const who = ["-i", "_observer", "-u", "_observer", "-P", "sesame-sesame-sesame", "--cafile", ownCaFile()];
  return new Promise((resolve, reject) => {
    execFile(
      "mosquitto_sub",
      ["-h", "127.0.0.1", "-p", port, ...who, "-t", topic, "-C", "1", "-W", "30", "-F", "%t %x"],
      (error, out) => (error === null ? resolve(out) : reject(error)),
    );
  });
}
