/*
 * RFC 6690 section 2:
 *   Link-Format = "<" target ">" *( ";" name [ "=" ( token / quoted-string ) ] ) , separated by ","
 */

export interface Link {
  /** What stands between the angle brackets. */
  readonly target: string;
  /** In order; a bare attribute has the value true. Names may repeat. */
  readonly attributes: readonly (readonly [name: string, value: string | true])[];
}

const plainValue = /^[0-9]+$/;

/** Numbers stand bare, everything else in quotes, as RFC 6690 asks for `rt`, `if`, `title`. */
export function formatLinks(links: readonly Link[]): string {
  return links
    .map(({ target, attributes }) => {
      const parts = attributes.map(([name, value]) => {
        if (value === true) return name;
        return plainValue.test(value) ? `${name}=${value}` : `${name}="${value.replace(/["\\]/g, "\\$&")}"`;
      });
      return [`<${target}>`, ...parts].join(";");
    })
    .join(",");
}

/** The links of a document; undefined when it isn't one. At most `maxLinks` are read. */
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
 * RFC 6690 section 4.1: one `name=value` of the query, a trailing `*` matches the beginning. `href` matches the target; `rt`, `if` and `ct`
 * match any of their space-separated values; `obs` alone matches links that have it.
 */
export function matchesLinkQuery(link: Link, query: string): boolean {
  const equals = query.indexOf("=");
  const name = equals < 0 ? query : query.slice(0, equals);
  const wanted = equals < 0 ? "*" : query.slice(equals + 1);
  const isPrefix = wanted.endsWith("*");
  const text = isPrefix ? wanted.slice(0, -1) : wanted;
  const fits = (value: string): boolean => (isPrefix ? value.startsWith(text) : value === text);
  if (name === "href") return fits(link.target);
  for (const [at, value] of link.attributes) {
    if (at !== name) continue;
    if (value === true) return text === "";
    const isList = name === "rt" || name === "if" || name === "ct" || name === "rel";
    if (isList ? value.split(" ").some(fits) : fits(value)) return true;
  }
  return false;
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
    while (/^\s$/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  /** Everything before the first of `ends`; undefined when none comes. */
  until(end: string): string | undefined {
    const found = this.#text.indexOf(end, this.#at);
    if (found < 0) return undefined;
    const taken = this.#text.slice(this.#at, found);
    this.#at = found + end.length;
    return taken;
  }

  token(): string {
    const start = this.#at;
    while (!this.isAtEnd && !/[\s;,="<>]/.test(this.#text[this.#at]!)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** After the opening quote. */
  quoted(): string | undefined {
    let value = "";
    for (; !this.isAtEnd; this.#at++) {
      const char = this.#text[this.#at]!;
      if (char === '"') {
        this.#at++;
        return value;
      }
      if (char === "\\") this.#at++;
      value += this.#text[this.#at] ?? "";
    }
    return undefined;
  }
}

function parseLink(scanner: Scanner): Link | undefined {
  if (!scanner.take("<")) return undefined;
  const target = scanner.until(">");
  if (target === undefined) return undefined;
  const attributes: [string, string | true][] = [];
  for (;;) {
    scanner.skipSpace();
    if (!scanner.take(";")) return { target, attributes };
    scanner.skipSpace();
    const name = scanner.token();
    if (name === "") return undefined;
    if (!scanner.take("=")) {
      attributes.push([name, true]);
      continue;
    }
    const value = scanner.take('"') ? scanner.quoted() : scanner.token();
    if (value === undefined) return undefined;
    attributes.push([name, value]);
  }
}
