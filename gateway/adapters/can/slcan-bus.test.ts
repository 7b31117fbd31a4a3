import { describe, expect, it } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import { AdapterSession } from "./adapter-session.ts";
import type { ByteLinkEvents, OpenByteLink } from "./byte-link.ts";
import { SlcanBus } from "./slcan-bus.ts";
import { VirtualBus } from "./virtual-bus.ts";

const frame = (id: number, ...data: number[]): CanFrame => ({ id, isExtended: false, data: Uint8Array.from(data) });
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A gateway's bus over an adapter that can be unplugged, on a virtual bus with another member. */
function world({ bitRate = 500_000, isAlone = false }: { bitRate?: number; isAlone?: boolean } = {}) {
  const clock = new VirtualClock();
  const bus = new VirtualBus({ clock });
  const heard: string[] = [];
  const join = (rate = 500_000) =>
    bus.join({ bitRate: rate, received: ({ id, data }) => heard.push(`${id.toString(16)}:${[...data].join(",")}`) });
  const other = isAlone ? undefined : join();
  let isPlugged = true;
  let opens = 0;
  let plugged: { events: ByteLinkEvents; session: AdapterSession } | undefined;
  const open: OpenByteLink = async (events) => {
    opens++;
    if (!isPlugged) throw new Error("There is no /dev/ttyACM0: plug the CAN adapter in.");
    const session = new AdapterSession({
      bus,
      monotonicMs: () => clock.monotonicMs(),
      write: (text) => {
        // A line is never answered within the call that asked.
        clock.after(0.1, () => events.data(bytesOf(text)));
        return true;
      },
    });
    plugged = { events, session };
    return { write: (text) => session.read(bytesOf(text)), close: () => session.end() };
  };
  const mine = new SlcanBus({ open, clock, entropy: { fraction: () => 0 }, log: silentLog, bitRate });
  const got: string[] = [];
  const states: string[] = [];
  mine.onFrame(({ id, data }) => got.push(`${id.toString(16)}:${[...data].join(",")}`));
  mine.onState(({ kind }) => states.push(kind));
  const ends: string[] = [];
  const send = (each: CanFrame) => mine.send(each, (end) => ends.push(`${each.id.toString(16)} ${end}`));
  return {
    clock,
    bus,
    mine,
    other,
    join,
    heard,
    got,
    states,
    ends,
    send,
    opens: () => opens,
    unplug: () => {
      isPlugged = false;
      plugged?.session.end();
      plugged?.events.closed("/dev/ttyACM0 is gone: plug the CAN adapter in again.");
    },
    plug: () => {
      isPlugged = true;
    },
  };
}

