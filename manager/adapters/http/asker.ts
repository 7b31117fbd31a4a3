import { BlockList, isIP } from "node:net";
import { ApiError } from "./api-error.ts";
import { isCsrfToken } from "./sessions.ts";
import type { Admitted, SignIn } from "./sign-in.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addSubnet("::ffff:127.0.0.0", 104, "ipv6");
loopback.addAddress("::1", "ipv6");

/** Who acts through the API under `--insecure` without a token: whoever sits at this machine. */
export const localOperator: Admitted = {
  way: "insecure",
  principal: { id: "local", role: "admin", scopes: [] },
};

/** What decides about a request before a route sees it. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly remoteAddress: string | undefined;
  /** Over TLS. */
  readonly isEncrypted: boolean;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** The Authorization header. */
  readonly authorization: string | undefined;
  /** Value of the session's cookie. */
  readonly session: string | undefined;
  /** The X-CSRF-Token header. */
  readonly csrfToken: string | undefined;
}

export interface AdmissionRules {
  readonly isInsecure: boolean;
  /** Names besides loopback under which the manager may be asked under `--insecure`. */
  readonly ownHosts: ReadonlySet<string>;
  readonly signIn: Pick<SignIn, "byToken" | "bySession">;
  /** Paths that need no identity: the console's files, which hold no secret, and signing in. */
  readonly openPaths: ReadonlySet<string>;
}

/** What everybody may have, from anywhere: who can't check a signature yet fetches by these what he needs for it. */
export const publicPaths: ReadonlySet<string> = new Set(["/ca.pem", "/ca.crl"]);

/**
 * Who is asking; undefined for what needs no identity. Refuses by throwing.
 *
 * An operator shows a token or has a session; under `--insecure` whoever sits at this machine is one. Operators are answered over TLS, and on loopback:
 * a token that crosses a network in the open is nobody's secret. Artifacts go to nodes everywhere, who show the token of
 * their link.
 * Under `--insecure` Host is checked, because a page anywhere on the web can point a name of its own at 127.0.0.1. Origin is always, because it can
 * post here; and with a session the CSRF token, which only the console's own page was told.
 */
export function admit(asked: Asked, rules: AdmissionRules): Admitted | undefined {
  if (publicPaths.has(asked.path)) return undefined;
  if (asked.path.startsWith("/artifacts/")) return fetcher(asked, rules);
  const isForEarlyNodes = asked.path.startsWith("/u/") && rules.isInsecure;
  const isHere = isLoopbackAddress(asked.remoteAddress);
  if (!isForEarlyNodes && !isHere && !asked.isEncrypted) throw new ApiError("not-from-here");
  checkOrigin(asked);
  // What it shows is its site's secret, no operator's token: the route looks at it.
  if (asked.path.startsWith("/site-link/")) return undefined;
  const proven = provenOperator(asked, rules);
  if (proven !== undefined) return proven;
  if (isForEarlyNodes || (!rules.isInsecure && rules.openPaths.has(asked.path))) return undefined;
  if (!rules.isInsecure || !isHere) throw new ApiError("not-authorised");
  const hostName = nameOf(asked.host ?? "");
  if (hostName !== undefined && !isOwn(hostName, rules.ownHosts)) {
    throw new ApiError("wrong-host", { host: hostName });
  }
  return localOperator;
}

/** Nodes come with a link from anywhere; an operator as he does elsewhere. The route asks for one or the other. */
function fetcher(asked: Asked, rules: AdmissionRules): Admitted | undefined {
  return isLoopbackAddress(asked.remoteAddress) || asked.isEncrypted ? provenOperator(asked, rules) : undefined;
}

function checkOrigin({ method, origin, host, session, authorization }: Asked): void {
  if (method === "GET" || method === "HEAD") return;
  // A browser sends the cookie by itself, and Origin with every request that changes something.
  const isUnsaid = origin === undefined && session !== undefined && authorization === undefined;
  const isForeign = origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
  if (isUnsaid || isForeign) throw new ApiError("cross-origin", { origin: origin ?? "an unknown origin" });
}

function provenOperator(asked: Asked, rules: AdmissionRules): Admitted | undefined {
  const { authorization, session, method, path, csrfToken, remoteAddress = "" } = asked;
  if (authorization !== undefined) {
    const token = /^Bearer +([^ ]{1,256})$/i.exec(authorization)?.[1];
    if (token === undefined) throw new ApiError("wrong-token");
    return rules.signIn.byToken(token, remoteAddress);
  }
  const admitted = session === undefined ? undefined : rules.signIn.bySession(session);
  if (session === undefined || admitted === undefined) return undefined;
  const isChange = method !== "GET" && method !== "HEAD";
  // Signing in again, with a cookie that is there already, changes nothing of the session.
  const isSignIn = method === "POST" && rules.openPaths.has(path);
  if (isChange && !isSignIn && !isCsrfToken(csrfToken, session)) throw new ApiError("no-csrf-token");
  return admitted;
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
