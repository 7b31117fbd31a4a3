import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { afterEach, expect, test } from "vitest";
import type { CoapResponse } from "../../coap/client-types.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { codeText, type Method } from "../../coap/message.ts";
import type { Route } from "../../coap/route.ts";
import { type DtlsSecurity, dtlsSecurity } from "../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import type { CredentialScheme } from "../../manager/domain/node-credential.ts";
import { type Certificate, hasDtls, TestCa } from "./dtls-harness.ts";
import { issueKeys, soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const hasAddon = hasDtls();
const operator = { kind: "operator", id: "test" } as const;
const port = (manager: TestManager): number => Number(new URL(manager.urls.coaps ?? "").port);

let manager: TestManager | undefined;
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop();
  await manager?.end();
  manager = undefined;
});

async function started(flags: Readonly<Record<string, string | boolean>> = {}): Promise<TestManager> {
  manager = await testManager({ flags: { insecure: false, ...flags } });
  return manager;
}

type Client = NonNullable<DtlsOptions["client"]>;

/** A node that speaks DTLS: its requests, and what it serves. */
class DtlsNode {
  readonly dtls: DtlsSecurity;
  readonly endpoint: CoapEndpoint;
  readonly #port: number;

  private constructor(managerPort: number, options: Partial<DtlsOptions>, routes: readonly Route[]) {
    this.#port = managerPort;
    this.dtls = dtlsSecurity({ clock: systemClock, log: silentLog, ...options });
    this.endpoint = new CoapEndpoint({
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      ...{ security: this.dtls, clock: systemClock, entropy: systemEntropy, log: silentLog },
    });
    for (const route of routes) this.endpoint.route(route);
  }

  static async start(
    managerPort: number,
    options: Partial<DtlsOptions>,
    routes: readonly Route[] = [],
  ): Promise<DtlsNode> {
    const node = new DtlsNode(managerPort, options, routes);
    open.push(node.endpoint);
    await node.endpoint.start();
    return node;
  }

