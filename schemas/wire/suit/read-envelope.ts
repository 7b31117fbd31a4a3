import { type CoseSign1, readSign1 } from "./cose-sign1.ts";
import { ManifestFault } from "./manifest-fault.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { envelopeKey, tag } from "./suit-keys.ts";
import { suitLimits } from "./suit-limits.ts";
import { readDigest } from "./suit-parts.ts";

/** The parts of an envelope; nothing of the manifest, the text and the anchors was looked at. All are views into it. */
export interface Envelope {
  /** SHA-256 that the wrapper claims of the manifest. */
  readonly claimedDigest: Uint8Array;
  /** What each signature covers. */
  readonly signedPayload: Uint8Array;
  readonly signatures: readonly CoseSign1[];
  /** Content of its byte string, and the byte string with its head. */
  readonly manifest: Wrapped;
  readonly text: Wrapped | undefined;
  readonly anchors: Uint8Array | undefined;
}
export interface Wrapped {
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** Throws a `ManifestFault`. */
export function readEnvelope(bytes: Uint8Array, sizeMax: number): Envelope {
  if (bytes.length > sizeMax)
    throw new ManifestFault("manifest-too-large", `${bytes.length} bytes, at most ${sizeMax}`);
  const cursor = new SuitCursor(bytes, "envelope");
  if (cursor.major !== 6) cursor.malformed("no tag 107");
  cursor.tag(tag.envelope, "tag");
  const count = cursor.map("members");
  let wrapper: Uint8Array | undefined;
  let manifest: Wrapped | undefined;
  let text: Wrapped | undefined;
  let anchors: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const key = cursor.key("member");
    const start = cursor.position;
    if (key === envelopeKey.authentication) wrapper = cursor.bytes("authentication wrapper");
    else if (key === envelopeKey.manifest) manifest = { content: cursor.bytes("manifest"), whole: cursor.since(start) };
    else if (key === envelopeKey.text) text = { content: cursor.bytes("text"), whole: cursor.since(start) };
    else if (key === envelopeKey.anchors) anchors = cursor.bytes("anchors");
    else cursor.unsupported(`member ${key}`);
  }
  if (!wrapper) return cursor.malformed("no authentication wrapper");
  if (!manifest) return cursor.malformed("no manifest");
  if (text && text.content.length > suitLimits.textMax)
    throw new ManifestFault(
      "manifest-too-large",
      `text of ${text.content.length} bytes, at most ${suitLimits.textMax}`,
    );
  return { ...readWrapper(wrapper), manifest, text, anchors };
}

function readWrapper(bytes: Uint8Array): Pick<Envelope, "claimedDigest" | "signedPayload" | "signatures"> {
  const cursor = new SuitCursor(bytes, "authentication wrapper");
  const count = cursor.array("wrapper");
  if (count === 0) cursor.malformed("no digest");
  if (count > 1 + suitLimits.signaturesMax) cursor.unsupported(`${count - 1} signatures`);
  const signedPayload = cursor.bytes("digest");
  const inside = new SuitCursor(signedPayload, "digest of the manifest");
  const claimedDigest = readDigest(inside, "digest");
  const signatures: CoseSign1[] = [];
  for (let i = 1; i < count; i++) signatures.push(readSign1(cursor.bytes("signature"), tag.sign1));
  return { claimedDigest, signedPayload, signatures };
}
