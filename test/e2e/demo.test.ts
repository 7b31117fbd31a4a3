import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const demo = join(import.meta.dirname, "../../tools/demo/demo.ts");
const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function start(...flags: readonly string[]): {
  child: ChildProcess;
  folder: string;
  output(): string;
  ended: Promise<number | null>;
} {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-demo-test-"));
  folders.push(folder);
  const child = spawn(process.execPath, [demo, "--folder", folder, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  return { child, folder, output: () => text, ended };
}

/** Processes that were started with this folder in their command line. */
function processesOf(folder: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
    } catch {
      return false;
    }
  });
}

it("a flag that there isn't ends with 2 and says which there are", async () => {
  const { output, ended } = start("--exti");
  expect(await ended).toBe(2);
  expect(output()).toContain("--exit");
});

it("plays the main job with everything that protects it, counts it in its last line, and leaves nothing running", {
  timeout: 240_000,
}, async () => {
  const { folder, output, ended } = start("--exit");
  const code = await ended;
  expect(code, output()).toBe(0);
  const last = output().trimEnd().split("\n").at(-1) ?? "";
  const { telemetry, seconds, ...counts } = JSON.parse(last) as Record<string, number>;
  expect(counts).toEqual({ registered: 5, observed: 5, updated: 4, rolledBack: 1, resumed: 1 });
  expect(telemetry).toBeGreaterThan(4);
  for (const [how, many] of [
    ["OSCORE", 3],
    ["DTLS with a pre-shared key", 1],
    ["DTLS with a certificate", 1],
  ] as const) {
    expect(output().split(`registered with a CBOR manifest over ${how}\n`)).toHaveLength(many + 1);
  }
  for (const said of [
    "✓ may not read the audit, nor move nodes or make keys outside of the site pier: 403",
    "sensor-1 ✓ has used its new keys, and the old ones are revoked by that",
    "sensor-x ✓ its connection to the broker is closed",
    "sensor-x ✓ its next datagram is refused: 4.01",
  ]) {
    expect(output()).toContain(said);
  }
  expect(output()).toMatch(/broker {3}✓ \d+ connections by TLS, [1-9]\d* of them with a certificate, none in the open/);
  expect(output()).toMatch(/admin {4}✓ coxswain audit verify: whole, \d+ entries/);
  const logOf = (name: string) => readFileSync(join(folder, `${name}.log`), "utf8");
  for (const node of ["sensor-1", "sensor-2", "sensor-3", "linux-1", "sensor-x"]) {
    expect(logOf(node)).toContain("mqtt: connected to 127.0.0.1 by TLS");
    expect(logOf(node)).toMatch(
      node === "sensor-2" || node === "linux-1" ? /update: from coaps:/ : /update: from https:/,
    );
    expect(logOf(node)).not.toMatch(/update: from (http|coap):|connected to 127\.0\.0\.1$/m);
  }
  expect(logOf("manager")).not.toContain("INSECURE");
  expect(seconds).toBeGreaterThan(0);
  expect(processesOf(folder)).toEqual([]);
});

it("interrupted in the middle it ends everything, with the exit code of an interrupt", async () => {
  const { child, folder, output, ended } = start();
  await expect.poll(output, { timeout: 60_000 }).toContain("registered");
  expect(processesOf(folder).length).toBeGreaterThan(1);
  child.kill("SIGINT");
  expect(await ended).toBe(130);
  expect(processesOf(folder)).toEqual([]);
  expect(existsSync(join(folder, "manager.log"))).toBe(true);
});