  async ask(method: Method, target: string, body?: unknown, signal?: AbortSignal): Promise<CoapResponse> {
    const [path = "", query] = target.split("?");
    return await this.endpoint.request({
      to: { address: "127.0.0.1", port: this.#port },
      method,
      path: path.split("/").slice(1),
      queries: query?.split("&"),
      ...(body === undefined ? {} : { payload: new TextEncoder().encode(JSON.stringify(body)), contentFormat: 50 }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Its code, or `silence` when nothing comes in two seconds. */
  async code(method: Method, target: string, body?: unknown): Promise<string> {
    const answer = this.ask(method, target, body, AbortSignal.timeout(2_000));
    return await answer.then(({ code }) => codeText(code)).catch(() => "silence");
  }
}

async function issue(node: string, scheme: CredentialScheme) {
  const outcome = await manager?.app.credentials.issue(node, operator, scheme);
  if (outcome?.kind !== "issued") throw new Error(outcome?.kind);
  return outcome;
}

/** What a node with a new pre-shared key opens its session with. */
async function psk(node: string): Promise<Partial<DtlsOptions>> {
  const { secrets, identity = "" } = await issue(node, "psk");
  if (secrets.scheme !== "psk") throw new Error(secrets.scheme);
  return { client: { psk: { identity, key: Uint8Array.from(secrets.key) } } };
}

const serverName = (): string => "127.0.0.1";
const byCertificate = (own: { cert: string; key: string }, ca: string): Partial<DtlsOptions> => ({
  ...{ certificate: own, trust: { ca }, client: { serverName } satisfies Client },
});

const dtlsCounter = async (name: string): Promise<number> => {
  const { signIn, urls } = manager ?? {};
  const token = readFileSync(signIn?.tokenFile ?? "", "utf8").trim();
  const response = await fetch(`${urls?.http}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const line = (await response.text()).split("\n").find((each) => each.startsWith(`${name} `));
  if (line === undefined) throw new Error(`${name} is not on /metrics`);
  return Number(line.split(" ")[1]);
};

test.runIf(hasAddon)("a wrong key and an unknown identity get no answer, and neither has a session", async () => {
  const { app } = await started();
  const good = await psk("porch");
  const { identity = "" } = good.client?.psk ?? {};
  for (const client of [
    { psk: { identity, key: new Uint8Array(24) } },
    { psk: { identity: "stranger", key: new Uint8Array(24) } },
    { psk: { identity: "/0a0b0c0d", key: new Uint8Array(24) } },
  ]) {
    const node = await DtlsNode.start(port(manager as TestManager), { client });
    expect(await node.code("POST", "/register", { id: "porch" })).toBe("silence");
  }
  expect(await app.registry.find("porch")).toBeUndefined();
  expect(await dtlsCounter("coxswain_dtls_sessions")).toBe(0);
  expect(await dtlsCounter("coxswain_dtls_psk_identities_unknown_total")).toBe(2);
});

test.runIf(hasAddon)("a node with a PSK registers, is called down its session, and acts for itself alone", async () => {
  const { app } = await started();
  const served: string[] = [];
  const health: Route = {
    ...{ method: "GET", path: "/health", replay: "again" },
    answer(request, reply) {
      served.push(request.peer.address);
      reply.payload = new TextEncoder().encode('{"health":"healthy"}');
      reply.contentFormat = 50;
    },
  };
  const node = await DtlsNode.start(port(manager as TestManager), await psk("porch"), [health]);
  expect(await node.code("POST", "/register", { id: "porch", model: "m" })).toBe("2.01");
  expect(await app.registry.find("porch")).toMatchObject({ identity: "credential", presence: { state: "online" } });
  expect(await node.code("GET", "/environment")).toBe("2.05");
  expect(await node.code("POST", "/register", { id: "garden" })).toBe("4.03");
  expect(await node.code("PUT", "/nodes/garden/health", { health: "healthy" })).toBe("4.03");
  expect(app.credentials.counters().otherIdentities).toBe(2);
  const { answered } = await app.statusNow.ask(["porch"], { deadlineMs: 5_000 });
  expect(answered.map((each) => each.node)).toEqual(["porch"]);
  expect(served.length).toBeGreaterThan(0);
});

test.runIf(hasAddon)("revoked, a node's session is over at its next datagram, and it gets no other", async () => {
  const { app } = await started();
  const keys = await psk("porch");
  const node = await DtlsNode.start(port(manager as TestManager), keys);
  expect(await node.code("POST", "/register", { id: "porch" })).toBe("2.01");
  expect(await dtlsCounter("coxswain_dtls_sessions")).toBe(1);
  await app.credentials.revoke("porch", operator);
  expect(await dtlsCounter("coxswain_dtls_sessions")).toBe(0);
  expect(await node.code("GET", "/environment")).toBe("silence");
  const again = await DtlsNode.start(port(manager as TestManager), keys);
  expect(await again.code("GET", "/environment")).toBe("silence");
});

test.runIf(hasAddon)(
  "a second key is good beside the first until its first use, which ends the first one's session",
  async () => {
    const { app } = await started();
    const first = await DtlsNode.start(port(manager as TestManager), await psk("porch"));
    expect(await first.code("POST", "/register", { id: "porch" })).toBe("2.01");
    // Replaced before its use: the session goes on.
    await psk("porch");
    const keys = await psk("porch");
    expect(keys.client?.psk?.identity).toMatch(/^\/[0-9a-f]{8}$/);
    expect(await first.code("GET", "/environment")).toBe("2.05");
    const second = await DtlsNode.start(port(manager as TestManager), keys);
    expect(await second.code("GET", "/environment")).toBe("2.05");
    expect(await first.code("GET", "/environment")).toBe("silence");
    expect(await app.credentials.list("porch")).toHaveLength(3);
    // From one scheme to another as well.
    const oscore = await TestPeer.start(
      (manager as TestManager).coapPort,
      [],
      await issueKeys(manager as TestManager, "porch"),
    );
    expect((await oscore.ask("GET", "/environment")).code).toBe("2.05");
    expect(await second.code("GET", "/environment")).toBe("silence");
    await oscore.end();
  },
);

test.runIf(hasAddon)("a certificate of the manager's own CA is one credential of one node", async () => {
  const { app } = await started();
  const { certificate } = await issue("porch", "x509");
  if (certificate === undefined) throw new Error("no certificate");
  const own = { cert: certificate.certificate, key: certificate.key ?? "" };
  const node = await DtlsNode.start(port(manager as TestManager), byCertificate(own, certificate.ca));
  expect(await node.code("POST", "/register", { id: "porch" })).toBe("2.01");
  expect(await node.code("POST", "/register", { id: "garden" })).toBe("4.03");
  await app.credentials.revoke("porch", operator);
  expect(await node.code("GET", "/environment")).toBe("silence");
  // A new one doesn't bring the old one back.
  await issue("porch", "x509");
  const old = await DtlsNode.start(port(manager as TestManager), byCertificate(own, certificate.ca));
  expect(await old.code("GET", "/environment")).toBe("silence");
});

test.runIf(hasAddon)(
  "with a given CA the nodes that were added come in, by a certificate of it that is good",
  async () => {
    const [ca, stranger] = [new TestCa(), new TestCa()];
    try {
      const server = ca.issue("IP:127.0.0.1");
      const revoked = ca.issue("URI:urn:coxswain:node:porch");
      const crl = `${ca.caFile}.crl`;
      writeFileSync(crl, ca.revoke(revoked));
      const files = { "coaps.certificate": server.certFile, "coaps.key": server.keyFile, "coaps.ca": ca.caFile };
      await started({ ...files, "coaps.crl": crl });
      const come = async (own: Certificate): Promise<string> => {
        const node = await DtlsNode.start(port(manager as TestManager), byCertificate(own, ca.ca));
        return await node.code("POST", "/register", { id: "porch" });
      };
      const good = ca.issue("URI:urn:coxswain:node:porch");
      expect(await come(good)).toBe("silence");
      const { certificate } = await issue("porch", "x509");
      expect(certificate).toBeUndefined();
      expect(await come(good)).toBe("2.01");
      expect(await come(revoked)).toBe("silence");
      expect(await come(ca.issue("URI:urn:coxswain:node:porch", { to: "20210101000000Z" }))).toBe("silence");
      expect(await come(ca.issue("URI:urn:coxswain:node:garden"))).toBe("silence");
      expect(await come(ca.issue("URI:urn:coxswain:node:porch,URI:urn:coxswain:node:garden"))).toBe("silence");
      expect(await come(ca.issue("DNS:porch"))).toBe("silence");
      expect(await come(stranger.issue("URI:urn:coxswain:node:porch"))).toBe("silence");
    } finally {
      ca.remove();
      stranger.remove();
    }
  },
);

test.runIf(hasAddon)(
  "a list of the given CA that names a node ends its DTLS session and its connection to the broker, and a damaged list ends nothing",
  async () => {
    const ca = new TestCa();
    try {
      const server = ca.issue("IP:127.0.0.1");
      const crl = `${ca.caFile}.crl`;
      writeFileSync(crl, ca.revoke());
      const files = { "coaps.certificate": server.certFile, "coaps.key": server.keyFile, "coaps.ca": ca.caFile };
      const tls = { "tls.mode": "on", "tls.certificate": server.certFile, "tls.key": server.keyFile };
      const ports = { "https.port": "0", "mqtts.port": "0" };
      const running = await started({ ...files, ...tls, ...ports, "coaps.crl": crl });
      const come = async (id: string) => {
        const own = ca.issue(`URI:urn:coxswain:node:${id}`);
        await issue(id, "x509");
        const node = await DtlsNode.start(port(running), byCertificate(own, ca.ca));
        expect(await node.code("POST", "/register", { id })).toBe("2.01");
        expect(await node.code("GET", "/environment")).toBe("2.05");
        const at = { clientId: id, cert: own.cert, key: own.key, ca: ca.ca, reconnectPeriod: 0 };
        const client = await connectAsync(running.urls.mqtts ?? "", at);
        client.on("error", () => {});
        open.push({ stop: async () => client.endAsync(true) });
        return { own, node, client };
      };
      const [lost, kept] = [await come("porch"), await come("garden")];
      writeFileSync(crl, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
      running.reload();
      expect(await lost.node.code("GET", "/environment")).toBe("2.05");
      const closed = new Promise<void>((resolve) => lost.client.once("close", () => resolve()));
      writeFileSync(crl, ca.revoke(lost.own));
      running.reload();
      await closed;
      expect(await lost.node.code("GET", "/environment")).toBe("silence");
      expect(await kept.node.code("GET", "/environment")).toBe("2.05");
      expect(kept.client.connected).toBe(true);
    } finally {
      ca.remove();
    }
  },
);

test("without DTLS its credentials are refused by their name, and CoAP goes on", async () => {
  const { urls, signIn } = await started({ dtls: false });
  expect(urls.coaps).toBeUndefined();
  const response = await fetch(`${urls.http}/api/v1/nodes/porch/credentials`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${readFileSync(signIn?.tokenFile ?? "", "utf8").trim()}`,
      "content-type": "application/json",
    },
    body: '{"scheme":"psk"}',
  });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ error: { code: "no-dtls" } });
  expect(
    await soon(
      () => manager?.app.credentials.has("porch"),
      (has) => has === false,
    ),
  ).toBe(false);
});

