import { claimCodeLength, groupedClaimCode, newClaimCode } from "../../manager/domain/claim-code.ts";

export interface FoundSecret {
  /** From 1. */
  readonly line: number;
  /** How it was written. */
  readonly form: string;
  /** The line without it. */
  readonly words: string;
}

/** So many bytes of a secret are looked for: its beginning counts as much as the whole. */
const prefixBytes = 12;
const hexLength = 2 * prefixBytes;
const base64Length = (prefixBytes * 4) / 3;
const shortestText = 6;
const mostFound = 50;

/** Looks for many secrets at once, in whatever form a log would have them: text, hex, base64 of both alphabets, also inside of something larger, and lists of bytes. */
export class SecretSearch {
  readonly #hex = new Set<string>();
  /** In the alphabet of base64, for each of the three places where a secret may begin in something larger. */
  readonly #base64 = new Set<string>();
  readonly #texts = new Set<string>(["PRIVATE KEY"]);

  add(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes);
    this.#hex.add(buffer.toString("hex", 0, prefixBytes));
    for (let at = 0; at < 3 && at + prefixBytes <= buffer.length; at++) {
      this.#base64.add(buffer.toString("base64", at, at + prefixBytes));
    }
    if (bytes.length === claimCodeLength - 1) {
      const code = newClaimCode(bytes);
      for (const text of [code, groupedClaimCode(code)]) this.addText(text);
    }
  }

  addText(text: string): void {
    if (text.length < shortestText) return;
    this.#texts.add(text);
    const bytes = Buffer.from(text);
    if (bytes.length >= prefixBytes) {
      this.#hex.add(bytes.toString("hex", 0, prefixBytes));
      for (let at = 0; at < 3 && at + prefixBytes <= bytes.length; at++) {
        this.#base64.add(bytes.toString("base64", at, at + prefixBytes));
      }
      return;
    }
    const base64 = bytes.toString("base64").replace(/=+$/, "");
    for (const form of [bytes.toString("hex"), base64, base64.replace(/\+/g, "-").replace(/\//g, "_")]) {
      this.#texts.add(form);
    }
  }

  get size(): number {
    return this.#hex.size + this.#texts.size;
  }

  /** The first ones of a text. */
  find(text: string): FoundSecret[] {
    const found: FoundSecret[] = [];
    const hit = (form: string, at: number, length: number): void => {
      if (found.length < mostFound) found.push(placeOf(text, form, at, length));
    };
    for (const each of this.#texts) {
      const at = text.indexOf(each);
      if (at !== -1) hit("text", at, each.length);
    }
    for (const { 0: run, index } of text.matchAll(/[A-Za-z0-9+/_-]{16,}/g)) {
      const lower = run.toLowerCase();
      for (let at = 0; at + hexLength <= lower.length; at++) {
        if (this.#hex.has(lower.slice(at, at + hexLength))) hit("hex", index + at, hexLength);
      }
      const standard = run.replace(/-/g, "+").replace(/_/g, "/");
      for (let at = 0; at + base64Length <= standard.length; at++) {
        if (this.#base64.has(standard.slice(at, at + base64Length))) hit("base64", index + at, base64Length);
      }
    }
    for (const { list, at, length } of byteLists(text)) {
      const hex = Buffer.from(list).toString("hex");
      for (let byte = 0; byte + prefixBytes <= list.length; byte++) {
        if (this.#hex.has(hex.slice(2 * byte, 2 * byte + hexLength))) hit("bytes", at, length);
      }
    }
    return found;
  }
}

/** `<Buffer 0a 0b>`, `10, 11` and `"0":10,"1":11`, as consoles and JSON write bytes. */
function* byteLists(
  text: string,
): Generator<{ readonly list: readonly number[]; readonly at: number; readonly length: number }> {
  const listed = (words: RegExpMatchArray, list: readonly number[]) => ({
    list,
    at: words.index ?? 0,
    length: words[0].length,
  });
  for (const words of text.matchAll(/\b(?:[0-9a-f]{2}[ :]){11,}[0-9a-f]{2}\b/gi)) {
    yield listed(
      words,
      words[0].split(/[ :]/).map((each) => Number.parseInt(each, 16)),
    );
  }
  for (const words of text.matchAll(/(?:\b\d{1,3},\s*){11,}\d{1,3}/g))
    yield listed(words, words[0].split(",").map(Number));
  for (const words of text.matchAll(/(?:"?\d+"?:\s*\d{1,3},\s*){11,}"?\d+"?:\s*\d{1,3}/g)) {
    yield listed(
      words,
      words[0].split(",").map((each) => Number(each.split(":")[1])),
    );
  }
}

function placeOf(text: string, form: string, at: number, length: number): FoundSecret {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at + length);
  const [before, after] = [text.slice(start, at), text.slice(at + length, end === -1 ? undefined : end)];
  return { line: text.slice(0, at).split("\n").length, form, words: `${before.slice(-160)}***${after.slice(0, 80)}` };
}
