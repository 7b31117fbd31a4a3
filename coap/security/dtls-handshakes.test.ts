import { describe, expect, it } from "vitest";
import { RemoteAddress } from "../transport/remote-address.ts";
import { DtlsHandshakes } from "./dtls-handshakes.ts";
import { dtlsLimits } from "./dtls-limits.ts";
import { DtlsSession } from "./dtls-session.ts";

describe("handshakes under way", () => {
  const build = (limits: { handshakes?: number; handshakesPerSource: number }) =>
    new DtlsHandshakes(dtlsLimits.resolve(limits));
  const at = (address: string, port: number, isServer = true): DtlsSession =>
    new DtlsSession({
      row: 0,
      address: RemoteAddress.from(address, port),
      isServer,
      clientRandom: undefined,
      nowMs: 0,
      deadlineMs: 1,
    });

  it.each([
    ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8:0:1::1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", "2001:db8:1:3:3:4:5:6"],
    ["::1", "::2", "0:0:0:1::1"],
    ["fe80::1%eth0", "fe80::1%eth0", "fe80::2%eth0"],
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
  ])("of %s count with those of %s, and not with those of %s", (first, same, other) => {
    const handshakes = build({ handshakesPerSource: 2 });
    const [a, b] = [at(first, 1), at(same, 2)];
    handshakes.add(a);
    expect(handshakes.hasRoomFor(at(same, 3).address, true)).toBe(true);
    handshakes.add(b);
    expect(handshakes.hasRoomFor(at(first, 3).address, true)).toBe(false);
    expect(handshakes.hasRoomFor(at(same, 3).address, true)).toBe(false);
    expect(handshakes.hasRoomFor(at(other, 3).address, true)).toBe(true);
    handshakes.remove(a);
    expect(handshakes.hasRoomFor(at(same, 3).address, true)).toBe(true);
  });

  it("that we began count for each server, of one network too", () => {
    const handshakes = build({ handshakesPerSource: 1 });
    handshakes.add(at("2001:db8::1", 5_684, false));
    expect(handshakes.hasRoomFor(at("2001:db8::2", 5_684, false).address, false)).toBe(true);
    expect(handshakes.hasRoomFor(at("2001:db8::1", 5_685, false).address, false)).toBe(false);
  });
});
