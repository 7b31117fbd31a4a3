import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Code } from "../../../coap/message.ts";
import { dtlsSecurity } from "../../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../../coap/security/dtls-options.ts";
import { silentLog } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { cborFormat, encode } from "../../../schemas/wire/codec.ts";
import { type Certificate, hasDtls, identityOf, TestCa } from "../dtls-harness.ts";
import {
  buildFolder,
  requireBuild,
  type SupervisedNode,
  sha256,
  stamp,
  temporaryFolder,
  withNodes,
} from "../supervisor/supervised-node.ts";
import { SecureManager } from "./secure-manager.ts";

const nodeImage = join(buildFolder, "cxnode-node-dtls");
const plainImage = join(buildFolder, "cxnode-node");
const pskKey = "000102030405060708090a0b0c0d0e0f";

let ca: TestCa;
let stranger: TestCa;
let nodeCertificate: Certificate;
let manager: SecureManager | undefined;

beforeAll(() => {
  requireBuild();
  ca = new TestCa();
  stranger = new TestCa();
  nodeCertificate = ca.issue("URI:urn:coxswain:node:n1");
});
afterEach(async () => {
  await manager?.stop();
  manager = undefined;
});
afterAll(() => {
  ca?.remove();
  stranger?.remove();
});

async function startManager(options: Partial<DtlsOptions>, port = 0): Promise<SecureManager> {
  const security = dtlsSecurity({ clock: systemClock, log: silentLog, ...options });
  manager = await SecureManager.start({ security, port });
  return manager;
}

const withPsk: Partial<DtlsOptions> = {
  server: {
    pskOf: (identity) => (identity === "n1" ? Uint8Array.from(Buffer.from(pskKey, "hex")) : undefined),
    identityOf,
  },
};

const withCertificate = (own: Certificate, trusted = ca.ca): Partial<DtlsOptions> => ({
  server: { identityOf },
  certificate: own,
  trust: { ca: trusted },
});

function writeCredentials(dtls: unknown): string {
  const file = join(temporaryFolder(), "credentials.json");
  writeFileSync(file, JSON.stringify({ id: "n1", dtls }));
  chmodSync(file, 0o600);
  return file;
}

const psk = (key = pskKey) => ({ psk: { identity: "n1", key } });
const x509 = (own = nodeCertificate, trusted = ca.ca) => ({ certificate: own.cert, key: own.key, ca: trusted });

type Start = (flags: readonly string[]) => SupervisedNode;

function startNode(
  start: Start,
  port: number,
  dtls: unknown,
  flags: readonly string[] = [],
  host = "127.0.0.1",
): SupervisedNode {
  const own = ["--credentials", writeCredentials(dtls), "--manager", `coaps://${host}:${port}`, "--interface", "lo"];
  return start([...own, "--image", nodeImage, ...flags]);
}

const isHeard = (heard: SecureManager["heard"]) => heard.manifests.length > 0 && heard.reports.length > 1;

test.runIf(hasDtls())("a node with a PSK registers and beats inside DTLS, and is steered there", () =>
  withNodes(async (start) => {
    const { heard, port, endpoint, until } = await bound(withPsk);
    const node = startNode(start, port, psk());
    await node.line(/dtls: TLS-PSK-WITH-AES-128-CCM-8/);
    await until(isHeard);
    expect(heard.identities[0]).toEqual({ kind: "node", id: "n1", scheme: "psk" });
    const to = manager?.node ?? { address: "", port: 0 };
    const mode = encode("mode", { mode: "maintenance" }, cborFormat);
    const put = { to, method: "PUT", path: ["mode"], payload: mode, contentFormat: cborFormat } as const;
    expect((await endpoint.request(put)).code).toBe(Code.changed);
    await until((said) => said.reports.some((report) => report.phase === "maintenance"));
    expect(node.lines.join("\n")).not.toContain(pskKey);
  }),
);

test.runIf(hasDtls())("certificates on both sides are checked, and the node is who its certificate says", () =>
  withNodes(async (start) => {
    const { heard, port, until } = await bound(withCertificate(ca.issue("IP:127.0.0.1")));
    const node = startNode(start, port, x509());
    await node.line(/dtls: TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8/);
    await until(isHeard);
    expect(heard.identities[0]).toEqual({ kind: "node", id: "n1", scheme: "x509" });
  }),
);

