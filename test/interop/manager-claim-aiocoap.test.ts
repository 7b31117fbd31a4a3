import { hkdfSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside } from "./manager-outside.ts";

const client = ".setup/peers/python/bin/aiocoap-client";
const isThere = existsSync(client);
if (!isThere) console.warn("Claim codes are not tried with aiocoap: npm run setup -- peers.");

describe.runIf(isThere)("a device that enrols with aiocoap", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-claim-aiocoap-"));
  const by = { kind: "operator", id: "test" } as const;
  let manager: TestManager;
  beforeAll(async () => {
    manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  });
  afterAll(async () => {
    await manager.end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The files of aiocoap for a code, by the reference page alone. */
  function contextOf(code: string, place: string): void {
    const hex = Buffer.from(hkdfSync("sha256", code.replaceAll("-", ""), "", "coxswain-claim", 30)).toString("hex");
    const base = join(folder, place);
    mkdirSync(base);
    const write = (name: string, value: unknown): void => writeFileSync(join(base, name), JSON.stringify(value));
    write("secret.json", { secret_hex: hex.slice(0, 32), salt_hex: hex.slice(32, 48) });
    write("settings.json", {
      ...{ "sender-id_hex": hex.slice(48), "recipient-id_hex": "" },
      ...{ algorithm: "AES-CCM-16-64-128", "kdf-hashfun": "sha256" },
    });
    write("aiocoap.json", { [`${manager.urls.coap}/*`]: { oscore: { basedir: `${base}/` } } });
  }

  async function claim(node: string, place: string): Promise<{ readonly claim: string; readonly code: string }> {
    const made = await manager.app.enrolments.createClaim(node, 60_000, by);
    if (made === "full") throw new Error(made);
    contextOf(made.code, place);
    return made;
  }

  async function ask(place: string, path: string, ...more: string[]): Promise<string> {
    const asked = ["--credentials", join(folder, place, "aiocoap.json"), ...more, `${manager.urls.coap}${path}`];
    const { out, err } = await runOutside(client, asked);
    return `${out.toString("latin1")}${err}`;
  }
  const enrol = (place: string): Promise<string> => ask(place, "/enrol", "-m", "POST");
  /** The refusal comes in the open, since no context protects it; aiocoap complains of that. */
  const isStranger = /NotAProtectedMessage/;

  test("a wrong code and a revoked one are strangers", async () => {
    contextOf("00000-00000-00000-00000", "wrong");
    expect(await enrol("wrong")).toMatch(isStranger);
    const { claim: id } = await claim("gate", "revoked");
    await manager.app.enrolments.revokeClaim(id, by);
    expect(await enrol("revoked")).toMatch(isStranger);
  });

  test("nothing but enrolment is open to it, not a replay either, and that until what it got was used", async () => {
    const { code } = await claim("lamp", "lamp");
    for (const path of ["/nodes", "/environment", "/nodes/lamp", "/system/config"]) {
      expect(await ask("lamp", path), path).toContain("4.03");
    }
    const answers = [await enrol("lamp"), await enrol("lamp")];
    expect(answers[0]).toMatch(/lamp[\s\S]*masterSecret/);
    expect(answers[1]).toBe(answers[0]);
    // Without the numbers that were used already: a recorded request would look the same.
    contextOf(code, "numbers-lost");
    expect(await enrol("numbers-lost")).toMatch(isStranger);
    const [credential] = await manager.app.credentials.list("lamp");
    manager.app.credentials.keyring.used(Number.parseInt(credential?.kid ?? "", 16));
    expect(await enrol("lamp")).toMatch(/4\.03|NotAProtectedMessage/);
  });
});
