const utf8 = new TextEncoder();

export interface SplitProxyUri {
  /** Proxy-Uri for the proxy: scheme, host and port. */
  readonly outer: Uint8Array;
  /** Uri-Path and Uri-Query for the server, decoded. */
  readonly path: readonly Uint8Array[];
  readonly queries: readonly Uint8Array[];
}

/**
 * RFC 8613 section 4.1.3.3: what a Proxy-Uri says of the resource is for the server alone (taken apart as RFC 7252 section 6.4 says). Throws a
 * RangeError for what is no absolute URI or has a fragment.
 */
export function splitProxyUri(value: Uint8Array): SplitProxyUri {
  const uri = new TextDecoder().decode(value);
  const parts = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]+)([^?#]*)(?:\?([^#]*))?$/i.exec(uri);
  if (parts === null) throw new RangeError("The Proxy-Uri is no absolute URI.");
  const [, origin = "", path = "", query] = parts;
  return {
    outer: utf8.encode(origin),
    path: path === "" || path === "/" ? [] : path.slice(1).split("/").map(decoded),
    queries: query === undefined ? [] : query.split("&").map(decoded),
  };
}

function decoded(part: string): Uint8Array {
  try {
    return utf8.encode(decodeURIComponent(part));
  } catch {
    throw new RangeError("The Proxy-Uri has percent signs that encode nothing.");
  }
}