describe("a bus behind a serial-line adapter, when things go wrong", () => {
  it("without an adapter it says so, loses what is sent at once, and finds the adapter when it is plugged in", async () => {
    const { clock, mine, send, ends, states, unplug, plug, other, got } = world();
    unplug();
    mine.open();
    await clock.advance(10);
    expect(mine.state).toEqual({
      kind: "unplugged",
      reason: "There is no /dev/ttyACM0: plug the CAN adapter in.",
    });
    expect(send(frame(0x200))).toBe("queued");
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(["200 lost"]);
    await clock.advance(5000);
    plug();
    await clock.advance(11_000);
    expect(states).toEqual(["unplugged", "up"]);
    other?.send(frame(0x101));
    await clock.advance(5);
    expect(got).toEqual(["101:"]);
  });

  it("tries an absent adapter with growing pauses", async () => {
    const { clock, mine, unplug, opens } = world();
    unplug();
    mine.open();
    await clock.advance(60_000);
    // 0.5, 1, 2, 4, 8 s, then every 10 s.
    expect(opens()).toBeGreaterThan(7);
    expect(opens()).toBeLessThan(12);
  });

  it("an adapter that is pulled in the middle ends what was under way, and goes on when it is back", async () => {
    const { clock, mine, send, ends, unplug, plug, heard } = world();
    mine.open();
    await clock.advance(200);
    for (let i = 0; i < 40; i++) send(frame(0x200 + i));
    await clock.advance(1);
    unplug();
    expect(ends.filter((each) => each.endsWith("lost")).length).toBeGreaterThan(30);
    expect(ends).toHaveLength(40);
    expect(mine.state.kind).toBe("unplugged");
    plug();
    await clock.advance(2000);
    expect(mine.state.kind).toBe("up");
    expect(mine.counters.reopened).toBe(1);
    send(frame(0x2ff));
    await clock.advance(5);
    expect(ends.at(-1)).toBe("2ff sent");
    expect(heard.at(-1)).toBe("2ff:");
  });

  it("alone on the bus: each frame is given up, the state says why, and it is up as soon as somebody is there", async () => {
    const { clock, mine, send, ends, join } = world({ isAlone: true });
    mine.open();
    await clock.advance(200);
    for (let i = 0; i < 6; i++) send(frame(0x200 + i));
    await clock.advance(1000);
    expect(ends.filter((each) => each.endsWith("no-ack"))).toHaveLength(6);
    expect(mine.state.kind).toBe("error-passive");
    expect(mine.state.reason).toContain("acknowledges");
    await clock.advance(60_000);
    expect(mine.state.kind).toBe("error-passive");
    expect(mine.counters.busOffs).toBe(0);
    join();
    send(frame(0x210));
    await clock.advance(100);
    expect(ends.at(-1)).toBe("210 sent");
    expect(mine.state.kind).toBe("up");
  });

  it("bus-off is left by itself, after listening, and counted", async () => {
    const { clock, mine, send, ends, join, states, other } = world();
    mine.open();
    await clock.advance(200);
    // A clash of identifiers, as a second gateway would make.
    const twin = join();
    other?.send(frame(0x101));
    send(frame(0x7ff, 1));
    twin.send(frame(0x7ff, 2));
    await clock.advance(500);
    expect(mine.state.kind).toBe("bus-off");
    expect(mine.state.reason).toContain("wiring");
    expect(ends).toEqual(["7ff no-ack"]);
    twin.leave();
    await clock.advance(4000);
    other?.send(frame(0x101));
    send(frame(0x200));
    await clock.advance(5);
    expect(ends.at(-1)).toBe("200 sent");
    expect(states).toEqual(["up", "bus-off", "up"]);
    expect(mine.counters.busOffs).toBe(1);
  });

  it("at the wrong bit rate it stops disturbing, says so, and comes back when the others speak at its own", async () => {
    const { clock, bus, mine, send, ends, other, join, states } = world({ bitRate: 250_000 });
    const second = join();
    mine.open();
    await clock.advance(200);
    for (let i = 0; i < 8; i++) {
      other?.send(frame(0x100));
      await clock.advance(1000);
    }
    expect(mine.state.kind).toBe("wrong-bit-rate");
    expect(mine.state.reason).toContain("250 kbit/s");
    expect(states).toEqual(["up", "wrong-bit-rate"]);
    const spoilt = bus.counters.errors;
    for (let i = 0; i < 20; i++) {
      other?.send(frame(0x100));
      await clock.advance(1000);
    }
    expect(bus.counters.errors).toBe(spoilt);
    send(frame(0x200));
    await clock.advance(10);
    expect(ends).toEqual(["200 lost"]);
    other?.leave();
    second.leave();
    const right = join(250_000);
    join(250_000);
    right.send(frame(0x101));
    await clock.advance(1000);
    right.send(frame(0x101));
    await clock.advance(10);
    expect(mine.state.kind).toBe("up");
  });

  it("a queue that is full takes no more and says so", async () => {
    const { clock, mine, send, ends } = world();
    mine.open();
    await clock.advance(200);
    const taken = Array.from({ length: 300 }, (_, i) => send(frame(i)));
    expect(taken.filter((each) => each === "full").length).toBe(300 - 256 - 8);
    expect(mine.counters.refused).toBe(300 - 256 - 8);
    await clock.advance(200);
    expect(ends).toHaveLength(264);
    expect(send(frame(1))).toBe("queued");
  });

  it("an adapter that says only what nobody understands is opened anew, and its reason says what to look at", async () => {
    const clock = new VirtualClock();
    let opens = 0;
    const open: OpenByteLink = (events) => {
      opens++;
      return Promise.resolve({
        write: () => void clock.after(1, () => events.data(bytesOf("ERROR\r"))),
        close: () => {},
      });
    };
    const mine = new SlcanBus({ open, clock, entropy: { fraction: () => 0 }, log: silentLog });
    mine.open();
    await clock.advance(5000);
    expect(mine.state.kind).toBe("unplugged");
    expect(mine.state.reason).toContain("slcan");
    expect(opens).toBeGreaterThan(1);
    expect(mine.counters.garbled).toBeGreaterThan(0);
  });

  it("an adapter that answers nothing at all may carry frames all the same: it isn't called up before one was heard", async () => {
    const clock = new VirtualClock();
    const lines: string[] = [];
    let given: ByteLinkEvents | undefined;
    const open: OpenByteLink = (events) => {
      given = events;
      return Promise.resolve({ write: (text) => void lines.push(text), close: () => {} });
    };
    const mine = new SlcanBus({ open, clock, entropy: { fraction: () => 0 }, log: silentLog });
    mine.open();
    await clock.advance(1200);
    expect(mine.state).toMatchObject({ kind: "error-passive", reason: expect.stringContaining("answers nothing") });
    const ends: string[] = [];
    for (let i = 0; i < 20; i++) mine.send(frame(0x200 + i), (end) => ends.push(end));
    await clock.advance(100);
    expect(ends).toEqual(new Array(20).fill("sent"));
    expect(lines.join("").match(/t2[0-9A-F]{2}0/g)).toHaveLength(20);
    expect(mine.state.kind).toBe("error-passive");
    given?.data(bytesOf("t1011AA\r"));
    expect(mine.state.kind).toBe("up");
    await clock.advance(60_000);
    expect(mine.state.kind).toBe("up");
    expect(lines.filter((line) => line === "F\r")).toEqual([]);
  });

  it.each(["\x07", ""])(
    "an adapter that has no status to tell (%j) works without, and is opened anew after many failures",
    async (answerToStatus) => {
      const clock = new VirtualClock();
      let isHeard = true;
      let openings = 0;
      const open: OpenByteLink = (events) => {
        const answer = (text: string) => clock.after(1, () => events.data(bytesOf(text)));
        return Promise.resolve({
          write: (text) => {
            for (const line of text.split("\r").slice(0, -1)) {
              if (line === "O") openings++;
              if (line === "F") answer(answerToStatus);
              else if (line.startsWith("t")) answer(isHeard ? "z\r" : "\x07");
              else answer("\r");
            }
          },
          close: () => {},
        });
      };
      const mine = new SlcanBus({ open, clock, entropy: { fraction: () => 0 }, log: silentLog });
      mine.open();
      await clock.advance(2000);
      expect(mine.state.kind).toBe("up");
      const ends: string[] = [];
      const send = () => mine.send(frame(0x200), (end) => ends.push(end));
      for (let i = 0; i < 10; i++) send();
      await clock.advance(30_000);
      expect(ends).toEqual(new Array(10).fill("sent"));
      expect(openings).toBe(1);
      isHeard = false;
      for (let i = 0; i < 25; i++) send();
      await clock.advance(5000);
      expect(mine.state.kind).toBe("error-passive");
      expect(openings).toBe(2);
      isHeard = true;
      send();
      await clock.advance(100);
      expect(mine.state.kind).toBe("up");
    },
  );

  it("an adapter that falls silent after a while is opened anew", async () => {
    const clock = new VirtualClock();
    let opens = 0;
    let isSilent = false;
    const open: OpenByteLink = (events) => {
      opens++;
      const answer = (text: string) => clock.after(1, () => events.data(bytesOf(text)));
      return Promise.resolve({
        write: (text) => {
          if (!isSilent) answer(text === "F\r" ? "F00\r" : "\r");
        },
        close: () => {},
      });
    };
    const mine = new SlcanBus({ open, clock, entropy: { fraction: () => 0 }, log: silentLog });
    mine.open();
    await clock.advance(30_000);
    expect(opens).toBe(1);
    expect(mine.state.kind).toBe("up");
    isSilent = true;
    const ends: string[] = [];
    mine.send(frame(1), (end) => ends.push(end));
    await clock.advance(4000);
    expect(ends).toEqual(["no-ack"]);
    await clock.advance(10_000);
    expect(opens).toBeGreaterThan(1);
    isSilent = false;
    await clock.advance(20_000);
    expect(mine.state.kind).toBe("up");
  });

  it("garbage on the line is counted and passed", async () => {
    const { clock, mine, other, got } = world();
    let events: ByteLinkEvents | undefined;
    const noisy = new SlcanBus({
      open: (given) => {
        events = given;
        return Promise.resolve({
          write: (text) => void clock.after(1, () => given.data(bytesOf(text === "F\r" ? "F00\r" : "\r"))),
          close: () => {},
        });
      },
      clock,
      entropy: { fraction: () => 0 },
      log: silentLog,
    });
    const frames: number[] = [];
    noisy.onFrame(({ id }) => frames.push(id));
    noisy.open();
    mine.open();
    await clock.advance(500);
    events?.data(bytesOf("t10\rhello\rt1011AA\r\x80\x80\rt1021"));
    events?.data(bytesOf("BB\r"));
    expect(frames).toEqual([0x101, 0x102]);
    expect(noisy.counters.garbled).toBe(3);
    other?.send(frame(0x101));
    await clock.advance(5);
    expect(got).toEqual(["101:"]);
  });

  it("a listener that throws hurts nobody; a closed bus tells nothing more", async () => {
    const { clock, mine, other, got, send, ends } = world();
    mine.onFrame(() => {
      throw new Error("mine");
    });
    mine.open();
    await clock.advance(200);
    other?.send(frame(0x101));
    await clock.advance(5);
    expect(got).toEqual(["101:"]);
    send(frame(0x200));
    await mine.close();
    other?.send(frame(0x102));
    await clock.advance(5000);
    expect(ends).toEqual([]);
    expect(got).toEqual(["101:"]);
    expect(mine.state.kind).toBe("closed");
    mine.open();
    await clock.advance(1000);
    expect(mine.state.kind).toBe("up");
  });
});

describe("a bus behind a serial-line adapter", () => {
  it("sends in order, tells how each frame ended after the call, and hears the others", async () => {
    const { clock, mine, send, ends, heard, other, got } = world();
    mine.open();
    send(frame(0x1ff, 1));
    await clock.advance(200);
    // Before it was open there was no bus to wait for.
    expect(ends).toEqual(["1ff lost"]);
    for (let i = 0; i < 20; i++) send(frame(0x200 + i, i));
    expect(ends).toHaveLength(1);
    await clock.advance(20);
    expect(ends.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `${(0x200 + i).toString(16)} sent`));
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => `${(0x200 + i).toString(16)}:${i}`));
    other?.send(frame(0x101, 7));
    await clock.advance(5);
    expect(got).toEqual(["101:7"]);
    expect(mine.counters).toMatchObject({ sent: 20, received: 1, failed: 1, refused: 0, garbled: 0 });
  });
});
