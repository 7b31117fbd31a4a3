import { readFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { fromHex } from "../../schemas/wire/hex.ts";
import type { PayloadVariant } from "../../schemas/wire/suit/update-manifest.ts";
import { BadUpdateWorld, factory, newImage, type SignedUpdate, type Spoilt } from "./bad-update-world.ts";
import { simulatedImage } from "./core.ts";
import { withCore } from "./fleet-suite.ts";
import { digestOf } from "./sim-artifacts.ts";

/**
 * Bad input, one row for each kind: a node of compiled firmware is offered it by the whole manager. What has to come of it: the reason
 * is on the attempt at the manager, the old image runs, and not one byte of it was touched.
 */
interface Row {
  readonly input: string;
  readonly reason: string;
  /** What is wrong with a well-signed update; then the upload takes it, and the node has to see. */
  readonly over?: Partial<SignedUpdate>;
  readonly payloads?: readonly Uint8Array[];
  /** What is wrong with an update that nothing is wrong with when it is uploaded. */
  readonly spoilt?: Spoilt;
  /** The same once 40 % of it are fetched. */
  readonly later?: Spoilt;
}

const vectors = JSON.parse(readFileSync(new URL("../vectors/update-manifest.json", import.meta.url), "utf8")) as {
  readonly bad: readonly { readonly name: string; readonly hex: string; readonly reason: string }[];
};
/** The bytes of a bad envelope that is among the vectors. */
function vector(name: string): Spoilt {
  const found = vectors.bad.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no vector is named ${name}`);
  return { envelope: () => fromHex(found.hex) };
}
function damaged(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}
function variantOf(payload: Uint8Array, over: object): PayloadVariant {
  return { digest: digestOf(payload), size: payload.length, kind: "full", ...over } as PayloadVariant;
}

const large = simulatedImage("2.0.0", 150_000);
const bomb = new Uint8Array(deflateRawSync(new Uint8Array(newImage.length * 3)));
const patch = Uint8Array.of(4, 1, 2, 3);
const garbage = new Uint8Array(500).fill(0xee);
const deflate = { kind: "deflate", window: 4096 } as const;
const delta = { kind: "delta", format: 1, memory: 1024 } as const;
const variants = (payload: Uint8Array, over: object) => ({ over: { variants: [variantOf(payload, over)] } });

const rows: readonly Row[] = [
  {
    input: "a truncated manifest",
    reason: "manifest-truncated",
    spoilt: { envelope: (it) => it.subarray(0, it.length - 40) },
  },
  { input: "an oversized manifest", reason: "manifest-too-large", spoilt: { envelope: () => new Uint8Array(2049) } },
  { input: "an oversized image", reason: "image-too-large", over: { image: large }, payloads: [large] },
  { input: "an unsigned manifest", reason: "manifest-unsigned", spoilt: vector("unsigned") },
  { input: "a manifest signed by somebody else", reason: "unknown-signer", spoilt: vector("a key nobody trusts") },
  { input: "a wrong signature", reason: "bad-signature", spoilt: vector("a signature that was changed") },
  { input: "a manifest for another class", reason: "wrong-class", spoilt: vector("another class") },
  { input: "a manifest of another vendor", reason: "wrong-vendor", spoilt: vector("another vendor") },
  { input: "a manifest for another node", reason: "wrong-device", spoilt: vector("another node") },
  { input: "a manifest nested too deep", reason: "manifest-too-deep", spoilt: vector("nested too deep") },
  { input: "a deflate bomb", reason: "payload-overflow", over: variants(bomb, deflate), payloads: [bomb] },
  {
    input: "a payload that isn't deflate",
    reason: "payload-malformed",
    over: variants(garbage, deflate),
    payloads: [garbage],
  },
  {
    input: "a patch for another base",
    reason: "wrong-base",
    over: variants(patch, { ...delta, base: digestOf(large) }),
    payloads: [patch],
  },
  { input: "a URL to another host", reason: "foreign-uri", spoilt: vector("an http URL") },
  {
    input: "an artifact that isn't what was signed",
    reason: "artifact-changed",
    spoilt: { artifact: (it, offset) => (offset < 512 ? damaged(it, 5) : it) },
  },
  {
    input: "an artifact that changes under the download",
    reason: "artifact-changed",
    later: { artifact: (it) => damaged(it, 5) },
  },
];

const library = withCore();
let world: BadUpdateWorld | undefined;
afterEach(() => world?.end());

async function worldWith(payloads: readonly Uint8Array[], updates: readonly SignedUpdate[]): Promise<BadUpdateWorld> {
  world = new BadUpdateWorld(library(), payloads);
  await world.begin();
  for (const update of updates) await world.upload(update);
  await world.register();
  return world;
}

const wanted: SignedUpdate = { id: "2.0.0", image: newImage, sequence: 60 };

test.each(rows)("$input: $reason, on the attempt", async ({ reason, over, payloads = [], spoilt, later }) => {
  const it = await worldWith([newImage, ...payloads], [{ ...wanted, ...over }]);
  expect(it.runningBytes()).toEqual(factory);
  Object.assign(it.spoilt, spoilt);
  await it.start(wanted.id);
  if (later !== undefined) {
    await it.downloaded(40);
    Object.assign(it.spoilt, later);
  }
  expect(await it.attemptAt(wanted.id)).toEqual({ state: "failed", reason });
  expect(it.runningBytes()).toEqual(factory);
  expect(it.node.status).toMatchObject({
    version: "1.0.0",
    digest: digestOf(factory),
    slot: "a",
    isTrial: false,
    flashFaults: 0,
  });
});

/** What a node was sent once may be sent again: the envelope is as good as ever, its number isn't. */
test.each([
  ["a replayed manifest", "sequence-too-low", 50],
  ["another image under the number that runs", "sequence-reused", 55],
] as const)("%s: %s, on the attempt", async (_input, reason, sequence) => {
  const between: SignedUpdate = { id: "1.5.0", image: simulatedImage("1.5.0", 9000), sequence: 55 };
  const old: SignedUpdate = { id: "1.4.0", image: newImage, sequence };
  const it = await worldWith([newImage, between.image], [between]);
  await it.start(between.id);
  expect(await it.attemptAt(between.id)).toEqual({ state: "succeeded", reason: undefined });
  const before = it.runningBytes();
  expect(before).toEqual(between.image);
  await it.upload(wanted);
  const recorded = await it.envelopeOf(old);
  it.spoilt.envelope = () => recorded;
  await it.start(wanted.id);
  expect(await it.attemptAt(wanted.id)).toEqual({ state: "failed", reason });
  expect(it.runningBytes()).toEqual(before);
  expect(it.node.status).toMatchObject({ version: "1.5.0", slot: "b", isTrial: false, flashFaults: 0 });
});

/**
 * A wall clock that is set is nothing an attempt fails by: deadlines and back-off of the node, and silence at the manager, are of
 * the monotonic clock. The URI's token is the one thing that ages by the wall; the node asks for another, and goes on.
 */
test.each([
  ["forward by two days, past the token's end", 2],
  ["back by two days", -2],
] as const)("a clock that jumps %s under the download ends no attempt", async (_way, days) => {
  const it = await worldWith([newImage], [wanted]);
  await it.start(wanted.id);
  await it.downloaded(40);
  it.clock.jumpWall(days * 86_400_000);
  expect(await it.attemptAt(wanted.id)).toEqual({ state: "succeeded", reason: undefined });
  expect(it.node.status).toMatchObject({ version: "2.0.0", slot: "b", isTrial: false, flashFaults: 0 });
});
