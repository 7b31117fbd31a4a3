import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import type { CborKey, CborValue } from "../../schemas/wire/cbor.ts";
import { readCbor } from "../../schemas/wire/cbor.ts";
import { writeCbor } from "../../schemas/wire/cbor-writer.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { fromHex, toHex } from "../../schemas/wire/hex.ts";
import type { ManifestReason } from "../../schemas/wire/suit/manifest-reason.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { prepareEnvelope, wrapManifest, writeEnvelope } from "../../schemas/wire/suit/write-envelope.ts";
import { writeManifest } from "../../schemas/wire/suit/write-manifest.ts";
import { signed, signEnvelope } from "./sign-update-manifest.ts";
import { device, image, install, keys, previous, running, target, variants } from "./update-manifest-world.ts";

export interface BadManifest {
  readonly name: string;
  readonly hex: string;
  readonly reason: ManifestReason;
  readonly target?: object;
}

type Members = Map<CborKey, CborValue>;
const { full, deflate, delta } = variants;

/** Each case is one good envelope with one thing wrong, and signed properly where the signature isn't that thing. */
export async function badManifests(): Promise<readonly BadManifest[]> {
  return [...(await badEnvelopes()), ...(await badContents()), ...(await badForNode())];
}

async function badEnvelopes(): Promise<BadManifest[]> {
  const good = await signed({ manifest: install });
  const at = (needle: string, offset = 0) => toHex(good).indexOf(needle) / 2 + offset;
  const flipped = (index: number, to?: number) => {
    const bytes = good.slice();
    bytes[index] = to ?? (bytes[index] ?? 0) ^ 1;
    return bytes;
  };
  const unsigned = prepareEnvelope({ manifest: install }, nodeSuitCrypto);
  const deep = fromHex(`d86ba1${"02"}${"81".repeat(9)}00`);
  const cases: [string, Uint8Array, ManifestReason][] = [
    ["nothing", new Uint8Array(0), "manifest-truncated"],
    ["cut in the middle", good.slice(0, good.length >> 1), "manifest-truncated"],
    ["cut by one byte", good.slice(0, -1), "manifest-truncated"],
    ["one byte too many", new Uint8Array([...good, 0]), "manifest-malformed"],
    ["2049 bytes", new Uint8Array(2049), "manifest-too-large"],
    ["text that makes it too large", await signed({ manifest: install, text: { language: "en", updateDescription: "x".repeat(1024), modelInfo: "y".repeat(1000) } }), "manifest-too-large"],
    ["no tag", good.slice(2), "manifest-malformed"],
    ["tag 108", flipped(1, 108), "manifest-unsupported"],
    ["an array in its place", fromHex("8102"), "manifest-malformed"],
    ["an indefinite length", fromHex("d86bbf02420000ff"), "manifest-malformed"],
    ["a head that isn't the shortest", fromHex("d86bb8020242000003420000"), "manifest-malformed"],
    ["keys out of order", fromHex("d86ba203420000024181"), "manifest-malformed"],
    ["a key twice", fromHex("d86ba202420000024181"), "manifest-malformed"],
    ["nested too deep", deep, "manifest-too-deep"],
    ["nested a thousand deep", fromHex(`d86ba102${"81".repeat(1000)}00`), "manifest-too-deep"],
    ["a severed install sequence", await withMember(20, fromHex("82030f")), "manifest-unsupported"],
    ["an integrated payload", await withMember("#image", new Uint8Array(4)), "manifest-unsupported"],
    ["no wrapper", fromHex("d86ba1034100"), "manifest-malformed"],
    ["no manifest", fromHex("d86ba1024180"), "manifest-malformed"],
    ["unsigned", writeEnvelope(unsigned, []), "manifest-unsigned"],
    ["five signatures", await signed({ manifest: install }, ["vendor", "second", "stranger", "vendor", "second"]), "manifest-unsupported"],
    ["a digest of SHA-384", flipped(at("2f5820"), 0x2a - 0), "manifest-unsupported"],
    ["another digest in the wrapper", flipped(at("2f5820", 5)), "manifest-digest"],
    ["a manifest that was changed after signing", flipped(good.length - 3), "manifest-digest"],
    ["a key nobody trusts", await signed({ manifest: install }, ["stranger"]), "unknown-signer"],
    ["a signature that was changed", flipped(at("f65840", 40)), "bad-signature"],
    ["the signature of a stranger under a trusted key id", await forged(), "bad-signature"],
    ["a bad signature of a trusted key before a good one", await badThenGood(), "bad-signature"],
    ["ES384", flipped(at("43a10126", 3), 0x27), "manifest-unsupported"],
    ["no key id", await withoutKeyId(), "manifest-unsupported"],
    ["an attached payload", flipped(at("f65840"), 0xf5), "manifest-malformed"],
    ["a header parameter nobody knows", flipped(at("a10126", 1), 0x03), "manifest-unsupported"],
  ];
  return cases.map(([name, bytes, reason]) => ({ name, hex: toHex(bytes), reason }));
}

