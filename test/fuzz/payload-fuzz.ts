import { strict as assert } from "node:assert";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { makeVariants } from "../../manager/variants/make-variants.ts";
import { PayloadCases } from "./payload-cases.ts";
import { type DecoderCase, decodePayloads } from "./payload-decoders.ts";

/** One run of a check: `program` is what `buildPayloadDecoders` resolved with; `rounds` scales how many cases it tries. */
export interface PayloadRun {
  readonly program: string;
  readonly rounds: number;
  readonly seed: number;
}

type Check = (run: PayloadRun, cases: PayloadCases) => void;

/** What holds of the firmware's payload decoders, by a sentence each. A check throws at the first case that breaks it. */
const checks: Readonly<Record<string, Check>> = {
  "what zlib deflates comes out again, whatever the window, the pieces and the power cuts": (run, cases) => {
    const made = times(run.rounds, () => {
      const windowBits = 9 + cases.random.below(7);
      const { plain, given } = cases.deflated(cases.anyBytes(60_000), windowBits);
      return { plain, given: { ...given, windowBits } };
    });
    expectImages(run, made);
  },

  "what was spoilt is refused exactly where zlib refuses it": (run, cases) => {
    const given = times(run.rounds * 4, () => cases.spoil(cases.deflated(cases.anyBytes(3000), 15).given));
    for (const [index, { status, image }] of decodePayloads(run.program, given, run.seed).entries()) {
      const { payload, imageSize } = given[index]!;
      const zlib = inflatedBy(payload);
      const isGood = zlib !== undefined && zlib.plain.length === imageSize && zlib.taken === payload.length;
      const what = `seed ${run.seed}, case ${index}: ${status}, zlib ${zlib?.plain.length} of ${imageSize}`;
      assert.equal(status === "ok", isGood, what);
      if (zlib !== undefined && zlib.plain.length > imageSize) assert.equal(status, "tooLarge", what);
      assert.ok(image.length <= imageSize, what);
    }
  },

  "a bomb ends where the image would": ({ program, seed }) => {
    const payload = deflateRawSync(new Uint8Array(20_000_000), { level: 9 });
    const [outcome] = decodePayloads(program, [{ kind: "deflate", windowBits: 12, imageSize: 50_000, payload }], seed);
    assert.equal(outcome!.status, "tooLarge");
    assert.ok(outcome!.image.length <= 50_000);
  },

  "a stream that looks back farther than the window is malformed": ({ program, seed }, { random }) => {
    const noise = Uint8Array.from({ length: 3000 }, () => random.below(256));
    const plain = Buffer.concat([noise, noise]);
    const payload = deflateRawSync(plain, { level: 9, windowBits: 15 });
    const given = [9, 15].map(
      (windowBits): DecoderCase => ({ kind: "deflate", windowBits, imageSize: plain.length, payload }),
    );
    const outcomes = decodePayloads(program, given, seed);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["malformed", "ok"],
    );
  },

  "a delta makes the image it was made for, whatever the pieces and the power cuts": (run, cases) => {
    const made = times(run.rounds, () => {
      const base = cases.anyBytes(40_000);
      const plain = cases.edited(base);
      return { plain, given: cases.patched(base, plain) };
    });
    expectImages(run, made);
  },

  "no spoilt delta, and none for another base, reads too far or makes more than the image": (run, cases) => {
    const given = times(run.rounds * 4, () => {
      const base = cases.anyBytes(4000);
      const patch = cases.patched(base, cases.edited(base));
      if (!cases.random.once(4)) return cases.spoil(patch);
      return { ...patch, base: base.subarray(0, cases.random.below(base.length)) };
    });
    for (const [index, { image }] of decodePayloads(run.program, given, run.seed).entries())
      assert.ok(image.length <= given[index]!.imageSize, `seed ${run.seed}, case ${index}`);
  },

  "what Node encrypts comes out again, and what was spoilt fails by its tag or before": (run, cases) => {
    const { random } = cases;
    const made = times(run.rounds, () => {
      const plain = cases.anyBytes(5000);
      const given = cases.encrypted({ kind: "encrypt0", imageSize: plain.length, payload: plain });
      if (!random.once(3)) return { plain, given, status: "ok" };
      const payload = given.payload.slice();
      payload[random.below(payload.length)]! ^= 1 << random.below(8);
      return { plain, given: { ...given, payload }, status: "malformed" };
    });
    expectImages(run, made);
  },

  "an encrypted deflate or delta goes through both decoders, whatever the pieces and the power cuts": (run, cases) => {
    const made = times(run.rounds, () => {
      const plain = cases.anyBytes(20_000);
      if (cases.random.once(2)) {
        const { given } = cases.deflated(plain, 15);
        return { plain, given: cases.encrypted({ ...given, kind: "deflate within encrypt0" }) };
      }
      const image = cases.edited(plain);
      const given = cases.encrypted({ ...cases.patched(plain, image), kind: "delta within encrypt0" });
      return { plain: image, given };
    });
    expectImages(run, made);
  },

  "a power cut costs what isn't durable and at most a block": ({ program, seed }, cases) => {
    const part = cases.anyBytes(9000);
    const image = new Uint8Array(400_000).map((_, i) => part[i % part.length]! ^ (cases.random.once(9) ? i & 255 : 0));
    const [deflate] = makeVariants(image, { windows: [4096] }, () => new Uint8Array()).variants;
    if (deflate?.variant.kind !== "deflate") return;
    const payload = deflate.bytes;
    const given = times(8, (): DecoderCase => ({ kind: "deflate", windowBits: 12, imageSize: image.length, payload }));
    for (const { status, resumes, moved } of decodePayloads(program, given, seed)) {
      assert.equal(status, "ok");
      assert.ok(resumes > 0);
      // The bench's flash keeps 4096 bytes at a time, and a block has at most 4096 symbols of 12 bits or so; 1500 are a datagram.
      const most = resumes * ((4096 * payload.length) / image.length + 4096 * 1.5 + 1500);
      assert.ok(
        moved - payload.length < most,
        `seed ${seed}: ${moved - payload.length} of ${most} after ${resumes} cuts`,
      );
    }
  },
};

export const payloadChecks = Object.keys(checks);

/** Throws what a case broke, with the seed that repeats it. */
export function checkPayloads(sentence: string, run: PayloadRun): void {
  checks[sentence]?.(run, new PayloadCases(run.seed));
}

interface MadeCase {
  readonly plain: Uint8Array;
  readonly given: DecoderCase;
  /** Default ok. */
  readonly status?: string;
}

function expectImages({ program, seed }: PayloadRun, made: readonly MadeCase[]): void {
  const given = made.map((each) => each.given);
  for (const [index, { status, image }] of decodePayloads(program, given, seed).entries()) {
    const { plain, status: wanted = "ok" } = made[index]!;
    assert.equal(status, wanted, `seed ${seed}, case ${index}`);
    if (wanted === "ok") assert.equal(Buffer.compare(image, plain), 0, `seed ${seed}, case ${index}`);
  }
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

function inflatedBy(payload: Uint8Array): { plain: Uint8Array; taken: number } | undefined {
  try {
    const { buffer, engine } = inflateRawSync(payload, { info: true }) as unknown as {
      readonly buffer: Uint8Array;
      readonly engine: { readonly bytesWritten: number };
    };
    return { plain: buffer, taken: engine.bytesWritten };
  } catch {
    return undefined;
  }
}
