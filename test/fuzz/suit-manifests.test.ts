import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { fromHex } from "../../schemas/wire/hex.ts";
import { ManifestFault } from "../../schemas/wire/suit/manifest-fault.ts";
import { readEnvelope } from "../../schemas/wire/suit/read-envelope.ts";
import { readManifest } from "../../schemas/wire/suit/read-manifest.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { readKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import { buildSuitManifests } from "./build-suit-manifests.ts";
import { Random } from "./endpoint/random.ts";
import { mutate } from "./mutator.ts";

/** The firmware's reader under the sanitizers, against the manager's: the same bytes, the same word. A seed repeats a run. */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 20_000);
const vectors = JSON.parse(readFileSync("test/vectors/update-manifest.json", "utf8")) as {
  readonly good: readonly { readonly hex: string }[];
  readonly anchorsHex: string;
};

const kinds = ["envelope", "manifest", "key set"] as const;
interface Case {
  readonly kind: (typeof kinds)[number];
  readonly bytes: Uint8Array;
}

function inFirmware(program: string, cases: readonly Case[]): readonly string[] {
  const input = cases.flatMap(({ kind, bytes }) => {
    const head = Buffer.alloc(5);
    head.writeUInt8(kinds.indexOf(kind));
    head.writeUInt32BE(bytes.length, 1);
    return [head, bytes];
  });
  const { status, stdout, stderr } = spawnSync(program, { input: Buffer.concat(input), maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`seed ${seed}: ${stderr?.toString().slice(0, 3000)}`);
  return stdout.toString().split("\n").slice(0, -1);
}

const payloadKinds = ["full", "deflate", "delta"];

function inManager({ kind, bytes }: Case): string {
  try {
    if (kind === "envelope") {
      const { signatures, manifest, text, anchors } = readEnvelope(bytes, suitLimits.nodeEnvelopeMax);
      return `ok ${signatures.length} ${manifest.content.length} ${text ? 1 : 0} ${anchors ? 1 : 0}`;
    }
    if (kind === "manifest") {
      const read = readManifest(bytes);
      if (read.kind === "anchors") return "anchors";
      const variants = read.variants.map(
        (each) => ` ${payloadKinds.indexOf(each.kind)}:${each.size}:${each.encryptionInfo?.length ?? 0}`,
      );
      return `ok ${read.kind} ${read.sequence} ${read.size}${variants.join("")}`;
    }
    const set = readKeySet(bytes, nodeSuitCrypto);
    return set.ok ? `ok ${set.anchors.length}` : set.reason;
  } catch (error) {
    if (error instanceof ManifestFault) return error.reason;
    throw error;
  }
}

/** Arrays within arrays, somewhere. */
function nested(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(Math.min(bytes.length, 24) + 1);
  return Uint8Array.from([...bytes.subarray(0, at), ...new Array<number>(10).fill(0x81), ...bytes.subarray(at)]);
}

describe("the reader of update manifests", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-suit-"));
  let program: string | undefined;
  beforeAll(() => {
    program = buildSuitManifests(folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("says of mutated envelopes, manifests and key sets what the manager says, and reads no byte behind them", ({
    skip,
  }) => {
    if (program === undefined) return skip();
    const random = new Random(seed);
    const envelopes = vectors.good.map(({ hex }) => fromHex(hex)).filter((each) => each !== undefined);
    const contents = envelopes.map((each) => readEnvelope(each, suitLimits.envelopeMax).manifest.content);
    const sets = [fromHex(vectors.anchorsHex) ?? new Uint8Array()];
    const cases = Array.from({ length: rounds }, (): Case => {
      const kind = random.pick([...kinds, "manifest" as const]);
      const from = kind === "envelope" ? envelopes : kind === "manifest" ? contents : sets;
      const known = random.pick(from);
      const changed = random.once(40)
        ? known
        : mutate(known, random.pick(contents), random, suitLimits.nodeEnvelopeMax + 8);
      const bytes = random.once(100) ? nested(changed, random) : changed;
      return { kind, bytes };
    });
    const found = inFirmware(program, cases);
    expect(found).toHaveLength(cases.length);
    const seen = new Map<string, number>();
    for (const [index, each] of cases.entries()) {
      const wanted = inManager(each);
      const word = wanted.split(" ")[0] ?? "";
      seen.set(`${each.kind}: ${word}`, (seen.get(`${each.kind}: ${word}`) ?? 0) + 1);
      expect(found[index], `seed ${seed}, ${each.kind} ${Buffer.from(each.bytes).toString("hex")}`).toBe(wanted);
    }
    // It got behind the first look: a run that met nothing but broken CBOR would prove little.
    for (const each of ["envelope: ok", "manifest: ok", "key set: ok", "manifest: manifest-unsupported"])
      expect(seen.get(each) ?? 0, each).toBeGreaterThan(20);
    for (const each of ["manifest: manifest-too-deep", "manifest: foreign-uri", "manifest: manifest-malformed"])
      expect(seen.get(each) ?? 0, each).toBeGreaterThan(0);
  });
});
