import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, testManager } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-signing-"));
const file = (name: string): string => join(folder, name);
let manager: TestManager;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function run(args: readonly string[], url = manager.urls.http): Promise<Ran> {
  const environment = { ...process.env, COXSWAIN_URL: url, COXSWAIN_DATA_DIR: manager.folder };
  return new Promise((resolve) => {
    const options = { cwd: folder, env: environment };
    execFile(process.execPath, [cli, ...args], options, (error, out, err) =>
      resolve({ code: Number(error?.code ?? 0), out, err }),
    );
  });
}

/** The answer in JSON; what went wrong where it failed. */
async function json(args: readonly string[]): Promise<Record<string, unknown>> {
  const { out, err } = await run([...args, "--json"]);
  return JSON.parse(out === "" ? err : out) as Record<string, unknown>;
}

const half = randomBytes(3000);
const old = Buffer.concat([half, half, Buffer.from("version one")]);
const fresh = Buffer.concat([half, half, Buffer.from("version two")]);
const hex = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  writeFileSync(file("old.bin"), old);
  writeFileSync(file("new.bin"), fresh);
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

const create = ["update", "create", "new.bin", "--model", "sensor", "--version", "2.0.0"];

describe("signing an update on the command line", () => {
  test("is refused before anything is uploaded where the manager trusts nobody, or another", async () => {
    const made = await run(["update", "keygen", "vendor.pem"]);
    expect(made.out).toContain("coxswain update anchors add vendor.pub.pem");
    expect(statSync(file("vendor.pem")).mode & 0o777).toBe(0o600);
    expect((await run(["update", "keygen", "vendor.pem"])).err).toContain("There is a file vendor.pem already");
    // No private key is left of a pair that couldn't be written.
    writeFileSync(file("half.pub.pem"), "");
    expect((await run(["update", "keygen", "half.pem"])).err).toContain("There is a file half.pub.pem already");
    expect(existsSync(file("half.pem"))).toBe(false);
    expect(await json([...create, "--key", "vendor.pem"])).toMatchObject({ error: { code: "unknown-signer" } });
    expect(manager.app.artifacts.list()).toEqual([]);
    expect((await run(["update", "anchors", "list"])).out).toContain("There is no trust anchor");
    expect(await json(["update", "anchors", "add", "old.bin"])).toMatchObject({ error: { code: "bad-key" } });
  });

  test("is needed: an update that nobody signed isn't taken, by the command line or beside it", async () => {
    expect(await json(create)).toMatchObject({ error: { code: "signature-required" } });
    expect(manager.app.artifacts.list()).toEqual([]);
    const token = readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
    const body = { id: "bare", version: "2", model: "sensor", digest: `sha256:${hex(fresh)}`, size: fresh.length };
    const answer = await fetch(`${manager.urls.http}/api/v1/updates`, {
      ...{ method: "POST", body: JSON.stringify(body) },
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
    expect([answer.status, await answer.json()]).toMatchObject([422, { error: { code: "signature-required" } }]);
    expect(manager.app.updates.list()).toEqual([]);
  });

  test("is refused under a name that leaves no room for that of the way back", async () => {
    const long = [...create, "--key", "vendor.pem", "--id", "x".repeat(42)];
    const back = ["--revert-to", "old.bin", "--revert-version", "1.0.0"];
    expect(await json([...long, ...back])).toMatchObject({ error: { code: "usage" } });
  });

  test("makes variants, a way back, and nodes' anchors", async () => {
    expect((await run(["update", "anchors", "add", "vendor.pem", "--name", "release key"])).out).toContain(
      "release key",
    );
    const whole = [
      ...[...create, "--key", "vendor.pem", "--delta-from", "old.bin"],
      ...["--description", "two is better", "--revert-to", "old.bin", "--revert-version", "1.0.0"],
    ];
    const made = await run([...whole, "--sequence", "7", "--json"]);
    expect(made.err).toBe("");
    expect(made.out).toContain("no-node-of-model");
    // Its answer was lost: asked again it is the same update, whenever that is.
    const again = await json(whole);
    expect(again).toMatchObject({ isKnown: true, update: { sequence: 7 }, revert: { update: { sequence: 8 } } });
    const other = [...create, "--key", "vendor.pem"];
    expect(await json(other)).toMatchObject({ error: { code: "update-conflict" } });
    const view = JSON.parse(made.out) as Record<string, unknown>;
    expect(view).toMatchObject({
      state: "ready",
      update: { id: "sensor-2.0.0", digest: `sha256:${hex(fresh)}`, sequence: 7 },
      revert: { state: "ready", update: { id: "sensor-2.0.0-revert", digest: `sha256:${hex(old)}`, sequence: 8 } },
    });
    const inspected = await json(["update", "inspect", "sensor-2.0.0"]);
    expect(inspected).toMatchObject({ kind: "install", sequence: 7, signature: "good", size: fresh.length });
    const variants = inspected["variants"] as { kind: string; digest: string; window?: number; base?: string }[];
    expect(variants.map(({ kind }) => kind)).toEqual(["delta", "deflate", "full"]);
    expect(variants[0]?.base).toBe(`sha256:${hex(old)}`);
    // What is stored under a variant's digest is what it says.
    for (const { kind, digest } of variants.slice(1)) {
      const stored = manager.app.artifacts.open(digest);
      const bytes = await stored?.read(0, stored.size);
      expect(Buffer.from(kind === "full" ? bytes! : inflateRawSync(bytes!)).equals(fresh)).toBe(true);
    }
    const words = (await run(["update", "inspect", "sensor-2.0.0"])).out;
    for (const each of ["two is better", "good", "window 32768", "2.0.0"]) expect(words).toContain(each);
    expect((await run(["update", "list"])).out).toMatch(/sensor-2\.0\.0 .*ready/);
  });

  test("isn't done twice under a number that the fleet runs", async () => {
    const node = { id: "n1", model: "sensor", seq: 7, digest: `sha256:${hex(old)}`, slotSize: 1 << 20 };
    await manager.app.registry.register({
      manifest: node as never,
      path: { address: "127.0.0.1", port: 4000, family: 4 },
      ...{ identity: "claimed", contentFormat: 60, face: "register" },
    });
    const again = ["--sequence", "7", "--key", "vendor.pem", "--id", "again"];
    expect(await json([...create, ...again])).toMatchObject({ error: { code: "sequence-reused" } });
    writeFileSync(file("huge.bin"), randomBytes((1 << 20) + 1));
    const huge = ["update", "create", "huge.bin", "--model", "sensor", "--version", "9", "--no-deflate"];
    expect(await json([...huge, "--key", "vendor.pem"])).toMatchObject({ error: { code: "image-too-large" } });
    expect(manager.app.updates.find("again")).toBeUndefined();
  });

  test("needs no manager: a folder is made where the key is, by a program that has it, and uploaded elsewhere", async () => {
    const signer = ["--signer", "openssl dgst -sha256 -sign vendor.pem", "--public-key", "vendor.pub.pem"];
    const sign = ["update", "sign", "new.bin", "--model", "sensor", "--version", "3.0.0", "--sequence", "30"];
    const signed = await run([...sign, ...signer, "--out", "out"], "http://127.0.0.1:1");
    expect(signed.err).toBe("");
    expect(readdirSync(file("out"))).toHaveLength(3);
    const told = await json(["update", "inspect", "out"]);
    expect(told).toMatchObject({ sequence: 30, signature: "not checked" });
    await run(["update", "anchors", "export", "--out", "anchors.cbor"]);
    expect(await json(["update", "inspect", "out", "--anchors", "anchors.cbor"])).toMatchObject({ signature: "good" });
    const payload = file(`out/${hex(fresh)}.bin`);
    const spoilt = Buffer.from(fresh).fill(0, 0, 8);
    writeFileSync(payload, spoilt);
    const changed = await json(["update", "upload", "out"]);
    expect(changed).toMatchObject({
      error: { code: "payload-changed", message: expect.stringContaining(payload.slice(-20)) },
    });
    expect(manager.app.artifacts.find(`sha256:${hex(spoilt)}`)).toBeUndefined();
    writeFileSync(payload, fresh);
    expect(await json(["update", "upload", "out"])).toMatchObject({ state: "ready", update: { id: "sensor-3.0.0" } });
    // The wrong program: its signature isn't that key's.
    await run(["update", "keygen", "other.pem"]);
    const wrong = ["--signer", "openssl dgst -sha256 -sign other.pem", "--public-key", "vendor.pub.pem"];
    expect(await json([...sign, ...wrong, "--out", "out2"])).toMatchObject({ error: { code: "not-signed" } });
    const failing = ["--signer", "exit 3", "--public-key", "vendor.pub.pem"];
    expect(await json([...sign, ...failing, "--out", "out2"])).toMatchObject({
      error: { message: expect.stringContaining("ended with 3") },
    });
    expect(await json([...sign, "--signer", "true"])).toMatchObject({ error: { code: "usage" } });
    expect(await json(sign)).toMatchObject({ error: { code: "usage" } });
  });

  test("a changed file is found by inspect", async () => {
    const envelope = readFileSync(file("out/manifest.suit"));
    writeFileSync(file("cut.suit"), envelope.subarray(0, -1));
    expect(await json(["update", "inspect", "cut.suit"])).toMatchObject({ error: { code: "manifest-truncated" } });
    const at = envelope.indexOf(Buffer.from("f65840", "hex")) + 10;
    envelope[at] = (envelope[at] ?? 0) ^ 1;
    writeFileSync(file("forged.suit"), envelope);
    const forged = await run(["update", "inspect", "forged.suit", "--anchors", "anchors.cbor"]);
    expect([forged.code, forged.out]).toEqual([1, expect.stringContaining("bad-signature")]);
  });

  test("is encrypted where a key is given, and then the image itself isn't at the manager", async () => {
    writeFileSync(file("payload.key"), randomBytes(16));
    const secret = randomBytes(5000);
    writeFileSync(file("secret.bin"), secret);
    const args = ["update", "create", "secret.bin", "--model", "vault", "--version", "1", "--key", "vendor.pem"];
    expect(await json([...args, "--encrypt", "payload.key"])).toMatchObject({ state: "ready" });
    expect(manager.app.artifacts.find(`sha256:${hex(secret)}`)).toBeUndefined();
    const inspected = await json(["update", "inspect", "vault-1"]);
    expect((inspected["variants"] as { encrypted: boolean }[]).every(({ encrypted }) => encrypted)).toBe(true);
    expect(await json([...args, "--encrypt", "vendor.pem"])).toMatchObject({ error: { code: "bad-key" } });
  });

  test("takes one node back to what it ran, and gives nodes other keys, without an image", async () => {
    const back = ["update", "boot-previous", "old.bin", "--node", "n1", "--model", "sensor", "--version", "1.0.0"];
    expect(await json([...back, "--sequence", "7", "--key", "vendor.pem"])).toMatchObject({
      error: { code: "sequence-reused" },
    });
    expect(await json([...back, "--sequence", "8", "--key", "vendor.pem"])).toMatchObject({
      state: "ready",
      update: { id: "boot-previous-8", digest: `sha256:${hex(old)}`, targets: ["n1"] },
    });
    const replace = ["update", "anchors", "replace", "other.pem", "--model", "sensor", "--sequence", "1"];
    expect(await json([...replace, "--key", "other.pem"])).toMatchObject({ error: { code: "unknown-signer" } });
    expect(await json([...replace, "--key", "vendor.pem"])).toMatchObject({ state: "ready" });
    const told = await json(["update", "inspect", "anchors-1"]);
    expect(told).toMatchObject({
      kind: "anchors",
      signature: "good",
      anchors: [expect.stringMatching(/^[0-9a-f]{16}$/)],
    });
    expect(await json(replace)).toMatchObject({ error: { code: "usage" } });
  });

  test("is shown with what came of it at each node, and withdrawn", async () => {
    expect(await json(["update", "show", "none"])).toMatchObject({ error: { code: "unknown-update" } });
    expect(await json(["update", "withdraw", "none"])).toMatchObject({ error: { code: "unknown-update" } });
    expect((await run(["update", "show", "sensor-2.0.0"])).out).toContain("No node was offered it");
    const started = await run(["update", "start", "vault-1", "--node", "n1"]);
    expect([started.code, started.out]).toEqual([1, expect.stringContaining("wrong-model: `coxswain nodes`")]);
    expect((await run(["update", "start", "sensor-2.0.0", "--node", "n1"])).out).toContain("offered");
    const { attempt } = manager.app.attempts.find("sensor-2.0.0", "n1")!;
    await manager.app.attempts.report("n1", { ...attempt, state: "failed", reason: "unknown-signer" }, "coap");
    const shown = (await run(["update", "show", "sensor-2.0.0"])).out;
    expect(shown).toMatch(/n1 +failed +unknown-signer +(?:less than 1|\d+) s/);
    expect(shown).toMatch(/unknown-signer: The node has other trust anchors, or none\. Sign with .*[^.]\.\n$/);
    expect((await run(["update", "withdraw", "sensor-2.0.0"])).out).toContain("is withdrawn");
    expect(await json(["update", "start", "sensor-2.0.0", "--all"])).toMatchObject({
      error: { code: "update-withdrawn" },
    });
  });

  test("credentials bring a node its first anchors and its vendor", async () => {
    const added = await json(["node", "add", "n2"]);
    const { keySet } = await json(["update", "anchors", "list"]);
    expect(added["credentials"]).toMatchObject({ id: "n2", anchors: keySet, vendor: "coxswain.example" });
  });

  test("an API token neither adds an anchor nor takes one away", async () => {
    const made = await json(["token", "create", "--role", "admin", "--operator", "admin"]);
    const token = made["token"] as string;
    const ask = (method: string, path: string, body?: string) =>
      fetch(`${manager.urls.http}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body }),
      }).then((answer) => answer.status);
    expect(await ask("GET", "/anchors")).toBe(200);
    expect(await ask("POST", "/anchors", "{}")).toBe(403);
    expect(await ask("DELETE", "/anchors/00")).toBe(403);
  });
});
