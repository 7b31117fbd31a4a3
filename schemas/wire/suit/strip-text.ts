import type { CborKey, CborValue } from "../cbor.ts";
import { writeCbor } from "../cbor-writer.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { envelopeKey, tag } from "./suit-keys.ts";

/** The envelope without its text, as nodes are sent it: severing leaves every signature good. `bytes` was verified before. */
export function stripText(bytes: Uint8Array): Uint8Array {
  const cursor = new SuitCursor(bytes, "envelope");
  cursor.tag(tag.envelope, "tag");
  const count = cursor.map("members");
  const kept = new Map<CborKey, CborValue>();
  for (let i = 0; i < count; i++) {
    const key = cursor.key("member");
    const value = cursor.bytes("member");
    if (key !== envelopeKey.text) kept.set(key, value);
  }
  const content = writeCbor(kept);
  const stripped = new Uint8Array(2 + content.length);
  stripped.set([0xd8, tag.envelope]);
  stripped.set(content, 2);
  return stripped;
}