test.runIf(hasDtls())("the name that was asked for is the one that the certificate must have", () =>
  withNodes(async (start) => {
    const { port, until } = await bound(withCertificate(ca.issue("DNS:localhost")));
    startNode(start, port, x509(), [], "localhost");
    await until(isHeard);
  }),
);

test.runIf(hasDtls())("an image comes by blocks inside DTLS, and the new one has the same keys", () =>
  withNodes(async (start, folder) => {
    const { port, until } = await bound(withPsk);
    const next = stamp(nodeImage, "1.1.0", folder);
    const hex = sha256(next);
    if (manager === undefined) throw new Error("no manager");
    manager.artifact = { hex, body: readFileSync(next) };
    const uris = [`coap://127.0.0.1:${port}/artifacts/${hex}`];
    const size = manager.artifact.body.length;
    const digest = `sha256:${hex}`;
    manager.action = { rev: 1, kind: "update", update: "next", attempt: "a1", uris, size, digest, version: "1.1.0" };
    startNode(start, port, psk(), ["--prefer", "coap"]);
    await until((heard) => heard.reports.some((report) => report.digest === digest && report.confirmed === true));
  }),
);

test.runIf(hasDtls())("a manager that forgot the session gets a new handshake", () =>
  withNodes(async (start) => {
    const first = await bound(withPsk);
    const node = startNode(start, first.port, psk());
    await first.until(isHeard);
    // It goes without a word, as in a crash, and comes back knowing nothing.
    await manager?.vanish();
    const second = await bound(withPsk, first.port);
    await second.until((heard) => heard.reports.length > 1, 60_000);
    await node.line(/dtls: nothing was heard for a while/);
    await node.line(/dtls: TLS-PSK/);
  }),
);

const refusals: readonly [string, () => Partial<DtlsOptions>, () => unknown, RegExp][] = [
  ["a wrong PSK", () => withPsk, () => psk("ff".repeat(16)), /dtls: .*(doesn't answer|refused|failed)/],
  [
    "a manager with the certificate of another CA",
    () => withCertificate(stranger.issue("IP:127.0.0.1")),
    () => x509(),
    /dtls: the manager's certificate isn't of our CA/,
  ],
  [
    "a manager with a certificate for another name",
    () => withCertificate(ca.issue("IP:192.0.2.1,DNS:elsewhere")),
    () => x509(),
    /dtls: the manager's certificate is for another name/,
  ],
  [
    "another node in the manager's place",
    () => withCertificate(ca.issue("URI:urn:coxswain:node:n2")),
    () => x509(),
    /dtls: the manager's certificate is for another name/,
  ],
  [
    "a manager whose certificate has run out",
    () => withCertificate(ca.issue("IP:127.0.0.1", { to: "20210101000000Z" })),
    () => x509(),
    /dtls: the manager's certificate isn't valid at this time/,
  ],
];

test.runIf(hasDtls()).each(refusals)("nothing is said to %s", (_what, options, credentials, says) =>
  withNodes(async (start) => {
    const { heard, port } = await bound(options());
    const node = startNode(start, port, credentials());
    // A server that keeps silent is waited for, for longer than a line is.
    await node.line(says).catch(() => node.line(says));
    expect(heard.identities).toEqual([]);
  }),
);

test("an image without DTLS refuses keys for it, and says nothing in the clear", () =>
  withNodes(async (start) => {
    const { heard, port } = await bound({ ...withPsk });
    const node = startNode(start, port, psk(), ["--image", plainImage]);
    await node.line(/this image is built without DTLS: install cxnode-node-dtls instead/);
    expect(heard.identities).toEqual([]);
  }));

test("coaps:// without keys for DTLS, and DTLS keys alone with coap://, are refused at the start", () =>
  withNodes(async (start) => {
    const bare = start(["--manager", "coaps://127.0.0.1", "--image", nodeImage]);
    await bare.line(/hold no dtls, which coaps:\/\/ needs/);
    expect(await bare.exit).toBe(64);
    const plain = start([
      "--manager",
      "coap://127.0.0.1",
      "--image",
      nodeImage,
      "--credentials",
      writeCredentials(psk()),
    ]);
    await plain.line(/hold dtls alone: the manager is coaps:\/\/HOST/);
    expect(await plain.exit).toBe(64);
  }));

async function bound(options: Partial<DtlsOptions>, port = 0) {
  const made = await startManager(options, port);
  return { heard: made.heard, port: made.port, endpoint: made.endpoint, until: made.until.bind(made) };
}
