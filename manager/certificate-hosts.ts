import { isLoopbackHost, isWildcardHost } from "./settings-rules.ts";

/** The names and addresses that a certificate of the manager's own CA is for. Who tries things out on one machine calls it by any of three. */
export function hostsOf(...hosts: readonly string[]): readonly string[] {
  const named = hosts.filter((host) => !isWildcardHost(host));
  const isHere = named.length < hosts.length || named.some(isLoopbackHost);
  return [...new Set([...named, ...(isHere ? ["127.0.0.1", "::1", "localhost"] : [])])];
}
