import { describe, expect, it } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import { type RawChannel, type RawMessage, SocketCanBus } from "./socketcan-bus.ts";

const frame = (id: number, ...data: number[]): CanFrame => ({ id, isExtended: false, data: Uint8Array.from(data) });

/** An interface as the kernel and npm's library show it. It throws where the library would. */
class Interface {
  state: string | undefined = "up";
  room = Number.POSITIVE_INFINITY;
  readonly sent: string[] = [];
  opens = 0;
  #message: (message: RawMessage) => void = () => {};
  #stopped: () => void = () => {};
  #isRunning = false;

  open(): RawChannel {
    if (this.state === undefined) throw new Error("Error while creating channel");
    this.opens++;
    return {
      addListener: (event: string, listener: (message: RawMessage) => void) => {
        if (event === "onMessage") this.#message = listener;
        else this.#stopped = listener as () => void;
      },
      start: () => {
        this.#isRunning = true;
      },
      stop: () => {
        if (!this.#isRunning) throw new Error("Channel not started");
        this.#isRunning = false;
      },
      send: ({ id, data }) => {
        if (!Buffer.isBuffer(data)) throw new Error("Data field must be a Buffer");
        if (this.state !== "up" || this.room <= 0) return -1;
        this.room--;
        this.sent.push(`${id.toString(16)}:${[...data].join(",")}`);
        return 16;
      },
      setErrorFilters: () => {},
      disableLoopback: () => {},
    };
  }

  says(id: number, data: number[] = [], err = false): void {
    if (this.#isRunning) this.#message({ id, ext: false, rtr: false, data: Buffer.from(data), err });
  }

  vanish(): void {
    this.state = undefined;
    this.#stopped();
  }
}

function world() {
  const clock = new VirtualClock();
  const device = new Interface();
  const states: string[] = [];
  const ends: string[] = [];
  const got: string[] = [];
  const bus = new SocketCanBus({
    name: "can0",
    clock,
    entropy: { fraction: () => 0 },
    log: silentLog,
    channel: async () => device.open(),
    interfaceState: async () => device.state,
  });
  bus.onState(({ kind }) => states.push(kind));
  bus.onFrame(({ id, data }) => got.push(`${id.toString(16)}:${[...data].join(",")}`));
  const send = (each: CanFrame) => bus.send(each, (end) => ends.push(`${each.id.toString(16)} ${end}`));
  return { clock, device, bus, states, ends, got, send };
}

describe("a SocketCAN interface, when things go wrong", () => {
  it("one that isn't there, or is down, is said with what to do, and found when it comes up", async () => {
    const { clock, device, bus, send, ends } = world();
    device.state = undefined;
    bus.open();
    send(frame(0x200));
    await clock.advance(100);
    expect(bus.state).toMatchObject({ kind: "unplugged", reason: expect.stringContaining("no CAN interface can0") });
    expect(ends).toEqual(["200 lost"]);
    device.state = "down";
    await clock.advance(10_000);
    expect(bus.state.reason).toContain("ip link set can0 up");
    device.state = "up";
    await clock.advance(10_000);
    expect(bus.state.kind).toBe("up");
  });

  it("a full interface (ENOBUFS) is tried again, counted, and nothing is lost or out of order", async () => {
    const { clock, device, bus, send, ends } = world();
    bus.open();
    await clock.advance(10);
    device.room = 10;
    for (let i = 0; i < 100; i++) expect(send(frame(0x200 + i))).toBe("queued");
    for (let i = 0; i < 40 && ends.length < 100; i++) {
      await clock.advance(5);
      device.room = 5;
    }
    expect(ends).toEqual(Array.from({ length: 100 }, (_, i) => `${(0x200 + i).toString(16)} sent`));
    expect(bus.counters.congested).toBeGreaterThan(5);
    expect(bus.counters.failed).toBe(0);
    expect(bus.state.kind).toBe("up");
  });

  it("an interface that stays full means that nobody acknowledges; it is up with the first frame", async () => {
    const { clock, device, bus, send, ends } = world();
    bus.open();
    await clock.advance(10);
    device.room = 0;
    send(frame(0x200));
    await clock.advance(3000);
    expect(ends).toEqual(["200 no-ack"]);
    expect(bus.state.kind).toBe("error-passive");
    device.room = 10;
    device.says(0x101, [1]);
    expect(bus.state.kind).toBe("up");
  });

  it("an adapter that is pulled ends what waits and is opened anew when it is back", async () => {
    const { clock, device, bus, send, ends, states, got } = world();
    bus.open();
    await clock.advance(10);
    device.room = 0;
    send(frame(0x200));
    send(frame(0x201));
    await clock.advance(10);
    device.vanish();
    expect(ends).toEqual(["200 lost", "201 lost"]);
    await clock.advance(3000);
    device.state = "up";
    device.room = 10;
    await clock.advance(10_000);
    device.says(0x101, [1, 2]);
    // Pulled, and then still not there: the reason is another.
    expect(states).toEqual(["up", "unplugged", "unplugged", "up"]);
    expect(got).toEqual(["101:1,2"]);
    expect(bus.counters.reopened).toBe(1);
    expect(device.opens).toBe(2);
  });

  it("one that is set down is noticed though nothing is sent", async () => {
    const { clock, device, bus, states } = world();
    bus.open();
    await clock.advance(100);
    device.state = "down";
    await clock.advance(1500);
    expect(bus.state.kind).toBe("unplugged");
    device.state = "up";
    await clock.advance(10_000);
    expect(states).toEqual(["up", "unplugged", "up"]);
  });

  it("bus-off and its end are what the driver says; frames meanwhile are lost at once", async () => {
    const { clock, device, bus, send, ends } = world();
    bus.open();
    await clock.advance(10);
    device.says(0x40, [0, 0, 0, 0, 0, 0, 0, 0], true);
    expect(bus.state).toMatchObject({ kind: "bus-off", reason: expect.stringContaining("restart-ms") });
    send(frame(0x200));
    await clock.advance(5);
    expect(ends).toEqual(["200 lost"]);
    device.says(0x100, [0, 0, 0, 0, 0, 0, 0, 0], true);
    send(frame(0x201));
    await clock.advance(5);
    expect(ends.at(-1)).toBe("201 sent");
    expect(bus.state.kind).toBe("up");
    expect(bus.counters.busOffs).toBe(1);
  });

  it("errors of the protocol and no frame at all mean another bit rate", async () => {
    const { clock, device, bus } = world();
    bus.open();
    await clock.advance(10);
    for (let i = 0; i < 30; i++) device.says(0x08, [0, 0, 4, 0, 0, 0, 0, 0], true);
    expect(bus.state).toMatchObject({ kind: "wrong-bit-rate", reason: expect.stringContaining("bitrate 500000") });
    device.says(0x101, [1]);
    expect(bus.state.kind).toBe("up");
  });

  it("a full queue takes no more, and a closed bus tells nothing more", async () => {
    const { clock, device, bus, send, ends, got } = world();
    bus.open();
    await clock.advance(10);
    device.room = 0;
    const taken = Array.from({ length: 300 }, () => send(frame(0x200)));
    expect(taken.filter((each) => each === "full")).toHaveLength(44);
    await bus.close();
    device.says(0x101);
    await clock.advance(5000);
    expect(ends).toEqual([]);
    expect(got).toEqual([]);
    expect(bus.state.kind).toBe("closed");
  });

  it("without the library it says how to get it", async () => {
    const clock = new VirtualClock();
    const bus = new SocketCanBus({
      name: "can0",
      clock,
      entropy: { fraction: () => 0 },
      log: silentLog,
      interfaceState: async () => "up",
    });
    bus.open();
    await clock.advance(100);
    // Where the library is built for this machine, it is the interface that is missing.
    await expect.poll(() => bus.state.reason).toMatch(/npm rebuild socketcan|can't be opened/);
    await bus.close();
  });
});
