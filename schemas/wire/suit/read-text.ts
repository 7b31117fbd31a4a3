import { ManifestFault } from "./manifest-fault.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { suitLimits } from "./suit-limits.ts";
import type { ManifestText } from "./update-manifest.ts";

const tagPattern = /^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$/;
const topKeys = ["manifestDescription", "updateDescription"] as const;
const componentKeys = [
  "vendorName",
  "modelName",
  "vendorDomain",
  "modelInfo",
  "componentDescription",
  "version",
] as const;

/** The text in all its languages. Throws a `ManifestFault`. */
export function readText(bytes: Uint8Array): readonly ManifestText[] {
  const cursor = new SuitCursor(bytes, "text");
  const count = cursor.map("languages");
  if (count === 0) cursor.malformed("no language");
  if (count > suitLimits.languagesMax) cursor.unsupported(`${count} languages`);
  const texts: ManifestText[] = [];
  for (let i = 0; i < count; i++) {
    const language = cursor.text("language");
    if (!tagPattern.test(language)) cursor.malformed("language");
    texts.push({ language, ...readLanguage(cursor) });
  }
  return texts;
}

function readLanguage(cursor: SuitCursor): Omit<ManifestText, "language"> {
  const found: { -readonly [K in keyof ManifestText]?: string } = {};
  const count = cursor.map("texts");
  for (let i = 0; i < count; i++) {
    if (cursor.major === 4) {
      if (cursor.array("component") !== 1) cursor.unsupported("component");
      cursor.bytes("component");
      const inside = cursor.map("texts of the component");
      for (let j = 0; j < inside; j++) found[keyOf(cursor, componentKeys)] = readItem(cursor);
    } else found[keyOf(cursor, topKeys)] = readItem(cursor);
  }
  return found;
}

function keyOf<K extends string>(cursor: SuitCursor, keys: readonly K[]): K {
  const number = cursor.int("key");
  return keys[number - 1] ?? cursor.unsupported(`key ${number}`);
}

function readItem(cursor: SuitCursor): string {
  const text = cursor.text("text");
  if (text.length > suitLimits.textItemMax) throw new ManifestFault("manifest-too-large", "text, one text");
  return text;
}
