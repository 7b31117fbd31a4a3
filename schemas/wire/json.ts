/*
 * Strict JSON (RFC 8259, I-JSON's rules of RFC 7493): UTF-8 without a byte order mark, no duplicate names, no unpaired
 * surrogates, numbers that are finite, at most 8 levels. Objects come as Maps, so that no name (`__proto__`) means
 * anything to the program. `JSON.parse` keeps the last of two equal names in silence and has no limit of depth.
 */

export type JsonValue = number | string | boolean | null | readonly JsonValue[] | ReadonlyMap<string, JsonValue>;

/** Arrays and objects that may be open at once. */
export const jsonDepthMax = 8;

export type JsonFault =
  | "bad-utf8"
  | "bad-syntax"
  | "bad-number"
  | "bad-text"
  | "duplicate-name"
  | "too-deep"
  | "trailing-text";

export type JsonResult =
  | { readonly ok: true; readonly value: JsonValue }
  | { readonly ok: false; readonly code: JsonFault; readonly offset: number };

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The one value in `bytes`; `offset` of a fault counts UTF-16 units. */
export function readJson(bytes: Uint8Array): JsonResult {
  let text: string;
  try {
    text = strictUtf8.decode(bytes);
  } catch {
    return { ok: false, code: "bad-utf8", offset: 0 };
  }
  const reader = new Reader(text);
  reader.space();
  const value = reader.value(0);
  if (value === undefined)
    return { ok: false, code: (reader.fault as JsonFault | undefined) ?? "bad-syntax", offset: reader.position };
  reader.space();
  if (reader.position < text.length) return { ok: false, code: "trailing-text", offset: reader.position };
  return { ok: true, value };
}

const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters end a text on purpose.
const plainPattern = /[^"\\\u0000-\u001f]*/y;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

class Reader {
  fault: JsonFault | undefined;
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  space(): void {
    for (;;) {
      const unit = this.#text.charCodeAt(this.position);
      if (unit !== 0x20 && unit !== 0x0a && unit !== 0x0d && unit !== 0x09) return;
      this.position++;
    }
  }

  value(depth: number): JsonValue | undefined {
    const first = this.#text.charAt(this.position);
    switch (first) {
      case "{":
        return depth === jsonDepthMax ? this.#fail("too-deep") : this.#object(depth + 1);
      case "[":
        return depth === jsonDepthMax ? this.#fail("too-deep") : this.#array(depth + 1);
      case '"':
        return this.#string();
      case "t":
        return this.#word("true", true);
      case "f":
        return this.#word("false", false);
      case "n":
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #fail(code: JsonFault): undefined {
    this.fault ??= code;
    return undefined;
  }

  #word<T>(word: string, value: T): T | undefined {
    if (!this.#text.startsWith(word, this.position)) return this.#fail("bad-syntax");
    this.position += word.length;
    return value;
  }

  #number(): number | undefined {
    numberPattern.lastIndex = this.position;
    const match = numberPattern.exec(this.#text);
    if (!match) return this.#fail("bad-syntax");
    const value = Number(match[0]);
    if (!Number.isFinite(value)) return this.#fail("bad-number");
    this.position = numberPattern.lastIndex;
    return value;
  }

  #string(): string | undefined {
    let text = "";
    this.position++;
    for (;;) {
      plainPattern.lastIndex = this.position;
      const plain = plainPattern.exec(this.#text)?.[0] ?? "";
      text += plain;
      this.position += plain.length;
      const unit = this.#text.charAt(this.position);
      if (unit === '"') break;
      if (unit !== "\\") return this.#fail("bad-syntax");
      const escaped = this.#escape();
      if (escaped === undefined) return undefined;
      text += escaped;
    }
    this.position++;
    return text.isWellFormed() ? text : this.#fail("bad-text");
  }

  #escape(): string | undefined {
    const letter = this.#text.charAt(this.position + 1);
    if (letter === "u") {
      const hex = this.#text.slice(this.position + 2, this.position + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(hex)) return this.#fail("bad-syntax");
      this.position += 6;
      return String.fromCharCode(Number.parseInt(hex, 16));
    }
    const character = letter === "" ? undefined : escapes[letter];
    if (character === undefined) return this.#fail("bad-syntax");
    this.position += 2;
    return character;
  }

  #array(depth: number): JsonValue[] | undefined {
    const items: JsonValue[] = [];
    this.position++;
    this.space();
    if (this.#closes("]")) return items;
    for (;;) {
      const item = this.value(depth);
      if (item === undefined) return undefined;
      items.push(item);
      this.space();
      if (this.#closes("]")) return items;
      if (!this.#comma()) return undefined;
    }
  }

  #object(depth: number): Map<string, JsonValue> | undefined {
    const map = new Map<string, JsonValue>();
    this.position++;
    this.space();
    if (this.#closes("}")) return map;
    for (;;) {
      if (this.#text.charAt(this.position) !== '"') return this.#fail("bad-syntax");
      const name = this.#string();
      if (name === undefined) return undefined;
      if (map.has(name)) return this.#fail("duplicate-name");
      this.space();
      if (this.#text.charAt(this.position) !== ":") return this.#fail("bad-syntax");
      this.position++;
      this.space();
      const value = this.value(depth);
      if (value === undefined) return undefined;
      map.set(name, value);
      this.space();
      if (this.#closes("}")) return map;
      if (!this.#comma()) return undefined;
    }
  }

  #closes(bracket: string): boolean {
    if (this.#text.charAt(this.position) !== bracket) return false;
    this.position++;
    return true;
  }

  #comma(): boolean {
    if (this.#text.charAt(this.position) !== ",") {
      this.#fail("bad-syntax");
      return false;
    }
    this.position++;
    this.space();
    return true;
  }
}
