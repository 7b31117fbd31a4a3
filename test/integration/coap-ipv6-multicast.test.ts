import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";

/** IPv6 multicast has no route on loopback: a pair of virtual interfaces in a network namespace of their own stands in. */
const setUp = [
  "ip link set lo up",
  "ip link add pair0 type veth peer name pair1",
  "echo 0 > /proc/sys/net/ipv6/conf/pair0/accept_dad",
  "ip link set pair0 up",
  "ip link set pair1 up",
  "ip addr add fe80::7/64 dev pair0 nodad",
].join(" && ");

function inNamespace(command: string): string {
  return execFileSync("unshare", ["-n", "sh", "-c", `${setUp} && ${command}`], {
    encoding: "utf8",
    timeout: 15_000,
    stdio: ["ignore", "pipe", "ignore"],
  });
}
const canMakeOne = ((): boolean => {
  try {
    inNamespace("true");
    return true;
  } catch {
    return false;
  }
})();

describe("IPv6 multicast", () => {
  it.skipIf(!canMakeOne).each(["dgram", "batch"])(
    "finds a wildcard server on %s by link-local and site-local group, once, and as multicast only (needs root for a namespace)",
    (transport) => {
      const program = new URL("coap-ipv6-multicast-program.ts", import.meta.url).pathname;
      const lines = inNamespace(`${process.execPath} ${program} ${transport}`).trim().split("\n");
      const results = lines.map(
        (line) => JSON.parse(line) as { group: string; found: string[]; requests: number; multicastRequests: number },
      );
      expect(results.map(({ group }) => group)).toEqual(["ff02::fd", "ff05::fd"]);
      for (const { found, requests, multicastRequests } of results) {
        expect(found).toEqual([expect.stringMatching(/^rt=x fe80::[0-9a-f:]+%pair0 true$/)]);
        expect(requests).toBe(multicastRequests);
      }
    },
  );
});
