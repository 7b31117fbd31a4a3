import { describe, expect, it } from "vitest";
import { coapLimits } from "../limits.ts";
import { receiveTimeoutMs } from "./receive-timeout.ts";

describe("how long missing blocks are waited for", () => {
  it("RFC 9177 7.2: is a second more than NON_TIMEOUT_RANDOM can be, whatever the limits say", () => {
    const limits = coapLimits.resolve({ nonTimeoutMs: 4_000, nonReceiveTimeoutMs: 100 });
    expect([0, 1, 2].map((asks) => receiveTimeoutMs(limits, asks, 0))).toEqual([7_000, 14_000, 28_000]);
  });

  it("RFC 9177 3.2, 7.2: doubles from NON_RECEIVE_TIMEOUT, and after an unanswered word is not below PROBING_RATE, up to NON_PROBING_WAIT", () => {
    const limits = coapLimits.resolve({});
    expect([0, 1, 2, 3, 4].map((asks) => receiveTimeoutMs(limits, asks, 20))).toEqual([
      4_000, 20_000, 20_000, 32_000, 64_000,
    ]);
    expect(receiveTimeoutMs(limits, 1, 1_000)).toBe(247_000);
  });
});
