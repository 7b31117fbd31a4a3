import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { SqliteStorage } from "../../manager/adapters/storage/sqlite-storage.ts";
import { AuditVerifier } from "../../manager/audit/audit-verifier.ts";

const writer = fileURLToPath(new URL("processes/receipt-writer.ts", import.meta.url));
const rounds = 12;
const seed = 20_260;

it(`keeps every receipted change through kill -9 at ${rounds} moments (seed ${seed})`, {
  timeout: 60_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "cx-kill-"));
  const file = join(folder, "registry.db");
  const entropy = seededEntropy(seed);
  const receipted = new Map<string, number>();
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [key, revision] of await writeUntilKilled(file, round, 1 + (entropy.uint32() % 400))) {
        receipted.set(key, revision);
      }
    }
    const storage = new SqliteStorage({ file, clock: new VirtualClock() });
    try {
      for (const [key, revision] of receipted) {
        expect(await storage.get("node", key), key).toMatchObject({ revision, value: { key } });
        expect(await storage.events("timeline", { key }), key).toHaveLength(1);
      }
      // What wasn't receipted is there whole or not at all.
      for (let after = ""; ; ) {
        const page = await storage.list("node", { after });
        for (const { key } of page) expect(await storage.events("timeline", { key }), key).toHaveLength(1);
        if (page.length === 0) break;
        after = page.at(-1)!.key;
      }
      const verifier = new AuditVerifier(0, await storage.auditHeads());
      const audited = new Set<string>();
      for (let afterSequence = 0; ; ) {
        const page = await storage.events("audit", { partition: 0, afterSequence });
        for (const { position, wallMs, key, value, hash = "" } of page) {
          verifier.add({ ...position, wallMs, key, text: JSON.stringify(value), hash });
          audited.add(key);
        }
        if (page.length === 0) break;
        afterSequence = page.at(-1)!.position.sequence;
      }
      expect(verifier.end()).toEqual([]);
      expect([...receipted.keys()].filter((key) => !audited.has(key))).toEqual([]);
    } finally {
      await storage.close();
    }
    expect(receipted.size).toBeGreaterThan(rounds);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Kills the writer as soon as it printed `receipts` receipts; returns all that came out of the pipe. */
async function writeUntilKilled(file: string, round: number, receipts: number): Promise<[string, number][]> {
  const child = spawn(process.execPath, [writer, file, String(round)], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  child.stdout.on("data", (chunk) => {
    output += chunk;
    if (output.split("\n").length > receipts + 1) child.kill("SIGKILL");
  });
  const signal = await new Promise((resolve) => child.on("close", (_, name) => resolve(name)));
  expect(signal, errors).toBe("SIGKILL");
  const lines = output.slice(0, output.lastIndexOf("\n")).split("\n").slice(1);
  return lines.map((line) => {
    const [key = "", revision] = line.split(" ");
    return [key, Number(revision)];
  });
}
