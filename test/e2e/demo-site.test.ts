import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const demo = join(import.meta.dirname, "../../tools/demo/demo.ts");

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

it("plays a household's day, counts in its last line what gateway and manager saw, and leaves nothing running", {
  timeout: 420_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "demo-site-"));
  try {
    const flags = ["--site", "--exit", "--folder", folder];
    const child = spawn(process.execPath, [demo, ...flags], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const code = await new Promise<number | null>((resolve) => child.once("close", (ended) => resolve(ended)));
    expect(code, text).toBe(0);
    const counts = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as Record<string, number>;
    // The master goes and comes back; nobody else ever leads.
    const { reconnects, ...others } = counts;
    expect(others).toEqual({ packs: 3, mastersAtEnd: 1, handovers: 2, canUpdates: 1, lockouts: 1, shed: 2 });
    expect(reconnects).toBeGreaterThanOrEqual(1);
    expect(processesOf(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