async function badContents(): Promise<BadManifest[]> {
  const anchorsManifest = (set: Uint8Array): UpdateManifest => ({
    ...install,
    kind: "anchors",
    variants: [],
    digest: digestFromBytes(nodeSuitCrypto.sha256(set)),
    size: set.length,
  });
  const set = writeKeySet([keys.second.signer.anchor]);
  const wrongId = writeKeySet([{ ...keys.second.signer.anchor, keyId: new Uint8Array(8) }]);
  const hexOf = (bytes: Uint8Array) => toHex(bytes);
  const fetch = (edit: (parameters: Members) => void) =>
    changed((members) => {
      const sequence = open(members.get(16)) as CborValue[];
      edit(sequence[1] as Members);
      members.set(16, writeCbor(sequence));
    });
  const shared = (edit: (sequence: CborValue[]) => void) =>
    changed((members) => {
      const common = open(members.get(3)) as Members;
      const sequence = open(common.get(4)) as CborValue[];
      edit(sequence);
      common.set(4, writeCbor(sequence));
      members.set(3, writeCbor(common));
    });
  const component = (components: CborValue) =>
    changed((members) => {
      const common = open(members.get(3)) as Members;
      common.set(2, components);
      members.set(3, writeCbor(common));
    });
  const uri = (text: string) => fetch((parameters) => parameters.set(21, text));
  const name = (text: string) => new TextEncoder().encode(text);
  const cases: [string, Promise<Uint8Array>, ManifestReason][] = [
    ["version 2", changed((members) => members.set(1, 2)), "manifest-unsupported"],
    ["no version", changed((members) => members.delete(1)), "manifest-malformed"],
    ["sequence number 0", changed((members) => members.set(2, 0)), "manifest-malformed"],
    ["a sequence number over 32 bits", changed((members) => members.set(2, 2 ** 32)), "manifest-malformed"],
    ["a sequence number as text", changed((members) => members.set(2, "42")), "manifest-malformed"],
    ["a load sequence", changed((members) => members.set(8, fromHex("82030f"))), "manifest-unsupported"],
    ["a reference URI", changed((members) => members.set(4, "https://vendor.example/")), "manifest-unsupported"],
    ["no common", changed((members) => members.delete(3)), "manifest-malformed"],
    ["no validate", changed((members) => members.delete(7)), "manifest-unsupported"],
    ["no invoke", changed((members) => members.delete(9)), "manifest-unsupported"],
    ["no install", changed((members) => members.delete(20)), "manifest-unsupported"],
    ["no fetch and no device", changed((members) => [members.delete(16), members.delete(20)]), "manifest-unsupported"],
    ["two components", component([[name("image")], [name("image")]]), "manifest-unsupported"],
    ["another component", component([[name("loader")]]), "manifest-unsupported"],
    ["no class id", shared((sequence) => (sequence[1] as Members).delete(2)), "manifest-malformed"],
    ["no condition on the class", shared((sequence) => sequence.splice(4, 2)), "manifest-unsupported"],
    ["a vendor id of 15 bytes", shared((sequence) => (sequence[1] as Members).set(1, new Uint8Array(15))), "manifest-malformed"],
    ["a slot", shared((sequence) => (sequence[1] as Members).set(5, 1)), "manifest-unsupported"],
    ["a private command in the shared sequence", shared((sequence) => sequence.push(-300, 1)), "manifest-unsupported"],
    ["swap in place of image-match", changed((members) => members.set(20, writeCbor([31, 2]))), "manifest-unsupported"],
    ["commands after image-match", changed((members) => members.set(20, writeCbor([3, 15, 3, 15]))), "manifest-unsupported"],
    ["a manifest cut inside", wrapped(writeManifest(install).slice(0, -2)), "manifest-truncated"],
    ["bytes after the manifest", wrapped(new Uint8Array([...writeManifest(install), 0])), "manifest-malformed"],
    ["a manifest nested too deep", wrapped(fromHex(`a101${"81".repeat(20)}00`)), "manifest-too-deep"],
    ["a variant nested too deep", changed((members) => members.set(16, fromHex(`82${"81".repeat(20)}0000`))), "manifest-too-deep"],
    ["an http URL", uri(`http://evil.example/artifacts/${image.digest.slice(7)}`), "foreign-uri"],
    ["a URL without scheme to another host", uri(`//evil.example/artifacts/${image.digest.slice(7)}`), "foreign-uri"],
    ["a path upwards", uri(`/artifacts/../${image.digest.slice(7)}`), "foreign-uri"],
    ["another artifact's path", uri(`/artifacts/${previous.digest.slice(7)}`), "foreign-uri"],
    ["a query of its own", uri(`/artifacts/${image.digest.slice(7)}?x=1`), "foreign-uri"],
    ["capital digits", uri(`/artifacts/${image.digest.slice(7).toUpperCase()}`), "foreign-uri"],
    ["no payload size", fetch((parameters) => parameters.delete(-259)), "manifest-malformed"],
    ["payload kind 3", fetch((parameters) => parameters.set(-257, 3)), "manifest-unsupported"],
    ["a window for a full image", fetch((parameters) => parameters.set(-260, 4096)), "manifest-malformed"],
    ["a parameter nobody knows", fetch((parameters) => parameters.set(-299, 1)), "manifest-unsupported"],
    ["an empty encryption info", fetch((parameters) => parameters.set(19, new Uint8Array(0))), "manifest-malformed"],
    ["an encryption info of 257 bytes", fetch((parameters) => parameters.set(19, new Uint8Array(257))), "manifest-unsupported"],
    ["deflate without window", signed({ manifest: install }).then(() => fetch((parameters) => parameters.set(-257, 1))), "manifest-malformed"],
    ["a window of 4095", withVariants([{ ...deflate, window: 4095 }]), "manifest-malformed"],
    ["a window of 65536", withVariants([{ ...deflate, window: 65536 }]), "manifest-malformed"],
    ["nine variants", withVariants(Array<typeof full>(9).fill(full)), "manifest-unsupported"],
    ["a try-each of one", changed((members) => members.set(16, writeCbor([15, [members.get(16) as Uint8Array]]))), "manifest-malformed"],
    ["try-each within try-each", nested(), "manifest-unsupported"],
    ["text without its digest", withMember(23, fromHex("a162656ea10161 78".replace(" ", ""))), "manifest-malformed"],
    ["anchors for the image", signed({ manifest: install, anchors: set }), "manifest-unsupported"],
    ["no anchors in it", signed({ manifest: anchorsManifest(set) }), "manifest-malformed"],
    ["anchors of another digest", signed({ manifest: anchorsManifest(set), anchors: wrongId }), "digest-mismatch"],
    ["anchors whose key id isn't the key's", signed({ manifest: anchorsManifest(wrongId), anchors: wrongId }), "manifest-malformed"],
    ["no anchors at all", signed({ manifest: anchorsManifest(fromHex("80")), anchors: fromHex("80") }), "manifest-malformed"],
  ];
  return Promise.all(cases.map(async ([title, bytes, reason]) => ({ name: title, hex: hexOf(await bytes), reason })));
}