test.runIf(hasAddon)(
  "RFC 9176 5, 5.1: the base of a node that comes by DTLS is coaps, and it is asked there for its links",
  async () => {
    await started();
    const served: Route = {
      ...{ method: "GET", path: "/soil", replay: "again", attributes: { rt: "moisture" } },
      answer: () => {},
    };
    const node = await DtlsNode.start(port(manager as TestManager), await psk("plant"), [served]);
    const { port: own } = node.endpoint.address();
    expect(await node.code("POST", "/.well-known/rd")).toBe("2.04");
    const text = async (target: string) => new TextDecoder().decode((await node.ask("GET", target)).payload);
    expect(await text("/rd-lookup/res")).toBe(`<coaps://127.0.0.1:${own}/soil>;rt="moisture"`);
    expect(await text("/rd-lookup/ep")).toContain(`base="coaps://127.0.0.1:${own}"`);
    expect(await text(`/rd-lookup/ep?href=coaps://127.0.0.1:${port(manager as TestManager)}/rd/plant`)).toContain(
      "plant",
    );
    expect(await node.code("POST", "/register", { id: "plant", model: "pot" })).toBe("2.04");
    expect(await text("/rd-lookup/ep")).toContain(`base="coaps://127.0.0.1:${own}"`);
  },
);

test("without the native addon the manager says how to get it, and serves CoAP", async () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-no-addon-"));
  // The addon is for Linux: elsewhere there is none.
  const elsewhere = "data:text/javascript,Object.defineProperty(process,'platform',{value:'elsewhere'})";
  const program = join(import.meta.dirname, "../../manager/main.ts");
  const ports = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0"];
  const more = ["--no-mdns", "--no-discovery", "--json", "--data-dir", folder];
  const child = spawn(process.execPath, ["--import", elsewhere, program, ...ports, ...more]);
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk) => {
    out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await soon(
      () => err,
      (text) => text.includes("no CoAP over DTLS: the native addon isn't there"),
    );
    const { coap, coaps } = JSON.parse(out.split("\n")[0] ?? "") as { coap: string; coaps?: string };
    expect(coaps).toBeUndefined();
    expect(err).toContain("node coap/native/build.mjs");
    const peer = await TestPeer.start(Number(new URL(coap).port));
    expect((await peer.ask("GET", "/.well-known/core")).code).toBe("2.05");
    await peer.end();
  } finally {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
});
