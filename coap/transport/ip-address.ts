import { isIPv4, isIPv6 } from "node:net";

/** Dotted IPv4, or IPv6 with an optional `%scope`. */
export function isIpAddress(text: string): boolean {
  const scope = text.indexOf("%");
  return isIPv4(text) || (scope < 0 ? isIPv6(text) : scope < text.length - 1 && isIPv6(text.slice(0, scope)));
}
