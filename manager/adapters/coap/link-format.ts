import type { RdLink } from "../../app/api/registry.ts";

/*
 * RFC 6690 section 2: <target>;name="quoted";name=token;name , <target>...
 */

/** Most links and attributes that one registration may carry; more is refused. */
export const linkLimits = { links: 64, attributes: 16, textLength: 256 } as const;

export type LinksResult =
  | { readonly ok: true; readonly links: readonly RdLink[] }
  | { readonly ok: false; readonly rule: string };

const target = /\s*<([^<>]*)>/y;
const attribute = /\s*;\s*([A-Za-z0-9!#$&+\-.^_`|~]+\*?)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s",;<>]+)))?/y;
const comma = /\s*,/y;
const end = /\s*$/y;

/** The links of a link-format document. */
export function parseLinks(text: string): LinksResult {
  const links: RdLink[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  if (take(end) !== null) return { ok: true, links };
  for (;;) {
    const href = take(target)?.[1];
    if (href === undefined) return { ok: false, rule: `a link begins with <...> at ${at}` };
    const attributes: (readonly [string, string])[] = [];
    for (let found = take(attribute); found !== null; found = take(attribute)) {
      const [, name = "", quotedText, token] = found;
      attributes.push([name, quotedText?.replace(/\\(.)/g, "$1") ?? token ?? ""]);
    }
    links.push({ href, attributes });
    const isTooMuch =
      links.length > linkLimits.links ||
      attributes.length > linkLimits.attributes ||
      [href, ...attributes.flat()].some((each) => each.length > linkLimits.textLength);
    if (isTooMuch)
      return { ok: false, rule: `at most ${linkLimits.links} links, ${linkLimits.attributes} attributes each` };
    if (take(end) !== null) return { ok: true, links };
    if (take(comma) === null) return { ok: false, rule: `a comma or the end at ${at}` };
  }
}

/** Links as a document; attributes with an empty value are written without one. */
export function formatLinks(links: readonly RdLink[]): string {
  return links
    .map(({ href, attributes }) => {
      const rest = attributes.map(([name, value]) => (value === "" ? `;${name}` : `;${name}="${quoted(value)}"`));
      return `<${href}>${rest.join("")}`;
    })
    .join(",");
}

function quoted(value: string): string {
  return value.replace(/[\\"]/g, "\\$&");
}

/**
 * Whether a link passes a filter `name=value` of a query (RFC 6690 section 4.1): a trailing * matches any rest, and for `rt`, `if` and
 * `rel` one of several values separated by spaces is enough.
 */
export function passesFilter({ href, attributes }: RdLink, name: string, wanted: string): boolean {
  const values = name === "href" ? [href] : attributes.filter(([each]) => each === name).map(([, value]) => value);
  const isList = name === "rt" || name === "if" || name === "rel";
  const candidates = isList ? values.flatMap((each) => each.split(" ")) : values;
  return wanted.endsWith("*")
    ? candidates.some((each) => each.startsWith(wanted.slice(0, -1)))
    : candidates.includes(wanted);
}
