import { describe, expect, it } from "vitest";
import { silentLog } from "../kernel/log.ts";
import { seededEntropy } from "../kernel/seeded-entropy.ts";
import { VirtualClock } from "../kernel/virtual-clock.ts";
import { Bridge, type BridgeLink, type BridgeLinkEvents, type BridgeOptions, type BridgeWay } from "./bridge.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The other broker, which does what a test says: refuses, is silent, breaks off, acknowledges late. */
class Far {
  readonly clock = new VirtualClock();
  readonly opened: number[] = [];
  readonly published: string[] = [];
  readonly retained: string[] = [];
  readonly delivered: string[] = [];
  readonly ups: boolean[] = [];
  opens: "yes" | "no" | "silent" = "yes";
  grants: boolean = true;
  acknowledges: boolean = true;
  retains: boolean = false;
  events: BridgeLinkEvents | undefined;
  links: number = 0;
  readonly bridge: Bridge;

  constructor(limits: BridgeOptions["limits"] = {}) {
    this.bridge = new Bridge({
      ...{ clock: this.clock, entropy: seededEntropy(1), log: silentLog, limits, subscribe: ["in/#"] },
      wayOf,
      open: (events, signal) => this.#open(events, signal),
      deliver: (topic, payload) => {
        if (topic === "in/throws") throw new Error("a defect");
        this.delivered.push(`${topic} ${new TextDecoder().decode(payload)}`);
      },
      retains: () => this.retains,
      onLink: (isUp) => this.ups.push(isUp),
    });
  }

  async after(ms: number): Promise<void> {
    await this.clock.advance(ms);
  }

  break(reason = "broken"): void {
    const { events } = this;
    this.events = undefined;
    events?.closed(reason);
  }

  #open(events: BridgeLinkEvents, signal: AbortSignal): Promise<BridgeLink> {
    this.opened.push(this.clock.monotonicMs());
    if (this.opens === "no") return Promise.reject(new Error("refused"));
    if (this.opens === "silent") {
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    }
    this.events = events;
    this.links++;
    let isOpen = true;
    return Promise.resolve({
      subscribe: () => (this.grants ? Promise.resolve() : Promise.reject(new Error("not granted"))),
      publish: (topic, payload, retain) => {
        if (!isOpen) return Promise.reject(new Error("used after its end"));
        this.published.push(`${topic} ${new TextDecoder().decode(payload)}`);
        if (retain) this.retained.push(topic);
        return this.acknowledges ? Promise.resolve() : new Promise(() => {});
      },
      close: () => {
        if (isOpen) this.links--;
        isOpen = false;
      },
    });
  }
}

function wayOf(topic: string): BridgeWay | undefined {
  if (topic.startsWith("in/")) return { way: "in" };
  if (topic.startsWith("out/ack/")) return { way: "out", keeping: "kept" };
  if (topic.startsWith("out/state/")) return { way: "out", keeping: "latest" };
  return topic.startsWith("out/") ? { way: "out", keeping: "stream" } : undefined;
}

describe("a bridge without a link", () => {
  it("tries again with waits that grow up to their cap, are jittered, and never stop", async () => {
    const far = new Far({ retryBaseMs: 1000, retryCapMs: 8000 });
    far.opens = "no";
    far.bridge.start();
    await far.after(60_000);
    const waits = far.opened.slice(1).map((ms, i) => ms - (far.opened[i] ?? 0));
    expect(waits.length).toBeGreaterThan(6);
    for (const [i, wait] of waits.entries()) {
      const longest = Math.min(1000 * 2 ** i, 8000);
      expect(wait).toBeLessThanOrEqual(longest + 1);
      expect(wait).toBeGreaterThanOrEqual(longest / 2 - 1);
    }
    expect(new Set(waits.slice(4)).size).toBeGreaterThan(1);
    far.bridge.stop();
    const { length } = far.opened;
    await far.after(60_000);
    expect(far.opened).toHaveLength(length);
  });

  it("gives up an attempt that is never answered, and one whose subscription isn't granted", async () => {
    const far = new Far({ connectTimeoutMs: 5000 });
    far.opens = "silent";
    far.bridge.start();
    await far.after(6500);
    expect(far.opened).toHaveLength(2);
    far.opens = "yes";
    far.grants = false;
    await far.after(20_000);
    expect([far.bridge.isUp, far.links]).toEqual([false, 0]);
    far.grants = true;
    await far.after(20_000);
    expect([far.bridge.isUp, far.links]).toEqual([true, 1]);
  });

  it("goes on waiting longer when links break as soon as they are there, and begins anew after one that held", async () => {
    const far = new Far({ retryBaseMs: 1000, retryCapMs: 64_000, stableMs: 30_000 });
    far.bridge.start();
    for (let i = 0; i < 5; i++) {
      await far.after(0);
      expect(far.bridge.isUp).toBe(true);
      far.break();
      const { length } = far.opened;
      while (far.opened.length === length) await far.after(100);
    }
    const [before = 0, last = 0] = far.opened.slice(-2);
    expect(last - before).toBeGreaterThan(7000);
    await far.after(31_000);
    far.break();
    const { length } = far.opened;
    await far.after(1001);
    expect(far.opened).toHaveLength(length + 1);
  });

  it("keeps what is offered, drops the oldest telemetry first and never an acknowledgement, and sends it when there is a link", async () => {
    const far = new Far({ maxStreamMessages: 3 });
    far.opens = "no";
    far.bridge.start();
    far.bridge.offer("out/ack/1", bytes("a1"), false);
    for (let i = 0; i < 5; i++) far.bridge.offer("out/telemetry", bytes(`t${i}`), false);
    for (let i = 0; i < 3; i++) far.bridge.offer("out/state/x", bytes(`s${i}`), false);
    far.bridge.offer("out/ack/2", bytes("a2"), false);
    far.opens = "yes";
    await far.after(10_000);
    expect(far.published).toEqual([
      ...["out/ack/1 a1", "out/ack/2 a2", "out/state/x s2"],
      ...["out/telemetry t2", "out/telemetry t3", "out/telemetry t4"],
    ]);
    expect(far.bridge.counters()).toMatchObject({ streamDropped: 2, latestReplaced: 2, sent: 6 });
  });

  it("doesn't carry out later what was asked for meanwhile: nothing comes in", async () => {
    const far = new Far();
    far.bridge.start();
    await far.after(0);
    const { events } = far;
    far.break();
    events?.message("in/cmd", bytes("late"), false);
    await far.after(10_000);
    expect(far.delivered).toEqual([]);
  });
});

