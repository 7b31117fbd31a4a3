import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CreatedBatch } from "../../manager/app/api/batches.ts";
import { deviceKeys } from "../integration/enrolment-harness.ts";
import { type TestKeys, type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside } from "./manager-outside.ts";

const client = ".setup/peers/python/bin/aiocoap-client";
const isThere = existsSync(client);
if (!isThere) console.warn("Batches are not tried with aiocoap: npm run setup -- peers.");

describe.runIf(isThere)("a device of a batch with aiocoap", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-batch-aiocoap-"));
  const by = { kind: "operator", id: "test" } as const;
  let manager: TestManager;
  beforeAll(async () => {
    manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  });
  afterAll(async () => {
    await manager.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function batch(model: string): Promise<CreatedBatch> {
    const made = await manager.app.enrolments.batches.create({ model, limit: 10, lifeMs: 60_000 }, by);
    if (made === "full") throw new Error(made);
    return made;
  }

  function contextOf(keys: TestKeys, place: string): void {
    const base = join(folder, place);
    mkdirSync(base);
    const write = (name: string, value: unknown): void => writeFileSync(join(base, name), JSON.stringify(value));
    write("secret.json", { secret_hex: keys.masterSecret, salt_hex: keys.masterSalt });
    write("settings.json", {
      ...{ "sender-id_hex": keys.senderId, "recipient-id_hex": "", "id-context_hex": keys.idContext },
      ...{ algorithm: "AES-CCM-16-64-128", "kdf-hashfun": "sha256" },
    });
    write("aiocoap.json", { [`${manager.urls.coap}/*`]: { oscore: { basedir: `${base}/` } } });
  }

  async function ask(place: string, path: string, ...more: string[]): Promise<string> {
    const asked = ["--credentials", join(folder, place, "aiocoap.json"), ...more, `${manager.urls.coap}${path}`];
    const { out, err } = await runOutside(client, asked);
    return `${out.toString("latin1")}${err}`;
  }
  const enrol = (place: string): Promise<string> => ask(place, "/enrol", "-m", "POST");
  /** The refusal comes in the open, since no context protects it; aiocoap complains of that. */
  const isStranger = /NotAProtectedMessage/;

  test("a foreign key, another hardware id and a revoked batch are strangers", async () => {
    const made = await batch("gate");
    const own = deviceKeys(made.batch, made.key, "1");
    contextOf(deviceKeys(made.batch, "00".repeat(32), "1"), "foreign");
    contextOf({ ...own, idContext: "32" }, "other");
    contextOf(own, "own");
    expect(await enrol("foreign")).toMatch(isStranger);
    expect(await enrol("other")).toMatch(isStranger);
    expect(await enrol("own")).toMatch(/gate-1[\s\S]*masterSecret/);
    await manager.app.enrolments.batches.revoke(made.batch, false, by);
    expect(await enrol("own")).toMatch(isStranger);
  });

  test("a device gets its credentials and nothing else, again until it used them, and not by a replay", async () => {
    const made = await batch("lamp");
    const keys = deviceKeys(made.batch, made.key, "sn-1");
    contextOf(keys, "lamp");
    for (const path of ["/nodes", "/environment", "/nodes/lamp-sn-1", "/system/config"]) {
      expect(await ask("lamp", path), path).toContain("4.03");
    }
    const answers = [await enrol("lamp"), await enrol("lamp")];
    expect(answers[0]).toMatch(/lamp-sn-1[\s\S]*masterSecret/);
    expect(answers[1]).toBe(answers[0]);
    // Without the numbers that were used already: a recorded request would look the same.
    contextOf(keys, "numbers-lost");
    expect(await enrol("numbers-lost")).toMatch(isStranger);
    const [credential] = await manager.app.credentials.list("lamp-sn-1");
    manager.app.credentials.keyring.used(Number.parseInt(credential?.kid ?? "", 16));
    expect(await enrol("lamp")).toContain("4.03");
  });
});
