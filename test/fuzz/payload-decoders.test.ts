import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { buildPayloadDecoders } from "./build-payload-decoders.ts";
import { checkPayloads, payloadChecks } from "./payload-fuzz.ts";

/** The firmware's decoders under the sanitizers, against zlib and Node's crypto; a seed in the environment repeats a run. */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 60);

describe("payload decoders", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-payload-"));
  let program: string | undefined;
  beforeAll(() => {
    program = buildPayloadDecoders(folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.for(payloadChecks)("%s", (sentence, { skip }) => {
    if (program === undefined) return skip();
    checkPayloads(sentence, { program, rounds, seed });
  });
});
