import { expect, test } from "vitest";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { FailureLimiter } from "./failure-limiter.ts";

function shutOutAfterTenFrom(addresses: readonly string[]): (address: string) => boolean {
  const limiter = new FailureLimiter({ clock: new VirtualClock() });
  for (let i = 0; i < 10; i++) limiter.failed(addresses[i % addresses.length] ?? "");
  return (address) => {
    try {
      limiter.check(address);
      return false;
    } catch {
      return true;
    }
  };
}

test("who has an IPv6 network gets no tries of its own for each address of it", () => {
  const isShutOut = shutOutAfterTenFrom(["2001:db8:0:1::1", "2001:0db8::1:0:0:0:2", "2001:DB8:0:1:ffff::"]);
  expect(isShutOut("2001:db8:0:1::77")).toBe(true);
  expect(isShutOut("2001:db8:0:1::77%eth0")).toBe(true);
  expect(isShutOut("2001:db8:0:2::77")).toBe(false);
  expect(isShutOut("2001:db8::1")).toBe(false);
});

test("IPv4 addresses count one by one, also where the socket writes them as IPv6", () => {
  const isShutOut = shutOutAfterTenFrom(["::ffff:192.0.2.1"]);
  expect([isShutOut("::ffff:192.0.2.1"), isShutOut("::ffff:192.0.2.2"), isShutOut("192.0.2.2")]).toEqual([
    true,
    false,
    false,
  ]);
});
