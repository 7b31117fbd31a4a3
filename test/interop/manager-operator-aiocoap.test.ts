import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside, startOutside } from "./manager-outside.ts";

const client = ".setup/peers/python/bin/aiocoap-client";
const isThere = existsSync(client);
if (!isThere) console.warn("Operators are not tried with aiocoap: npm run setup -- peers.");
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

describe.runIf(isThere)("an operator on CoAP, by aiocoap with the files of `coxswain operator credential`", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-aiocoap-"));
  const by = { kind: "operator", id: "test" } as const;
  let manager: TestManager;

  beforeAll(async () => {
    manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
    const { operators, labels, registry } = manager.app;
    await operators.add("vera", "viewer", [], by);
    await operators.add("hanna", "operator", ["site:harbour"], by);
    await operators.add("adam", "admin", [], by);
    for (const id of ["crane", "lamp"] as const) {
      await registry.register({
        manifest: { id, model: "sensor" } as never,
        path: { address: "127.0.0.1", port: 40_000 + id.length, family: 4 },
        identity: "credential",
        face: "register",
      });
    }
    await labels.set("crane", { site: "harbour", tags: [] }, by);
    for (const name of ["vera", "hanna", "adam"]) await credential(name, name);
  });
  afterAll(async () => {
    await manager.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function coxswain(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
    const all = [cli, ...args, "--url", manager.urls.http, "--data-dir", manager.folder];
    const { code, out, err } = await runOutside(process.execPath, all);
    return { code, out: out.toString(), err };
  }

  async function credential(name: string, place: string): Promise<void> {
    const made = await coxswain("operator", "credential", name, "--out", join(folder, place));
    expect([made.code, made.err]).toEqual([0, ""]);
  }

  const asked = (place: string, path: string, more: readonly string[]): string[] => [
    ...["--credentials", join(folder, place, "aiocoap.json"), ...more, `${manager.urls.coap}${path}`],
  ];

  /** What came of it: the payload, or the code of an error. */
  async function ask(place: string, path: string, ...more: string[]): Promise<string> {
    const { out, err } = await runOutside(client, asked(place, path, more));
    return `${out.toString()}${err}`;
  }

  /** The refusal comes in the open: there is no context any more that could protect it, and aiocoap complains of that. */
  const isStranger = /NotAProtectedMessage/;

  async function observations(): Promise<number> {
    const authorization = `Bearer ${readFileSync(join(manager.folder, "admin-token"), "utf8").trim()}`;
    const answer = await fetch(`${manager.urls.http}/api/v1/system`, { headers: { authorization } });
    return ((await answer.json()) as { coap: Record<string, number> }).coap["held.observers"] ?? Number.NaN;
  }

  const put = (body: string): string[] => ["-m", "PUT", "--content-format", "application/json", "--payload", body];
  const post = (body: string): string[] => ["-m", "POST", "--content-format", "application/json", "--payload", body];
  const maintenance = put('{"mode":"maintenance","reason":"try"}');

  test("the files are their owner's alone, and an existing folder isn't written into", async () => {
    for (const file of ["secret.json", "settings.json", "aiocoap.json"]) {
      expect(statSync(join(folder, "vera", file)).mode & 0o777, file).toBe(0o600);
    }
    const again = await coxswain("operator", "credential", "vera", "--out", join(folder, "vera"));
    expect([again.code, again.err]).toEqual([1, expect.stringContaining("already")]);
    const nobody = await coxswain("operator", "credential", "nobody", "--out", join(folder, "nobody"));
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining("no operator nobody")]);
  });

  test("who proves nothing writes nothing, and reads nothing either", async () => {
    const { out, err } = await runOutside(client, [...maintenance, `${manager.urls.coap}/nodes/crane/mode`]);
    expect(`${out}${err}`).toContain("4.01");
    const list = await runOutside(client, [`${manager.urls.coap}/nodes`]);
    expect(`${list.out}${list.err}`).toContain("4.01");
    expect(manager.app.modes.get("crane")?.mode).toBe("operational");
  });

  test("a viewer reads, and is refused by his role what changes something", async () => {
    expect(await ask("vera", "/nodes")).toMatch(/crane[\s\S]*lamp/);
    expect(await ask("vera", "/nodes/crane/mode", ...maintenance)).toMatch(/4\.03[\s\S]*your role/);
    expect(await ask("vera", "/system/config", ...put('{"pollSeconds":20}'))).toMatch(/4\.03[\s\S]*your role/);
    expect(await ask("vera", "/register", ...post('{"id":"crane"}'))).toMatch(/4\.03[\s\S]*for nodes only/);
    expect(await ask("vera", "/nodes/crane/health", ...put('{"status":"healthy"}'))).toMatch(
      /4\.03[\s\S]*for nodes only/,
    );
    expect(manager.app.modes.get("crane")?.mode).toBe("operational");
  });

  test("another site's operator neither sees nor steers a node", async () => {
    expect(await ask("hanna", "/nodes")).toMatch(/crane/);
    expect(await ask("hanna", "/nodes")).not.toMatch(/lamp/);
    expect(await ask("hanna", "/nodes/lamp")).toMatch(/4\.03[\s\S]*scope/);
    expect(await ask("hanna", "/nodes/lamp/mode", ...maintenance)).toMatch(/4\.03[\s\S]*scope/);
    expect(await ask("hanna", "/rd-lookup/ep")).not.toMatch(/lamp/);
    await ask("hanna", "/nodes/crane/mode", ...maintenance);
    expect(manager.app.modes.get("crane")).toMatchObject({ mode: "maintenance", reason: "try" });
    expect(manager.app.modes.get("lamp")?.mode).toBe("operational");
  });

  test("a role that was taken away is gone at the next message, and so is an account", async () => {
    await manager.app.operators.add("eve", "admin", [], by);
    expect(await ask("adam", "/system/config", ...put('{"pollSeconds":10}'))).toContain("pollSeconds");
    await manager.app.operators.change("adam", "viewer", [], by);
    expect(await ask("adam", "/system/config", ...put('{"pollSeconds":20}'))).toMatch(/4\.03/);
    await manager.app.operators.remove("adam", by);
    expect(await ask("adam", "/nodes")).toMatch(isStranger);
  });

  test("a revoked context is refused, and what it observed ends; a wrong key is nobody's", async () => {
    const watching = startOutside(client, asked("hanna", "/alerts", ["--observe"]));
    await expect.poll(observations, { timeout: 10_000 }).toBe(1);
    expect((await coxswain("operator", "credential", "hanna", "--revoke")).code).toBe(0);
    expect(await observations()).toBe(0);
    // Two programs can't use one context at a time.
    watching.child.kill();
    await watching.ended;
    expect(await ask("hanna", "/nodes")).toMatch(isStranger);
    await credential("hanna", "hanna2");
    const wrong = join(folder, "wrong");
    cpSync(join(folder, "hanna2"), wrong, { recursive: true });
    const secret = JSON.parse(readFileSync(join(wrong, "secret.json"), "utf8")) as Record<string, string>;
    writeFileSync(join(wrong, "secret.json"), JSON.stringify({ ...secret, secret_hex: "0".repeat(32) }));
    const file = join(wrong, "aiocoap.json");
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("hanna2", "wrong"));
    expect(await ask("wrong", "/nodes")).toMatch(isStranger);
    expect(await ask("hanna2", "/nodes")).toMatch(/crane/);
  });
});
