import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildSanitizedAddon, fuzzAddon } from "./addon/fuzz-addon.ts";

/** A seed in the environment repeats a run. */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);

it("whatever handshakes, tickets, connection IDs, records and datagrams are spoilt, the addon reads what is its own and tells no lies", ({
  skip,
}) => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  try {
    const built = buildSanitizedAddon(folder);
    if (built === undefined) return skip();
    const report = fuzzAddon(built, 300, seed);
    // It got where something is read: a run that met only refusals would prove nothing.
    const least = { handshakes: 100, resumed: 20, forged: 50, ids: 100, forgedHellos: 200, received: 30, opened: 300 };
    for (const [name, count] of Object.entries(least))
      expect(report[name], `${name}, seed ${seed}`).toBeGreaterThan(count);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
