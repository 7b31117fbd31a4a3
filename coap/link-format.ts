/*
 * RFC 6690 section 2:
 *   Link-Format = "<" target ">" *( ";" name [ "=" ( token / quoted-string ) ] ) , separated by ","
 */

export interface Link {
  /** What stands between the angle brackets. */
  readonly target: string;
  /** In order; a bare attribute has the value true. Names may repeat, but for those that a link has once (section 3). */
  readonly attributes: readonly (readonly [name: string, value: string | true])[];
}

/** They say something by being there: what stands behind them says nothing (RFC 7641 section 6, RFC 8613 section 9). */
const flagNames: ReadonlySet<string> = new Set(["obs", "osc"]);
/** Sections 3.1 to 3.3, and RFC 5988 section 5: a second one says nothing. */
const onceNames: ReadonlySet<string> = new Set([
  ...flagNames,
  "rt",
  "if",
  "sz",
  "rel",
  "rev",
  "anchor",
  "title",
  "type",
  "media",
]);
/** Several values parted by spaces, each of which matches by itself: `relation-types` of the grammar, and `ct` (RFC 7252 section 7.2.1). */
const listNames: ReadonlySet<string> = new Set(["rt", "if", "rel", "rev", "ct"]);
/** Their grammar has no form without quotes, or only one for values that aren't numbers. */
const quotedNames: ReadonlySet<string> = new Set(["rt", "if", "rel", "rev", "anchor", "title", "type", "media"]);
const number = /^[0-9]+$/;
const token = /^[^\s",;\\]+$/;

const space = /\s*/y;
const targetHere = /[^<>"\s]*/y;
/** RFC 5987 section 3.2.1: parmname. */
const nameHere = /[A-Za-z0-9!#$&+\-.^_`|~]+\*?/y;
const tokenHere = /[^\s",;\\]+/y;
const quotedHere = /(?:[^"\\]|\\.)*/sy;

/** Text of a document, without line breaks. Of an attribute that a link has once the first is written, and none that is called `href`. */
export function formatLinks(links: readonly Link[]): string {
  return links.map(formatLink).join(",");
}

function formatLink({ target, attributes }: Link): string {
  let text = `<${target}>`;
  for (const [i, [name, value]] of attributes.entries()) {
    if (isSaid(attributes, name, i))
      text += value === true || flagNames.has(name) ? `;${name}` : `;${name}=${formatValue(name, value)}`;
  }
  return text;
}

function formatValue(name: string, value: string): string {
  // A language tag and an ext-value are never quoted (section 2).
  const isBare = name === "hreflang" || name.endsWith("*") ? token.test(value) : number.test(value);
  return isBare && !quotedNames.has(name) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}

/** `href` means the target in a query and is no attribute (section 2). */
function isSaid(attributes: readonly (readonly [string, unknown])[], name: string, index: number): boolean {
  if (name === "href") return false;
  return !onceNames.has(name) || attributes.findIndex(([each]) => each === name) === index;
}

/** The links of a document; undefined when it isn't one. Of more than `maxLinks` none is read. */
export function parseLinks(text: string, maxLinks = 1_000): Link[] | undefined {
  const links: Link[] = [];
  const scanner = new Scanner(text);
  scanner.skipSpace();
  if (scanner.isAtEnd) return links;
  for (;;) {
    if (links.length >= maxLinks) return undefined;
    const link = parseLink(scanner);
    if (link === undefined) return undefined;
    links.push(link);
    scanner.skipSpace();
    if (scanner.isAtEnd) return links;
    if (!scanner.take(",")) return undefined;
    scanner.skipSpace();
  }
}

/** First value of an attribute; the empty string for a bare one. */
export function attributeOf(link: Link, name: string): string | undefined {
  const found = link.attributes.find(([at]) => at === name);
  if (found === undefined) return undefined;
  return found[1] === true ? "" : found[1];
}

/**
 * RFC 6690 section 4.1: one `name=value` of the query, a trailing `*` matches the beginning; a `name` alone is `name=*`. `href`
 * matches the target; `rt`, `if`, `rel`, `rev` and `ct` match by any of their values.
 */
export function matchesLinkQuery(link: Link, query: string): boolean {
  const equals = query.indexOf("=");
  const name = equals < 0 ? query : query.slice(0, equals);
  const wanted = equals < 0 ? "*" : query.slice(equals + 1);
  const isPrefix = wanted.endsWith("*");
  const text = isPrefix ? wanted.slice(0, -1) : wanted;
  const fits = (value: string): boolean => (isPrefix ? value.startsWith(text) : value === text);
  if (name === "href") return fits(link.target);
  return link.attributes.some(([at, value]) => {
    if (at !== name) return false;
    if (value === true) return text === "";
    return listNames.has(name) ? value.split(" ").some(fits) : fits(value);
  });
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  take(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  skipSpace(): void {
    this.run(space);
  }

  /** What a sticky pattern matches here; the empty string when it doesn't. */
  run(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  /** After the opening quote; undefined without a closing one. */
  quoted(): string | undefined {
    const inside = this.run(quotedHere);
    return this.take('"') ? inside.replace(/\\(.)/gs, "$1") : undefined;
  }
}

function parseLink(scanner: Scanner): Link | undefined {
  if (!scanner.take("<")) return undefined;
  const target = scanner.run(targetHere);
  if (!scanner.take(">")) return undefined;
  const attributes: [string, string | true][] = [];
  for (;;) {
    scanner.skipSpace();
    if (!scanner.take(";")) {
      return { target, attributes: attributes.filter(([name], i) => isSaid(attributes, name, i)) };
    }
    scanner.skipSpace();
    const name = scanner.run(nameHere);
    if (name === "") return undefined;
    if (!scanner.take("=")) {
      attributes.push([name, true]);
      continue;
    }
    const isQuoted = scanner.take('"');
    const value = isQuoted ? scanner.quoted() : scanner.run(tokenHere);
    if (value === undefined || (value === "" && !isQuoted)) return undefined;
    attributes.push([name, flagNames.has(name) || value]);
  }
}
