import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { qrCode } from "../../manager/cli/qr-code.ts";
import { hasDtls, TestCa } from "./dtls-harness.ts";
import { type TestManager, testManager } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-add-"));
const hasAddon = hasDtls();
let manager: TestManager;
let withCa: TestManager | undefined;
let ca: TestCa;

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false } });
  ca = new TestCa();
  if (!hasAddon) return;
  const server = ca.issue("IP:127.0.0.1");
  const files = { "coaps.certificate": server.certFile, "coaps.key": server.keyFile, "coaps.ca": ca.caFile };
  withCa = await testManager({ flags: { insecure: false, ...files } });
});
afterAll(async () => {
  await manager.end();
  await withCa?.end();
  ca.remove();
  rmSync(folder, { recursive: true, force: true });
});

function add(
  words: readonly string[],
  to: TestManager = manager,
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const env = { ...process.env, COXSWAIN_URL: to.urls.http, COXSWAIN_DATA_DIR: to.folder };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, "node", "add", ...words], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

test("two ids and two schemes are refused before anything is made", async () => {
  const ids = await add(["porch", "--id", "garden"]);
  expect([ids.code, ids.err]).toEqual([2, expect.stringContaining("Give one id")]);
  const schemes = await add(["porch", "--psk", "--x509"]);
  expect([schemes.code, schemes.err]).toEqual([2, expect.stringContaining("--psk and --x509 exclude each other")]);
  expect(existsSync(join(folder, "porch.credentials.json"))).toBe(false);
  expect(manager.app.credentials.has("porch")).toBe(false);
});

test("keys for DTLS from a manager without it are refused, and no file is left", async () => {
  const without = await testManager({ flags: { insecure: false, dtls: false } });
  const { code, err } = await add(["cellar", "--psk"], without);
  await without.end();
  expect([code, err]).toEqual([1, expect.stringContaining("which this manager doesn't speak")]);
  expect(existsSync(join(folder, "cellar.credentials.json"))).toBe(false);
});

test("--help says what each scheme is for", async () => {
  const { out } = await add(["--help"]);
  for (const words of ["--oscore", "--psk", "--x509", "cxnode-node-dtls", "urn:coxswain:node:ID", "Examples:"]) {
    expect(out).toContain(words);
  }
});

test("--qr shows what the node needs as a code; nothing does so where the output isn't a terminal, nor with --json", async () => {
  const { out } = await add(["lamp", "--qr"]);
  const credentials: unknown = JSON.parse(readFileSync(join(folder, "lamp.credentials.json"), "utf8"));
  const code = await qrCode(JSON.stringify({ manager: manager.urls.coap, credentials }));
  expect(code).toBeDefined();
  expect(out).toContain(code);
  expect(out).toContain(`--manager ${manager.urls.coap} --credentials lamp.credentials.json`);
  expect((await add(["desk"])).out).not.toContain("█");
  expect((await add(["sofa", "--no-qr"])).out).not.toContain("█");
  expect(Object.keys(JSON.parse((await add(["roof", "--qr", "--json"])).out) as object)).toEqual(
    expect.arrayContaining(["id", "credentials", "command"]),
  );
});

test.runIf(hasAddon)("--qr with a certificate says that it is too much for a code", async () => {
  const { out } = await add(["well", "--x509", "--qr"]);
  expect(out).toContain("more than a QR code in a terminal holds");
  expect(out).not.toContain("█");
});

test.runIf(hasAddon)(
  "--psk writes a key whose identity is the node's id, and the command that starts the node with it",
  async () => {
    const { out } = await add(["porch", "--psk"]);
    expect(out).toContain(`cxnode --id porch --manager ${manager.urls.coaps} --credentials porch.credentials.json`);
    const file = join(folder, "porch.credentials.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
      id: "porch",
      dtls: { psk: { identity: "porch", key: expect.stringMatching(/^[0-9a-f]{48}$/) } },
    });
  },
);

test.runIf(hasAddon)("--x509 writes a certificate of the manager's CA with its key", async () => {
  const { out } = await add(["shed", "--x509", "--json"]);
  const {
    credentials,
    manager: url,
    scheme,
  } = JSON.parse(out) as {
    readonly scheme: string;
    readonly manager: string;
    readonly credentials: {
      readonly dtls: { readonly certificate: string; readonly key: string; readonly ca: string };
    };
  };
  const made = new X509Certificate(credentials.dtls.certificate);
  expect([scheme, url]).toEqual(["x509", manager.urls.coaps]);
  expect(made.subjectAltName).toBe("URI:urn:coxswain:node:shed");
  expect(made.verify(new X509Certificate(credentials.dtls.ca).publicKey)).toBe(true);
  expect(credentials.dtls.key).toContain("PRIVATE KEY");
});

test.runIf(hasAddon)(
  "with a given CA --x509 says what the node's certificate must have, and leaves no file",
  async () => {
    const { out, code } = await add(["attic", "--x509"], withCa);
    expect(code).toBe(0);
    expect(out).toContain("subjectAltName = URI:urn:coxswain:node:attic");
    expect(out).toContain(withCa?.urls.coaps);
    expect(existsSync(join(folder, "attic.credentials.json"))).toBe(false);
    const told = await add(["loft", "--x509", "--json"], withCa);
    expect(JSON.parse(told.out)).toMatchObject({
      id: "loft",
      credentials: null,
      subjectAltName: "URI:urn:coxswain:node:loft",
    });
  },
);
