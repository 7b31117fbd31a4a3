import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside, startOutside } from "./manager-outside.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

describe("an operator on CoAP over DTLS, by libcoap with the files of `coxswain operator credential --x509`", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-libcoap-"));
  const by = { kind: "operator", id: "test" } as const;
  let manager: TestManager;
  let coaps: string;

  beforeAll(async () => {
    manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
    coaps = manager.urls.coaps ?? "";
    const { operators, labels, registry } = manager.app;
    await operators.add("vera", "viewer", [], by);
    await operators.add("hanna", "operator", ["site:harbour"], by);
    for (const id of ["crane", "lamp"] as const) {
      await registry.register({
        manifest: { id, model: "sensor" } as never,
        path: { address: "127.0.0.1", port: 40_000 + id.length, family: 4 },
        identity: "credential",
        face: "register",
      });
    }
    await labels.set("crane", { site: "harbour", tags: [] }, by);
    for (const name of ["vera", "hanna"]) expect((await credential(name, name)).code).toBe(0);
  });
  afterAll(async () => {
    await manager.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const coxswain = (...args: string[]) =>
    runOutside(process.execPath, [cli, ...args, "--url", manager.urls.http, "--data-dir", manager.folder]);
  const credential = (name: string, place: string) =>
    coxswain("operator", "credential", name, "--x509", "--out", join(folder, place));

  const asked = (place: string, path: string, more: readonly string[]): string[] => [
    ...["-v", "4", "-B", "5", "-c", join(folder, place, "certificate.pem"), "-j", join(folder, place, "key.pem")],
    ...["-R", join(folder, place, "ca.pem"), ...more, `${coaps}${path}`],
  ];
  async function ask(place: string, path: string, ...more: string[]): Promise<string> {
    const { out, err } = await runOutside("coap-client-openssl", asked(place, path, more));
    return `${out.toString()}${err}`;
  }
  const maintenance = ["-m", "put", "-t", "50", "-e", '{"mode":"maintenance","reason":"try"}'];
  async function observers(): Promise<number> {
    const authorization = `Bearer ${readFileSync(join(manager.folder, "admin-token"), "utf8").trim()}`;
    const answer = await fetch(`${manager.urls.http}/api/v1/system`, { headers: { authorization } });
    const { coaps: counts } = (await answer.json()) as { coaps: Record<string, number> };
    return counts["held.observers"] ?? Number.NaN;
  }

  test("the manager makes what it shows", () => {
    expect(coaps).toMatch(/^coaps:/);
  });

  test("role and scope hold as everywhere", async () => {
    expect(await ask("vera", "/nodes")).toMatch(/crane[\s\S]*lamp/);
    expect(await ask("vera", "/nodes/crane/mode", ...maintenance)).toMatch(/4\.03[\s\S]*your role/);
    expect(await ask("vera", "/register", "-m", "post", "-t", "50", "-e", '{"id":"crane"}')).toMatch(/4\.03/);
    expect(await ask("hanna", "/nodes")).not.toContain("lamp");
    expect(await ask("hanna", "/nodes/lamp/mode", ...maintenance)).toMatch(/4\.03[\s\S]*scope/);
    await ask("hanna", "/nodes/crane/mode", ...maintenance);
    expect(manager.app.modes.get("crane")?.mode).toBe("maintenance");
    expect(manager.app.modes.get("lamp")?.mode).toBe("operational");
  });

  test("a node's certificate makes no operator, and an operator's no node", async () => {
    // Whom the CA named a node stays one, also where an admin has its name.
    await manager.app.operators.add("porch", "admin", [], by);
    const issued = await manager.app.credentials.issue("porch", by, "x509");
    if (issued.kind !== "issued" || issued.certificate === undefined) throw new Error(issued.kind);
    const { certificate, key = "", ca } = issued.certificate;
    mkdirSync(join(folder, "porch"));
    for (const [name, pem] of Object.entries({ certificate, key, ca }))
      writeFileSync(join(folder, "porch", `${name}.pem`), pem);
    expect(await ask("porch", "/nodes")).toMatch(/4\.03[\s\S]*operators only/);
    expect(await ask("porch", "/system/config")).toMatch(/4\.03[\s\S]*operators only/);
    expect(await ask("hanna", "/status?r=0", "-m", "post")).toMatch(/4\.03[\s\S]*nodes only/);
    expect(await ask("hanna", "/environment")).toMatch(/4\.03[\s\S]*nodes only/);
  });

  test("a revoked certificate is refused from its next handshake on, and its session with what it observed ends", async () => {
    const watching = startOutside("coap-client-openssl", asked("hanna", "/alerts", ["-s", "15", "-B", "15"]));
    await expect.poll(observers, { timeout: 10_000 }).toBe(1);
    expect((await coxswain("operator", "credential", "hanna", "--revoke")).code).toBe(0);
    await expect.poll(observers, { timeout: 5_000 }).toBe(0);
    watching.child.kill();
    await watching.ended;
    expect(await ask("hanna", "/nodes")).not.toContain("crane");
    expect((await credential("hanna", "hanna2")).code).toBe(0);
    expect(await ask("hanna", "/nodes")).not.toContain("crane");
    expect(await ask("hanna2", "/nodes")).toContain("crane");
    await manager.app.operators.remove("hanna", by);
    expect(await ask("hanna2", "/nodes")).not.toContain("crane");
  });
});
