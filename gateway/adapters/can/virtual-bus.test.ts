import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import { frameBits } from "../../domain/frame-bits.ts";
import type { BusMember } from "./bus-member.ts";
import { type BusNoise, VirtualBus } from "./virtual-bus.ts";

const frame = (id: number, ...data: number[]): CanFrame => ({ id, isExtended: false, data: Uint8Array.from(data) });

function world(noise?: BusNoise) {
  const clock = new VirtualClock();
  const bus = new VirtualBus({ clock, ...(noise && { noise }) });
  const join = (bitRate = 500_000, isListenOnly = false) => {
    const got: string[] = [];
    const ends: string[] = [];
    const member: BusMember = bus.join({
      bitRate,
      isListenOnly,
      received: ({ id, data }) => got.push(`${id.toString(16)}:${[...data].join(",")}`),
    });
    const send = (each: CanFrame) => member.send(each, (end) => ends.push(`${each.id.toString(16)} ${end}`));
    return { member, got, ends, send };
  };
  return { clock, bus, join };
}

describe("a virtual bus on which things go wrong", () => {
  it("nobody there: a frame is given up at its deadline, and the member is passive but never bus-off", () => {
    const { clock, bus, join } = world();
    const alone = join();
    alone.send(frame(0x100));
    clock.advanceSync(49);
    expect(alone.ends).toEqual([]);
    clock.advanceSync(20);
    expect(alone.ends).toEqual(["100 failed"]);
    for (let i = 0; i < 100; i++) {
      alone.send(frame(0x100));
      clock.advanceSync(100);
    }
    expect(alone.ends).toHaveLength(101);
    expect(alone.member.isErrorPassive).toBe(true);
    expect(alone.member.isBusOff).toBe(false);
    expect(bus.counters.frames).toBe(0);
  });

  it("who comes while a frame is tried acknowledges it", () => {
    const { clock, join } = world();
    const first = join();
    first.send(frame(0x100, 7));
    clock.advanceSync(20);
    const second = join();
    clock.advanceSync(1);
    expect(first.ends).toEqual(["100 sent"]);
    expect(second.got).toEqual(["100:7"]);
  });

  it("a member that only listens hears all and acknowledges nothing", () => {
    const { clock, join } = world();
    const sender = join();
    const ear = join(500_000, true);
    sender.send(frame(0x100));
    clock.advanceSync(100);
    expect(sender.ends).toEqual(["100 failed"]);
    expect(ear.send(frame(0x100))).toBe(false);
    join();
    sender.send(frame(0x101));
    clock.advanceSync(1);
    expect(ear.got).toEqual(["101:"]);
  });

  it("a wrong bit rate spoils what others send until it is passive, and makes its own sender bus-off", () => {
    const { clock, bus, join } = world();
    const [one, two] = [join(), join()];
    const wrong = join(250_000);
    one.send(frame(0x100));
    clock.advanceSync(10);
    expect(bus.counters.errors).toBeGreaterThan(10);
    expect(wrong.member.isErrorPassive).toBe(true);
    expect(one.ends).toEqual(["100 sent"]);
    expect(two.got).toEqual(["100:"]);
    expect(wrong.got).toEqual([]);
    wrong.send(frame(0x300));
    wrong.send(frame(0x301));
    clock.advanceSync(50);
    expect(wrong.member.isBusOff).toBe(true);
    expect(wrong.ends).toEqual(["300 failed", "301 failed"]);
    expect(wrong.send(frame(0x302))).toBe(false);
    expect(one.member.isBusOff || two.member.isBusOff).toBe(false);
    expect(one.got).toEqual([]);
  });

  it("bus-off ends when the member leaves and joins anew", () => {
    const { clock, join } = world();
    const [one, two] = [join(), join()];
    one.member.goBusOff();
    two.send(frame(0x100));
    clock.advanceSync(100);
    expect(two.ends).toEqual(["100 failed"]);
    expect(one.send(frame(0x101))).toBe(false);
    one.member.leave();
    const again = join();
    again.send(frame(0x101));
    clock.advanceSync(1);
    expect(again.ends).toEqual(["101 sent"]);
    expect(two.got).toEqual(["101:"]);
  });

  it("two frames of one identifier at once collide until a member is bus-off, and are counted", () => {
    const { clock, bus, join } = world();
    const [one, two, three] = [join(), join(), join()];
    three.send(frame(0x7ff));
    one.send(frame(0x100, 1));
    two.send(frame(0x100, 2));
    clock.advanceSync(100);
    expect(bus.counters.clashes).toBeGreaterThan(20);
    expect(one.member.isBusOff && two.member.isBusOff).toBe(true);
    expect(three.got).toEqual([]);
    // The same bytes are the same frame: nobody notices.
    const [four, five] = [join(), join()];
    three.send(frame(0x7ff));
    four.send(frame(0x200, 9));
    five.send(frame(0x200, 9));
    clock.advanceSync(10);
    expect(three.got).toEqual(["200:9"]);
    expect([...four.ends, ...five.ends]).toEqual(["200 sent", "200 sent"]);
  });

  it("a full queue takes nothing more, and gives room again", () => {
    const { clock, join } = world();
    const sender = join();
    join();
    const taken = Array.from({ length: 40 }, (_, i) => sender.send(frame(0x100 + i)));
    expect(taken.filter(Boolean)).toHaveLength(32);
    clock.advanceSync(20);
    expect(sender.ends).toHaveLength(32);
    expect(sender.send(frame(0x100))).toBe(true);
  });

  it("noise costs an attempt, not the frame; a member's full queue costs that member the frame", () => {
    let destroyed = 3;
    const { clock, bus, join } = world({ destroys: () => destroyed-- > 0, misses: ({ id }) => id === 0x101 });
    const [one, two] = [join(), join()];
    one.send(frame(0x100));
    one.send(frame(0x101));
    clock.advanceSync(10);
    expect(one.ends).toEqual(["100 sent", "101 sent"]);
    expect(two.got).toEqual(["100:"]);
    expect(bus.counters.errors).toBe(3);
  });

  it("a member that throws doesn't stop the bus", () => {
    const { clock, bus, join } = world();
    bus.join({
      bitRate: 500_000,
      received: () => {
        throw new Error("mine");
      },
    });
    const [one, two] = [join(), join()];
    one.send(frame(0x100));
    expect(() => clock.advanceSync(1)).toThrow("mine");
    two.send(frame(0x200));
    expect(() => clock.advanceSync(1)).toThrow("mine");
    expect(one.got).toEqual(["200:"]);
  });

  it("a member that leaves takes its frames with it", () => {
    const { clock, join } = world();
    const [one, two] = [join(), join()];
    one.send(frame(0x100));
    one.send(frame(0x101));
    one.member.leave();
    clock.advanceSync(10);
    expect(one.ends).toEqual([]);
    expect(two.got.length).toBeLessThanOrEqual(1);
  });
});

