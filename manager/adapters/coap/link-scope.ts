/**
 * Which link a link-local address belongs to: the zone of an IPv6 address (`fe80::1%eth0` is on `eth0`, without one on ``), and
 * `ipv4` for 169.254.0.0/16, which has no zone: a host uses it on one link (RFC 3927). Undefined: not link-local.
 */
export function scopeOf(address: string): string | undefined {
  if (address.startsWith("169.254.")) return "ipv4";
  if (!/^\[?fe[89ab][0-9a-f]:/i.test(address)) return undefined;
  return /%([^\]]*)/.exec(address)?.[1] ?? "";
}

/** The address as a URI may have it: the zone means something on this machine alone. */
export function withoutZone(address: string): string {
  return address.split("%", 1)[0] as string;
}
