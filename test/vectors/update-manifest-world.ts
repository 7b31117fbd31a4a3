import { createHash, createPrivateKey } from "node:crypto";
import { deviceId, suitIds } from "../../manager/signing/suit-ids.ts";
import { keySigner } from "../../manager/signing/signing-key.ts";
import { type Digest, digestFromBytes } from "../../schemas/wire/digest.ts";
import type { ManifestTarget } from "../../schemas/wire/suit/applies-to.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";

/** Who and what the vectors of update manifests are about. The keys are for tests alone: their private halves are published. */
export const names = { domain: "vendor.example", model: "sensor", node: "node-1" };
export const ids = suitIds(names.domain, names.model);
export const device = deviceId(ids.vendor, names.node);

function testKey(seed: string): { readonly d: Uint8Array; readonly pem: string } {
  const d = new Uint8Array(createHash("sha256").update(`coxswain test key ${seed}`).digest());
  // SEC 1 inside PKCS #8, with the public point left out: OpenSSL works it out.
  const der = Buffer.concat([
    Buffer.from("3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420", "hex"),
    d,
  ]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { d, pem: key.export({ format: "pem", type: "pkcs8" }).toString() };
}

const seeds = ["vendor", "second", "stranger"] as const;
export const keys = Object.fromEntries(
  seeds.map((seed) => {
    const { d, pem } = testKey(seed);
    return [seed, { d, pem, signer: keySigner(pem) }];
  }),
) as Record<(typeof seeds)[number], { d: Uint8Array; pem: string; signer: ReturnType<typeof keySigner> }>;

/** What the node of the vectors trusts. */
export const anchors = [keys.vendor.signer.anchor, keys.second.signer.anchor];
export const anchorBytes = writeKeySet(anchors);

export function digestOf(text: string): Digest {
  return digestFromBytes(new Uint8Array(createHash("sha256").update(text).digest()));
}

/** The node's own images: what runs, what the other slot holds, and what is installed. */
export const running = digestOf("running image");
export const previous = { digest: digestOf("previous image"), size: 65432 };
export const image = { digest: digestOf("new image"), size: 70000 };

export const target: ManifestTarget = {
  ...ids,
  device,
  sequence: 41,
  running,
  slotSize: 262144,
  previous,
  budget: 1_000_000,
  windowMax: 4096,
  deltaFormats: [1],
  deltaMemory: 4096,
  canDecrypt: (info) => info[0] === 0xd0,
};

const full = { kind: "full", digest: image.digest, size: image.size } as const;
const deflate = { kind: "deflate", digest: digestOf("deflated image"), size: 40000, window: 4096 } as const;
const delta = {
  kind: "delta",
  digest: digestOf("delta of image"),
  size: 900,
  base: running,
  format: 1,
  memory: 4096,
} as const;
export const variants = { full, deflate, delta };

export const install: UpdateManifest = { kind: "install", sequence: 42, ...ids, ...image, variants: [full] };
