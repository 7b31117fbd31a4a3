import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { jsonRecords } from "../../gateway/adapters/storage/json-records.ts";
import { PhoneBook } from "../../gateway/app/phone-book.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";

const program = new URL("processes/phone-book-program.ts", import.meta.url).pathname;
const seed = Number(process.env["SEED"] ?? 20_261_121);

test(`every phone that was said to be added or removed is so after 12 kills at seeded moments (SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-phones-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const entropy = seededEntropy(seed);
  let changes = 0;
  for (let kill = 0; kill < 12; kill++) {
    const killAfter = 1 + (entropy.uint32() % 40);
    const said = await killedAfter(folder, killAfter);
    changes += said.length;
    const book = new PhoneBook({
      ...{ site: "home-1", records: jsonRecords(folder), clock: systemClock, entropy, log: silentLog },
      logins: { set: () => {}, remove: async () => {} },
      hashing: { hash: async () => "", verify: async () => false },
    });
    await book.load();
    const there = new Set(book.list().map(({ name }) => name));
    const gone = new Set(said.filter((each) => each.startsWith("-")).map((each) => each.slice(1)));
    for (const each of said.filter((line) => line.startsWith("+")).map((line) => line.slice(1))) {
      // The one that was being removed when it was killed may be there or not.
      const last = Math.max(-1, ...[...gone].map(Number));
      if (Number(each) === last + 1) continue;
      expect(there.has(`phone ${each}`), `kill ${kill}, phone ${each}`).toBe(!gone.has(each));
    }
  }
  expect(changes).toBeGreaterThan(50);
}, 120_000);

/** What the program said until it was killed, after so many lines. */
async function killedAfter(folder: string, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split("\n").length - 2 >= lines) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  expect(text).toMatch(/^ready\n/);
  return text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .filter((each) => /^[+-]\d+$/.test(each));
}
