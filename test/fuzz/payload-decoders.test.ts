import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deltaPatch } from "../../manager/variants/delta-patch.ts";
import { makeVariants } from "../../manager/variants/make-variants.ts";
import { encryptPayload, payloadCiphers } from "../../manager/variants/payload-encryption.ts";
import { buildPayloadDecoders } from "./build-payload-decoders.ts";
import { Random } from "./endpoint/random.ts";
import { type DecoderCase, decodePayloads } from "./payload-decoders.ts";

/** The firmware's decoders under the sanitizers, against zlib and Node's crypto; a seed in the environment repeats a run. */
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);
const rounds = Number(process.env["FUZZ_ROUNDS"] ?? 60);
const random = new Random(seed);
const sources = readFileSync("firmware/lib/core/src/inflate_decoder.cpp");

describe("payload decoders", { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-payload-"));
  let program: string | undefined;
  beforeAll(() => {
    program = buildPayloadDecoders(folder);
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const decode = (cases: readonly DecoderCase[]): ReturnType<typeof decodePayloads> =>
    decodePayloads(program ?? "", cases, seed);

  it("what zlib deflates comes out again, whatever the window, the pieces and the power cuts", ({ skip }) => {
    if (program === undefined) return skip();
    const cases = Array.from({ length: rounds }, () => {
      const windowBits = 9 + random.below(7);
      return { ...deflated(anyBytes(60_000), windowBits), windowBits };
    });
    for (const [index, { status, image }] of decode(
      cases.map(({ given }, i) => ({ ...given, windowBits: cases[i]!.windowBits })),
    ).entries()) {
      expect(status, `seed ${seed}, case ${index}`).toBe("ok");
      expect(Buffer.compare(image, cases[index]!.plain), `seed ${seed}, case ${index}`).toBe(0);
    }
  });

  it("what was spoilt is refused exactly where zlib refuses it", ({ skip }) => {
    if (program === undefined) return skip();
    const cases = Array.from({ length: rounds * 4 }, () => spoil(deflated(anyBytes(3000), 15).given));
    for (const [index, { status, image }] of decode(cases).entries()) {
      const { payload, imageSize } = cases[index]!;
      const zlib = inflatedBy(payload);
      const isGood = zlib !== undefined && zlib.plain.length === imageSize && zlib.taken === payload.length;
      expect(
        status === "ok",
        `seed ${seed}, case ${index}: ${status}, zlib ${zlib?.plain.length} of ${imageSize}`,
      ).toBe(isGood);
      if (zlib !== undefined && zlib.plain.length > imageSize) expect(status).toBe("tooLarge");
      expect(image.length).toBeLessThanOrEqual(imageSize);
    }
  });

  it("a bomb ends where the image would", ({ skip }) => {
    if (program === undefined) return skip();
    const payload = deflateRawSync(new Uint8Array(20_000_000), { level: 9 });
    const [outcome] = decode([{ kind: "deflate", windowBits: 12, imageSize: 50_000, payload }]);
    expect(outcome).toMatchObject({ status: "tooLarge" });
    expect(outcome!.image.length).toBeLessThanOrEqual(50_000);
  });

  it("a stream that looks back farther than the window is malformed", ({ skip }) => {
    if (program === undefined) return skip();
    const noise = Uint8Array.from({ length: 3000 }, () => random.below(256));
    const plain = Buffer.concat([noise, noise]);
    const payload = deflateRawSync(plain, { level: 9, windowBits: 15 });
    const outcomes = decode(
      [9, 15].map((windowBits) => ({ kind: "deflate", windowBits, imageSize: plain.length, payload })),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(["malformed", "ok"]);
  });

  it("a delta makes the image it was made for, whatever the pieces and the power cuts", ({ skip }) => {
    if (program === undefined) return skip();
    const images = Array.from({ length: rounds }, () => {
      const base = anyBytes(40_000);
      return { base, image: edited(base) };
    });
    const cases = images.map(({ base, image }): DecoderCase => ({ ...patched(base, image) }));
    for (const [index, { status, image }] of decode(cases).entries()) {
      expect(status, `seed ${seed}, case ${index}`).toBe("ok");
      expect(Buffer.compare(image, images[index]!.image), `seed ${seed}, case ${index}`).toBe(0);
    }
  });

  it("no spoilt delta, and none for another base, reads too far or makes more than the image", ({ skip }) => {
    if (program === undefined) return skip();
    const cases = Array.from({ length: rounds * 4 }, () => {
      const base = anyBytes(4000);
      const given = patched(base, edited(base));
      return random.once(4) ? { ...given, base: base.subarray(0, random.below(base.length)) } : spoil(given);
    });
    for (const [index, { image }] of decode(cases).entries())
      expect(image.length).toBeLessThanOrEqual(cases[index]!.imageSize);
  });

  it("what Node encrypts comes out again, and what was spoilt fails by its tag or before", ({ skip }) => {
    if (program === undefined) return skip();
    const cases = Array.from({ length: rounds }, () => {
      const plain = anyBytes(5000);
      const given = encrypted({ kind: "encrypt0", imageSize: plain.length, payload: plain });
      const isSpoilt = random.once(3);
      if (!isSpoilt) return { plain, given, isSpoilt };
      const payload = given.payload.slice();
      payload[random.below(payload.length)]! ^= 1 << random.below(8);
      return { plain, given: { ...given, payload }, isSpoilt };
    });
    for (const [index, { status, image }] of decode(cases.map(({ given }) => given)).entries()) {
      const { plain, isSpoilt } = cases[index]!;
      expect(status, `seed ${seed}, case ${index}`).toBe(isSpoilt ? "malformed" : "ok");
      if (!isSpoilt) expect(Buffer.compare(image, plain), `seed ${seed}, case ${index}`).toBe(0);
    }
  });

  it("an encrypted deflate or delta goes through both decoders, whatever the pieces and the power cuts", ({ skip }) => {
    if (program === undefined) return skip();
    const cases = Array.from({ length: rounds }, () => {
      const plain = anyBytes(20_000);
      if (random.once(2))
        return { plain, given: encrypted({ ...deflated(plain, 15).given, kind: "deflate within encrypt0" }) };
      const image = edited(plain);
      return { plain: image, given: encrypted({ ...patched(plain, image), kind: "delta within encrypt0" }) };
    });
    for (const [index, { status, image }] of decode(cases.map(({ given }) => given)).entries()) {
      expect(status, `seed ${seed}, case ${index}`).toBe("ok");
      expect(Buffer.compare(image, cases[index]!.plain), `seed ${seed}, case ${index}`).toBe(0);
    }
  });

  it("a power cut costs what isn't durable and at most a block", ({ skip }) => {
    if (program === undefined) return skip();
    const image = new Uint8Array(400_000).map((_, i) => sources[i % sources.length]! ^ (random.once(9) ? 1 : 0));
    const [deflate] = makeVariants(image, { windows: [4096] }, () => new Uint8Array()).variants;
    expect(deflate!.variant.kind).toBe("deflate");
    const payload = deflate!.bytes;
    const outcomes = decode(
      Array.from({ length: 8 }, () => ({ kind: "deflate", windowBits: 12, imageSize: image.length, payload })),
    );
    const perByte = payload.length / image.length;
    for (const { status, resumes, moved } of outcomes) {
      expect(status).toBe("ok");
      expect(resumes).toBeGreaterThan(0);
      // The bench's flash keeps 4096 bytes at a time, and a block has at most 4096 symbols, here about 9 bits each.
      expect(moved - payload.length).toBeLessThan(resumes * (4096 * perByte + 4096 * 1.3 + 1500));
    }
  });
});

function encrypted(given: DecoderCase): DecoderCase {
  const randomBytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => random.below(256));
  const key = randomBytes(16);
  const { bytes, encryptionInfo } = encryptPayload(given.payload, key, random.pick(payloadCiphers), randomBytes);
  return { ...given, payload: bytes, parameters: encryptionInfo, key };
}

/** Text, noise, runs and repeats, as images have them. */
function anyBytes(sizeMax: number): Uint8Array {
  const bytes = new Uint8Array(1 + random.below(sizeMax));
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(1 + random.below(random.once(4) ? 3000 : 60), bytes.length - at);
    const part = bytes.subarray(at, at + size);
    const kind = random.below(4);
    if (kind === 0) for (let i = 0; i < size; i++) part[i] = random.below(256);
    else if (kind === 1) part.fill(random.below(256));
    else if (kind === 2) part.set(sources.subarray(random.below(sources.length - size)).subarray(0, size));
    else if (at > 0) for (let i = 0, from = random.below(at); i < size; i++) part[i] = bytes[from + i]!;
    at += size;
  }
  return bytes;
}

function deflated(plain: Uint8Array, windowBits: number): { plain: Uint8Array; given: DecoderCase } {
  const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
  const payload = deflateRawSync(plain, {
    windowBits,
    level: random.below(10),
    memLevel: 1 + random.below(9),
    strategy: random.once(2) ? constants.Z_DEFAULT_STRATEGY : random.pick(strategies),
  });
  return { plain, given: { kind: "deflate", imageSize: plain.length, payload } };
}

function patched(base: Uint8Array, image: Uint8Array): DecoderCase {
  return { kind: "delta", imageSize: image.length, payload: deltaPatch(base, image), base };
}

/** A few bytes changed, put in, taken out and moved. */
function edited(base: Uint8Array): Uint8Array {
  let image = base.slice();
  for (let edits = random.below(8); edits > 0; edits--) {
    const at = random.below(image.length);
    const kind = random.below(3);
    if (kind === 0) image[at] = random.below(256);
    else if (kind === 1) image = Buffer.concat([image.subarray(0, at), anyBytes(300), image.subarray(at)]);
    else image = Buffer.concat([image.subarray(0, at), image.subarray(at + random.below(2000))]);
    if (image.length === 0) image = Uint8Array.of(7);
  }
  return image;
}

function spoil(given: DecoderCase): DecoderCase {
  let payload = given.payload.slice();
  if (random.once(4)) payload = payload.subarray(0, random.below(payload.length));
  else if (random.once(6)) payload = Buffer.concat([payload, Uint8Array.of(random.below(256))]);
  else for (let i = 1 + random.below(3); i > 0; i--) payload[random.below(payload.length)]! ^= 1 << random.below(8);
  const imageSize = random.once(8) ? random.below(given.imageSize + 1) : given.imageSize;
  return { ...given, payload, imageSize };
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
