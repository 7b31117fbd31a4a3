import { BlockList, isIP } from "node:net";

const lan = new BlockList();
for (const [net, bits] of [
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["169.254.0.0", 16],
] as const)
  lan.addSubnet(net, bits, "ipv4");
lan.addAddress("::1", "ipv6");
lan.addSubnet("fc00::", 7, "ipv6");
lan.addSubnet("fe80::", 10, "ipv6");

/** Whether an address is of this machine or of a private network (RFC 1918, 3927, 4193, 4291). */
export function isLanAddress(address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, "").split("%")[0] ?? "";
  const family = isIP(plain);
  return family !== 0 && lan.check(plain, family === 4 ? "ipv4" : "ipv6");
}
