import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

/** The C that sees strangers' bytes first, under the address and undefined-behaviour sanitizers; a seed in the environment repeats a run. */
const seed = process.env["FUZZ_SEED"] ?? `${Date.now() % 1_000_000_007}`;
const rounds = process.env["FUZZ_ROUNDS"] ?? "20000";

function build(folder: string): string | undefined {
  const program = join(folder, "dtls-records");
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"];
  const headers = `-Inode_modules/node-linux-${process.arch}/include/node`;
  const sources = ["test/fuzz/dtls-records.c", "coap/native/dtls_record.c", "coap/native/aead.c"];
  try {
    const words = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", ...sanitizers, headers, "-o", program];
    execFileSync("cc", [...words, ...sources, "-l:libcrypto.so.3"], { stdio: ["ignore", "ignore", "pipe"] });
    return program;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error);
    console.warn(`DTLS records are not fuzzed: it takes cc with its sanitizers and libcrypto.so.3. ${why}`);
    return undefined;
  }
}

it("no mutation of a record or a hello reads too far, opens a record or moves a replay window", ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  try {
    const program = build(folder);
    if (program === undefined) return skip();
    const output = execFileSync(program, [rounds, seed], { encoding: "utf8" });
    expect(output, `seed ${seed}`).toMatch(/^ok: \d+ rounds/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
