import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestManager, testManager } from "../integration/manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-first-"));
let manager: TestManager;
let program: ChildProcess | undefined;
beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false } });
});
afterAll(async () => {
  const child = program;
  if (child !== undefined) {
    const isOver = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    await isOver;
  }
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

function coxswain(...args: readonly string[]): Promise<string> {
  const environment = { ...process.env, COXSWAIN_URL: manager.urls.http, COXSWAIN_DATA_DIR: manager.folder };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [cli, ...args], { cwd: folder, env: environment }, (error, out) => {
      if (error) reject(error);
      else resolve(out);
    });
  });
}

test("the command that `coxswain node add` prints starts a node that registers over OSCORE, and revoking it ends that", async () => {
  const printed = await coxswain("node", "add", "--id", "porch");
  const command = /^ {4}(\S.*)$/m.exec(printed)?.[1] ?? "";
  expect(command).toContain("cxnode --id porch --manager coap://");
  program = spawn("sh", ["-c", `exec ${command}`], { cwd: folder, stdio: "ignore" });
  const node = () => manager.app.registry.find("porch");
  await soon(node, (each) => each !== undefined);
  expect(await node()).toMatchObject({ identity: "credential", presence: { state: "online" } });
  // It reads its environment over OSCORE and comes to the broker with what is in it.
  await soon(node, (each) => each?.isConnectedToBroker === true);
  await coxswain("node", "revoke", "porch");
  await soon(node, (each) => each?.isConnectedToBroker === false);
  // Its poll is two seconds: in five it has tried, and nothing that it said counted.
  await soon(
    async () => (await node())?.presence.heardAgoMs ?? 0,
    (agoMs) => agoMs > 5_000,
  );
});
