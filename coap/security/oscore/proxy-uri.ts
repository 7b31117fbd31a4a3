import { formatCoapUri, parseCoapUri } from "../../coap-uri.ts";

const utf8 = new TextEncoder();
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

export interface SplitProxyUri {
  /** Proxy-Uri for the proxy: scheme, host and port, the port only where it isn't the scheme's own. */
  readonly outer: Uint8Array;
  /** Uri-Path and Uri-Query for the server, decoded. */
  readonly path: readonly Uint8Array[];
  readonly queries: readonly Uint8Array[];
}

/**
 * RFC 8613 section 4.1.3.3: what a Proxy-Uri says of the resource is for the server alone (taken apart as RFC 7252 section 6.4 says, and put
 * together by section 6.5). Throws a RangeError for what is no absolute URI or has a fragment.
 */
export function splitProxyUri(value: Uint8Array): SplitProxyUri {
  let uri: string;
  try {
    uri = strictUtf8.decode(value);
  } catch {
    throw new RangeError("The Proxy-Uri is no UTF-8.");
  }
  return /^coaps?:/i.test(uri) ? splitCoap(uri) : splitOther(uri);
}

function splitCoap(uri: string): SplitProxyUri {
  const parts = parseCoapUri(uri);
  if (parts === undefined) throw new RangeError(notAbsolute);
  const origin = formatCoapUri({ ...parts, path: [], queries: [] }).slice(0, -1);
  return { outer: utf8.encode(origin), path: parts.path.map(encoded), queries: parts.queries.map(encoded) };
}

/** For cross-proxies: of their schemes nothing is known but the form. */
function splitOther(uri: string): SplitProxyUri {
  const parts = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@]+)(\/[^?#]*)?(?:\?([^#]*))?$/i.exec(uri);
  if (parts === null) throw new RangeError(notAbsolute);
  const [, origin = "", path = "", query] = parts;
  return {
    outer: utf8.encode(origin.toLowerCase()),
    path: path === "" || path === "/" ? [] : path.slice(1).split("/").map(decoded),
    queries: query === undefined ? [] : query.split("&").map(decoded),
  };
}

const notAbsolute = "The Proxy-Uri is no absolute URI.";
const encoded = (part: string): Uint8Array => utf8.encode(part);

function decoded(part: string): Uint8Array {
  try {
    return utf8.encode(decodeURIComponent(part));
  } catch {
    throw new RangeError("The Proxy-Uri has percent signs that encode nothing.");
  }
}