async function badForNode(): Promise<BadManifest[]> {
  const other = (byte: number) => new Uint8Array(16).fill(byte);
  const back = { ...install, kind: "boot-previous", device, variants: [], ...previous } as const;
  const info = fromHex("d1");
  const cases: [string, UpdateManifest, ManifestReason, object?][] = [
    ["another vendor", { ...install, vendor: other(1) }, "wrong-vendor"],
    ["another class", { ...install, class: other(2) }, "wrong-class"],
    ["another vendor, class and device: the vendor is said", { ...install, vendor: other(1), class: other(2), device: other(3) }, "wrong-vendor"],
    ["another node", { ...install, device: other(3) }, "wrong-device"],
    ["boot-previous of another node", { ...back, device: other(3) }, "wrong-device"],
    ["an older sequence number", { ...install, sequence: 40 }, "sequence-too-low"],
    ["an older sequence number with the digest that runs", { ...install, sequence: 40, digest: running }, "sequence-too-low"],
    ["the same sequence number with another digest", { ...install, sequence: 41 }, "sequence-reused"],
    ["boot-previous a second time", { ...back, sequence: 41 }, "sequence-reused"],
    ["an image one byte larger than the slot", { ...install, size: target.slotSize + 1 }, "image-too-large"],
    ["boot-previous of an image that isn't there", { ...back, digest: image.digest }, "no-previous-image"],
    ["only a delta for another image", { ...install, variants: [{ ...delta, base: previous.digest }] }, "wrong-base"],
    ["only a window that is too large", { ...install, variants: [{ ...deflate, window: 8192 }] }, "unsupported-variant"],
    ["only an unknown delta format", { ...install, variants: [{ ...delta, format: 2 }] }, "unsupported-variant"],
    ["only a delta that needs too much memory", { ...install, variants: [{ ...delta, memory: 4097 }] }, "unsupported-variant"],
    ["an encrypted payload whose key isn't there", { ...install, variants: [{ ...full, encryptionInfo: info }] }, "no-payload-key"],
    ["a delta for another image, and the rest over the budget", { ...install, variants: [{ ...delta, base: previous.digest }, full] }, "over-budget", { budget: 1000 }],
  ];
  return Promise.all(
    cases.map(async ([name, manifest, reason, own]) => ({
      name,
      hex: toHex(await signed({ manifest })),
      reason,
      ...(own ? { target: own } : {}),
    })),
  );
}

