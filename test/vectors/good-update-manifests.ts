import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { writeCbor } from "../../schemas/wire/cbor-writer.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { fromHex, toHex } from "../../schemas/wire/hex.ts";
import { toBeSigned } from "../../schemas/wire/suit/cose-sign1.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { PayloadVariant } from "../../schemas/wire/suit/update-manifest.ts";
import { prepareEnvelope } from "../../schemas/wire/suit/write-envelope.ts";
import { signed } from "./sign-update-manifest.ts";
import { device, ids, install, keys, previous, running, target, variants } from "./update-manifest-world.ts";

export interface GoodManifest {
  readonly name: string;
  readonly hex: string;
  readonly kind: string;
  readonly sequence: number;
  readonly digest: string;
  readonly size: number;
  /** Index of the variant that the node takes; -1: none is needed. */
  readonly variant: number;
  readonly signer: keyof typeof keys;
  readonly target?: object;
}

const { full, deflate, delta } = variants;
/** COSE_Encrypt0 with nothing in it: what stands in an encryption info is none of this reader's business. */
const encryptionInfo = fromHex("d08340a0f6");
const text = { language: "en", updateDescription: "Faster start", modelName: "sensor", vendorDomain: "vendor.example", version: "2.0.0" };

export async function goodManifests(): Promise<readonly GoodManifest[]> {
  const one = { kind: "install", sequence: 42, digest: install.digest, size: install.size, signer: "vendor" } as const;
  const nextSet = writeKeySet([keys.second.signer.anchor, keys.stranger.signer.anchor]);
  const anchors = {
    ...install,
    kind: "anchors",
    variants: [],
    digest: digestFromBytes(nodeSuitCrypto.sha256(nextSet)),
    size: nextSet.length,
  } as const;
  const back = { ...install, kind: "boot-previous", device, variants: [], ...previous } as const;
  return [
    { ...one, name: "one full image", hex: toHex(await signed({ manifest: install })), variant: 0 },
    {
      ...one,
      name: "delta, deflate and full, with text",
      hex: toHex(await signed({ manifest: { ...install, variants: [delta, deflate, full] }, text })),
      variant: 0,
    },
    {
      ...one,
      name: "a delta for another image: the next variant is taken",
      hex: toHex(await signed({ manifest: { ...install, variants: [{ ...delta, base: previous.digest }, deflate, full] } })),
      variant: 1,
    },
    {
      ...one,
      name: "a window that is too large and a delta format that is unknown",
      hex: toHex(await signed({ manifest: { ...install, variants: [{ ...delta, format: 9 }, { ...deflate, window: 32768 }, full] } })),
      variant: 2,
    },
    {
      ...one,
      name: "full first: the smallest that can be applied is taken, wherever it stands",
      hex: toHex(await signed({ manifest: { ...install, variants: [full, deflate, delta] } })),
      variant: 2,
    },
    {
      ...one,
      name: "full first and a delta for another image: the smallest of the rest is taken",
      hex: toHex(await signed({ manifest: { ...install, variants: [full, { ...delta, base: previous.digest }, deflate] } })),
      variant: 2,
    },
    {
      ...one,
      name: "a delta that is larger than the deflated image",
      hex: toHex(await signed({ manifest: { ...install, variants: [{ ...delta, size: 50000 }, deflate, full] } })),
      variant: 1,
    },
    {
      ...one,
      name: "two of one size: the first is taken",
      hex: toHex(await signed({ manifest: { ...install, variants: [full, { ...deflate, size: 900 }, delta] } })),
      variant: 1,
    },
    {
      ...one,
      name: "the largest first, and a budget for the smallest alone",
      hex: toHex(await signed({ manifest: { ...install, variants: [full, deflate, delta] } })),
      variant: 2,
      target: { budget: 900 },
    },
    {
      ...one,
      name: "an encrypted payload whose key is there",
      hex: toHex(await signed({ manifest: { ...install, variants: [{ ...deflate, encryptionInfo }] } })),
      variant: 0,
    },
    {
      ...one,
      name: "eight variants",
      hex: toHex(await signed({ manifest: { ...install, variants: [...Array<PayloadVariant>(7).fill({ ...delta, memory: 99999 }), full] } })),
      variant: 7,
    },
    {
      ...one,
      name: "signed by two keys, the first of which the node doesn't know",
      hex: toHex(await signed({ manifest: install }, ["stranger", "second"])),
      signer: "second",
      variant: 0,
    },
    { ...one, name: "ESP256, and the key id in the protected header", hex: toHex(await otherHeader()), variant: 0 },
    { ...one, name: "for this node alone", hex: toHex(await signed({ manifest: { ...install, device } })), variant: 0 },
    {
      ...one,
      name: "the sequence number that runs, with the digest that runs",
      hex: toHex(await signed({ manifest: { ...install, digest: running } })),
      digest: running,
      variant: 0,
      target: { sequence: 42 },
    },
    {
      ...one,
      name: "the highest sequence number",
      hex: toHex(await signed({ manifest: { ...install, sequence: 0xffff_ffff } })),
      sequence: 0xffff_ffff,
      variant: 0,
    },
    {
      ...one,
      name: "an image as large as the slot, a budget as large as the payload",
      hex: toHex(await signed({ manifest: { ...install, size: target.slotSize, variants: [{ ...full, size: 500 }] } })),
      size: target.slotSize,
      variant: 0,
      target: { budget: 500 },
    },
    {
      ...one,
      name: "revert: the previous image under the next sequence number",
      hex: toHex(await signed({ manifest: { ...install, ...previous, variants: [{ ...full, ...previous }] } })),
      ...previous,
      variant: 0,
    },
    { ...one, name: "boot-previous for this node", hex: toHex(await signed({ manifest: back })), kind: "boot-previous", ...previous, variant: -1 },
    {
      ...one,
      name: "other trust anchors",
      hex: toHex(await signed({ manifest: anchors, anchors: nextSet })),
      kind: "anchors",
      digest: anchors.digest,
      size: anchors.size,
      variant: -1,
    },
  ];
}

async function otherHeader(): Promise<Uint8Array> {
  const { signer } = keys.vendor;
  const envelope = prepareEnvelope({ manifest: { ...install, ...ids } }, nodeSuitCrypto);
  const header = writeCbor(new Map<number, number | Uint8Array>([[1, -9], [4, signer.anchor.keyId]]));
  const signature = await signer.sign(toBeSigned(header, envelope.signedPayload));
  const block = concat(fromHex("d2"), writeCbor([header, new Map(), null, signature]));
  const members = new Map([[2, writeCbor([envelope.signedPayload, block])], [3, envelope.manifest]]);
  return concat(fromHex("d86b"), writeCbor(members));
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
