import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ipv6KeyBase, RemoteAddress } from "./remote-address.ts";

describe("an address of the far end", () => {
  it("of IPv4 has a key that is its own, and comes back from it", () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
        const remote = RemoteAddress.from(address, port);
        expect(remote.key).toBeLessThan(ipv6KeyBase);
        const back = new RemoteAddress();
        back.setIpv4Key(remote.key);
        expect([back.text(), back.port, back.family]).toEqual([address, port, 4]);
        expect(back.isSame(remote)).toBe(true);
      }),
    );
  });

  it("of IPv6 has a key above those of IPv4, and differs by address, port and scope", () => {
    const remotes = [
      RemoteAddress.from("fe80::1%eth0", 5683),
      RemoteAddress.from("fe80::1%eth1", 5683),
      RemoteAddress.from("fe80::1%eth0", 5684),
      RemoteAddress.from("fd00::1", 5683),
    ];
    expect(new Set(remotes.map(({ key }) => key)).size).toBe(4);
    for (const { key } of remotes) {
      expect(key).toBeGreaterThanOrEqual(ipv6KeyBase);
      expect(Number.isSafeInteger(key)).toBe(true);
    }
  });

  it("mapped into IPv6 is the IPv4 peer it stands for", () => {
    const mapped = RemoteAddress.from("::ffff:192.0.2.7", 5683, 6);
    expect([mapped.family, mapped.text(), mapped.isSame(RemoteAddress.from("192.0.2.7", 5683))]).toEqual([
      4,
      "192.0.2.7",
      true,
    ]);
  });

  it("knows loopback", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1"].every((text) => RemoteAddress.from(text, 1).isLoopback)).toBe(true);
    expect(["10.0.0.1", "fd00::1", "::"].some((text) => RemoteAddress.from(text, 1).isLoopback)).toBe(false);
  });
});