function open(bytes: CborValue | undefined): CborValue {
  const read = readCbor(bytes as Uint8Array);
  if (!read.ok) throw new Error(`a vector's own CBOR: ${read.code}`);
  return read.value;
}

/** The good manifest with its members edited, signed. */
function changed(edit: (members: Members) => void): Promise<Uint8Array> {
  const members = open(writeManifest(install)) as Members;
  edit(members);
  return wrapped(writeCbor(members));
}

function wrapped(manifest: Uint8Array): Promise<Uint8Array> {
  return signEnvelope(wrapManifest(manifest, {}, nodeSuitCrypto), ["vendor"]);
}

function withVariants(list: UpdateManifest["variants"]): Promise<Uint8Array> {
  return signed({ manifest: { ...install, variants: list } });
}

function nested(): Promise<Uint8Array> {
  return changed((members) => {
    const variant = members.get(16) as Uint8Array;
    const inner = writeCbor([15, [variant, variant]]);
    members.set(16, writeCbor([15, [inner, variant]]));
  });
}

/** The signed envelope with one more member. */
async function withMember(key: CborKey, value: Uint8Array): Promise<Uint8Array> {
  const members = open((await signed({ manifest: install })).slice(2)) as Members;
  members.set(key, value);
  return new Uint8Array([0xd8, 0x6b, ...writeCbor(members)]);
}

async function forged(): Promise<Uint8Array> {
  const envelope = prepareEnvelope({ manifest: install }, nodeSuitCrypto);
  const signature = await keys.stranger.signer.sign(envelope.toBeSigned);
  return writeEnvelope(envelope, [{ keyId: keys.vendor.signer.anchor.keyId, signature }]);
}

async function badThenGood(): Promise<Uint8Array> {
  const envelope = prepareEnvelope({ manifest: install }, nodeSuitCrypto);
  const { signer } = keys.vendor;
  return writeEnvelope(envelope, [
    { keyId: signer.anchor.keyId, signature: new Uint8Array(64).fill(1) },
    { keyId: signer.anchor.keyId, signature: await signer.sign(envelope.toBeSigned) },
  ]);
}

async function withoutKeyId(): Promise<Uint8Array> {
  const envelope = prepareEnvelope({ manifest: install }, nodeSuitCrypto);
  const signature = await keys.vendor.signer.sign(envelope.toBeSigned);
  const block = new Uint8Array([0xd2, ...writeCbor([fromHex("a10126"), new Map(), null, signature])]);
  const members: Members = new Map<CborKey, CborValue>([
    [2, writeCbor([envelope.signedPayload, block])],
    [3, envelope.manifest],
  ]);
  return new Uint8Array([0xd8, 0x6b, ...writeCbor(members)]);
}
