import { isIP } from "node:net";

const always: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // The console's files have a policy of their own; nothing else here is a page.
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-frame-options": "DENY",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // What tells something is for who asked; routes that may be kept say so themselves.
  "cache-control": "no-store",
};

const yearSeconds = 31_536_000;

/**
 * What every answer says to a browser. HSTS over TLS only (RFC 6797 section 7.2), and not for localhost: there it would hold for every other port of the machine
 * too. For addresses browsers ignore it.
 */
export function securityHeaders(isEncrypted: boolean, host: string | undefined): Readonly<Record<string, string>> {
  const name = (host ?? "").replace(/:\d+$/, "").toLowerCase();
  const isNamed = name !== "" && !name.startsWith("[") && isIP(name) === 0 && !/(^|\.)localhost$/.test(name);
  if (!isEncrypted || !isNamed) return always;
  return { ...always, "strict-transport-security": `max-age=${yearSeconds}` };
}
