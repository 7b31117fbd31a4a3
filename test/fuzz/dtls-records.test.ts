import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildDtlsRecords } from "./build-dtls-records.ts";

/** The C that sees strangers' bytes first, under the address and undefined-behaviour sanitizers; a seed in the environment repeats a run. */
const seed = process.env["FUZZ_SEED"] ?? `${Date.now() % 1_000_000_007}`;
const rounds = process.env["FUZZ_ROUNDS"] ?? "20000";

it("no mutation of a record or a hello reads too far, opens a record or moves a replay window", ({ skip }) => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  try {
    const program = buildDtlsRecords(folder);
    if (program === undefined) return skip();
    const output = execFileSync(program, [rounds, seed], { encoding: "utf8" });
    expect(output, `seed ${seed}`).toMatch(/^ok: \d+ rounds/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
