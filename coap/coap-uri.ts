/** A `coap` or `coaps` URI, taken apart as a request names it: nothing in it is percent-encoded any more. */
export interface CoapUri {
  readonly scheme: "coap" | "coaps";
  /** In lower case; an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
  /** Uri-Path options. */
  readonly path: readonly string[];
  /** Uri-Query options. */
  readonly queries: readonly string[];
}

const defaultPorts = { coap: 5683, coaps: 5684 } as const;
const maxOptionBytes = 255;
const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** RFC 7252 section 6.4. Undefined for what is no absolute URI of either scheme, has a fragment, or fits no request. */
export function parseCoapUri(text: string): CoapUri | undefined {
  const parts = /^(coaps?):\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/i.exec(text);
  if (parts === null) return undefined;
  const [, schemeText = "", authority = "", pathText = "", queryText] = parts;
  const scheme = schemeText.toLowerCase() === "coaps" ? "coaps" : "coap";
  const at = /^(?:\[([0-9a-fA-F:.]+)\]|([^:@[\]]+))(?::(\d*))?$/.exec(authority);
  if (at === null) return undefined;
  const [, literal, name, portText = ""] = at;
  const host = (literal ?? decoded(name!))?.toLowerCase();
  const port = portText === "" ? defaultPorts[scheme] : Number(portText);
  const path = resolved(pathText.split("/").slice(1)).map(decoded);
  const queries = (queryText === undefined ? [] : queryText.split("&")).map(decoded);
  // A path of "/" names the same as none at all.
  if (path.length === 1 && path[0] === "") path.length = 0;
  if (host === undefined || host === "" || port > 65_535 || port === 0) return undefined;
  if (!fits(host) || !path.every(fits) || !queries.every(fits)) return undefined;
  // A segment that is a dot segment once decoded can't be sent (section 5.10.1).
  if (path.includes(".") || path.includes("..")) return undefined;
  return { scheme, host, port, path, queries };
}

/** RFC 7252 section 6.5: the URI of a request. */
export function formatCoapUri({ scheme, host, port, path, queries }: CoapUri): string {
  const at = host.includes(":") ? `[${host}]` : encoded(host.toLowerCase(), "");
  const portText = port === defaultPorts[scheme] ? "" : `:${port}`;
  const pathText = formatUriPath(path);
  const queryText = queries.map((query) => encoded(query, ":@/?").replaceAll("&", "%26")).join("&");
  return `${scheme}://${at}${portText}${pathText}${queries.length === 0 ? "" : `?${queryText}`}`;
}

/** Segments as the path of a URI, which begins with a slash. */
export function formatUriPath(segments: readonly string[]): string {
  return segments.length === 0 ? "/" : segments.map((segment) => `/${encoded(segment, ":@")}`).join("");
}

/** "." and ".." are resolved before a path becomes options. */
function resolved(segments: readonly string[]): string[] {
  const path: string[] = [];
  for (const [i, segment] of segments.entries()) {
    const isLast = i === segments.length - 1;
    if (segment !== "." && segment !== "..") {
      path.push(segment);
      continue;
    }
    if (segment === "..") path.pop();
    if (isLast) path.push("");
  }
  return path;
}

function fits(text: string | undefined): text is string {
  return text !== undefined && utf8.encode(text).length <= maxOptionBytes;
}

/** Undefined where it isn't percent-encoded UTF-8. */
function decoded(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const bytes: number[] = [];
  for (const part of text.split(/(%[0-9a-fA-F]{2})/)) {
    if (part.startsWith("%")) bytes.push(Number.parseInt(part.slice(1), 16));
    else bytes.push(...utf8.encode(part));
  }
  try {
    return strictUtf8.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}

/** All but unreserved characters, sub-delims and `more` as bytes in hexadecimal, in uppercase letters. */
function encoded(text: string, more: string): string {
  let out = "";
  for (const byte of utf8.encode(text)) {
    const char = String.fromCharCode(byte);
    const isPlain = byte < 0x80 && (/[A-Za-z0-9\-._~!$&'()*+,;=]/.test(char) || more.includes(char));
    out += isPlain ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