describe("a virtual bus", () => {
  it("gives the lowest identifier first when it becomes free, each sender's in its order", () => {
    const { clock, join } = world();
    const [one, two, ear] = [join(), join(), join()];
    one.send(frame(0x300));
    one.send(frame(0x100));
    two.send(frame(0x200));
    two.send(frame(0x400));
    clock.advanceSync(5);
    // 300 was on the bus before anybody else wanted it; then the heads of both queues compete.
    expect(ear.got).toEqual(["300:", "100:", "200:", "400:"]);
  });

  it("takes as long as the bits do", () => {
    const { clock, bus, join } = world();
    const [one, two] = [join(), join()];
    const each = frame(0x155, 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa);
    for (let i = 0; i < 10; i++) one.send(each);
    const tenMs = (10 * frameBits(each) * 1000) / 500_000;
    clock.advanceSync(tenMs - 0.01);
    expect(two.got).toHaveLength(9);
    clock.advanceSync(0.02);
    expect(two.got).toHaveLength(10);
    expect(bus.counters.busyMs).toBeCloseTo(tenMs, 6);
  });

  it("nobody hears itself", () => {
    const { clock, join } = world();
    const [one, two] = [join(), join()];
    one.send(frame(0x100));
    clock.advanceSync(1);
    expect(one.got).toEqual([]);
    expect(two.got).toEqual(["100:"]);
  });
});
