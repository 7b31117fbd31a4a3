import { BlockList, isIP } from "node:net";
import type { Actor } from "../../app/api/registry.ts";
import { ApiError } from "./api-error.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addSubnet("::ffff:127.0.0.0", 104, "ipv6");
loopback.addAddress("::1", "ipv6");

/** Who acts through the API while there are no operators: whoever sits at this machine. */
export const localOperator: Actor = { kind: "operator", id: "local" };

/** What decides about a request before a route sees it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly remoteAddress: string | undefined;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/**
 * Refuses by throwing. Without `--insecure` nothing is served, since there is nothing yet that could prove an identity. With it the
 * API and the console answer loopback only; artifacts also go to nodes elsewhere, when an address for that was named.
 * Host is checked because a page anywhere on the web can point a name of its own at 127.0.0.1, and Origin because it can post here.
 */
export function admit(
  asked: Asked,
  rules: { readonly isInsecure: boolean; readonly ownHosts: ReadonlySet<string> },
): void {
  if (!rules.isInsecure) throw new ApiError("not-authorised");
  const isForNodes = asked.path.startsWith("/artifacts/") || asked.path.startsWith("/u/");
  if (!isForNodes && !isLoopbackAddress(asked.remoteAddress)) throw new ApiError("not-from-here");
  const hostName = nameOf(asked.host ?? "");
  if (!isForNodes && hostName !== undefined && !isOwn(hostName, rules.ownHosts)) {
    throw new ApiError("wrong-host", { host: hostName });
  }
  const isReading = asked.method === "GET" || asked.method === "HEAD";
  if (!isReading && asked.origin !== undefined && asked.origin !== `http://${asked.host}`) {
    throw new ApiError("cross-origin", { origin: asked.origin });
  }
}

export function isLoopbackAddress(address: string | undefined): boolean {
  const family = isIP(address ?? "");
  return address !== undefined && family !== 0 && loopback.check(address, family === 6 ? "ipv6" : "ipv4");
}

function isOwn(name: string, ownHosts: ReadonlySet<string>): boolean {
  return name === "localhost" || isLoopbackAddress(name) || ownHosts.has(name);
}

/** `127.0.0.1:8683` -> `127.0.0.1`, `[::1]:8683` -> `::1`; undefined for an HTTP/1.0 request without Host. */
function nameOf(host: string): string | undefined {
  if (host === "") return undefined;
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host.toLowerCase());
  return match?.[1] ?? match?.[2] ?? host;
}
