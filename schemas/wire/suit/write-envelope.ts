import type { CborKey, CborValue } from "../cbor.ts";
import { CborWriter, writeCbor } from "../cbor-writer.ts";
import { digestFromBytes } from "../digest.ts";
import { protectedHeader, toBeSigned } from "./cose-sign1.ts";
import type { SuitCrypto } from "./suit-crypto.ts";
import { componentName, envelopeKey, tag } from "./suit-keys.ts";
import type { ManifestText, UpdateManifest } from "./update-manifest.ts";
import { suitDigest, writeManifest } from "./write-manifest.ts";

/** An envelope before it is signed. */
export interface UnsignedEnvelope {
  readonly manifest: Uint8Array;
  /** The content of the wrapper's first byte string. */
  readonly signedPayload: Uint8Array;
  /** What the signer is given: SHA-256 of it, ECDSA on P-256. */
  readonly toBeSigned: Uint8Array;
  readonly text: Uint8Array | undefined;
  readonly anchors: Uint8Array | undefined;
}
export interface EnvelopeSignature {
  readonly keyId: Uint8Array;
  /** r and s, 64 bytes. */
  readonly signature: Uint8Array;
}
export interface EnvelopeParts {
  readonly manifest: UpdateManifest;
  readonly text?: ManifestText;
  /** The key set of a manifest of kind `anchors`. */
  readonly anchors?: Uint8Array;
}

/** `manifest.textDigest` is set here, from `text`. */
export function prepareEnvelope(parts: EnvelopeParts, crypto: Pick<SuitCrypto, "sha256">): UnsignedEnvelope {
  const text = parts.text ? writeText(parts.text, parts.manifest.kind) : undefined;
  const digest = text ? { textDigest: digestFromBytes(crypto.sha256(writeCbor(text))) } : {};
  return wrapManifest(writeManifest({ ...parts.manifest, ...digest }), { text, anchors: parts.anchors }, crypto);
}

/** The envelope of a manifest that is written already. */
export function wrapManifest(
  manifest: Uint8Array,
  { text, anchors }: { readonly text?: Uint8Array | undefined; readonly anchors?: Uint8Array | undefined },
  crypto: Pick<SuitCrypto, "sha256">,
): UnsignedEnvelope {
  const signedPayload = writeCbor(suitDigest(digestFromBytes(crypto.sha256(writeCbor(manifest)))));
  return { manifest, signedPayload, toBeSigned: toBeSigned(protectedHeader, signedPayload), text, anchors };
}

export function writeEnvelope(envelope: UnsignedEnvelope, signatures: readonly EnvelopeSignature[]): Uint8Array {
  const blocks = signatures.map(({ keyId, signature }) =>
    tagged(tag.sign1, [protectedHeader, new Map([[4, keyId]]), null, signature]),
  );
  const members = new Map<CborKey, CborValue>([
    [envelopeKey.authentication, writeCbor([envelope.signedPayload, ...blocks])],
    [envelopeKey.manifest, envelope.manifest],
  ]);
  if (envelope.text) members.set(envelopeKey.text, envelope.text);
  if (envelope.anchors) members.set(envelopeKey.anchors, envelope.anchors);
  return tagged(tag.envelope, members);
}

function writeText(text: ManifestText, kind: UpdateManifest["kind"]): Uint8Array {
  const { manifestDescription, updateDescription } = text;
  const top = numbered([manifestDescription, updateDescription]);
  const inside = numbered([
    text.vendorName,
    text.modelName,
    text.vendorDomain,
    text.modelInfo,
    text.componentDescription,
    text.version,
  ]);
  // The component's texts have an array as their key, which no map of ours can have: written token by token.
  const writer = new CborWriter();
  writer.map(1);
  writer.item(text.language);
  writer.map(top.size + 1);
  for (const [key, value] of top) {
    writer.item(key);
    writer.item(value);
  }
  writer.item([new TextEncoder().encode(kind === "anchors" ? componentName.anchors : componentName.image)]);
  writer.item(inside);
  return writer.finish();
}

function numbered(texts: readonly (string | undefined)[]): ReadonlyMap<number, string> {
  return new Map(texts.flatMap((text, i) => (text === undefined ? [] : [[i + 1, text] as const])));
}

/** `writeCbor` has no tags, since no other message of ours has any. */
function tagged(number: number, value: CborValue): Uint8Array {
  const content = writeCbor(value);
  const head = number < 24 ? [0xc0 | number] : [0xd8, number];
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}