describe("a bridge with a link", () => {
  it("sends again what wasn't acknowledged when the link broke, and gives a link up that acknowledges nothing", async () => {
    const far = new Far({ ackTimeoutMs: 5000 });
    far.acknowledges = false;
    far.bridge.start();
    await far.after(0);
    far.bridge.offer("out/ack/1", bytes("a"), false);
    expect(far.published).toEqual(["out/ack/1 a"]);
    await far.after(4000);
    expect(far.bridge.isUp).toBe(true);
    await far.after(1500);
    expect([far.bridge.isUp, far.links]).toEqual([false, 0]);
    far.acknowledges = true;
    await far.after(3000);
    expect(far.published).toEqual(["out/ack/1 a", "out/ack/1 a"]);
    expect(far.bridge.waiting).toBe(0);
    expect(far.ups).toEqual([true, false, true]);
  });

  it("has no more on their way than it may", async () => {
    const far = new Far({ maxInFlight: 2 });
    far.acknowledges = false;
    far.bridge.start();
    await far.after(0);
    for (let i = 0; i < 5; i++) far.bridge.offer("out/t", bytes(`${i}`), false);
    expect(far.published).toHaveLength(2);
    expect(far.bridge.waiting).toBe(5);
  });

  it("passes on what goes in, and refuses what is retained, foreign, too large or too much", async () => {
    const far = new Far({ maxInboundBytes: 64, maxInboundPerSecond: 3 });
    far.bridge.start();
    await far.after(0);
    const { events } = far;
    events?.message("in/cmd", bytes("1"), false);
    events?.message("in/cmd", bytes("retained"), true);
    events?.message("out/telemetry", bytes("foreign"), false);
    events?.message("elsewhere", bytes("foreign"), false);
    events?.message("in/cmd", new Uint8Array(65), false);
    events?.message("in/throws", bytes("2"), false);
    events?.message("in/cmd", bytes("3"), false);
    events?.message("in/cmd", bytes("too much"), false);
    await far.after(1000);
    events?.message("in/cmd", bytes("4"), false);
    expect(far.delivered).toEqual(["in/cmd 1", "in/cmd 3", "in/cmd 4"]);
    expect(far.bridge.counters()).toMatchObject({
      ...{ received: 4, inboundRetained: 1, inboundForeign: 2, inboundTooLarge: 1, inboundTooFast: 1 },
    });
  });

  it("sends nothing that goes in or stays, so what came in doesn't go back", async () => {
    const far = new Far();
    far.bridge.start();
    await far.after(0);
    far.events?.message("in/cmd", bytes("1"), false);
    for (const topic of ["in/cmd", "elsewhere", "$SYS/x"]) far.bridge.offer(topic, bytes("1"), false);
    expect(far.published).toEqual([]);
    expect(far.bridge.waiting).toBe(0);
  });

  it("retains at the other broker only where that is asked for", async () => {
    const far = new Far();
    far.bridge.start();
    await far.after(0);
    far.bridge.offer("out/state/a", bytes("1"), true);
    far.retains = true;
    far.bridge.offer("out/state/b", bytes("1"), true);
    far.bridge.offer("out/state/c", bytes("1"), false);
    expect(far.retained).toEqual(["out/state/b"]);
  });

  it("closes its link when it stops, and comes back when it starts again", async () => {
    const far = new Far();
    far.bridge.start();
    await far.after(0);
    far.bridge.stop();
    expect([far.links, far.bridge.isUp]).toEqual([0, false]);
    far.bridge.start();
    await far.after(0);
    expect([far.links, far.bridge.isUp]).toEqual([1, true]);
  });
});
