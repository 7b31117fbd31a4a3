import { describe, expect, it } from "vitest";
import { AppHarness } from "./app-harness.ts";

const state = async (h: AppHarness, node = "n1") => (await h.wait(h.app.registry.find(node)))?.presence.state;

/** Another node that keeps the manager hearing. */
async function withCompany(h: AppHarness, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10_000) {
    h.app.heartbeats.beat("company", 0, undefined, undefined);
    await h.clock.advance(Math.min(10_000, ms - passed));
  }
}

describe("presence", () => {
  it("goes online, late, offline by the clock, each told once, with an alert at the end", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.register("company");
    await withCompany(h, 119_000);
    expect(await state(h)).toBe("online");
    await withCompany(h, 2_000);
    expect(await state(h)).toBe("late");
    await withCompany(h, 170_000);
    expect(await state(h)).toBe("offline");
    expect(
      h
        .of("presence")
        .filter(({ node }) => node === "n1")
        .map(({ to }) => to),
    ).toEqual(["online", "late", "offline"]);
    expect(h.app.alerts.active()).toMatchObject([{ kind: "offline", node: "n1", severity: "critical" }]);
    h.app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(await state(h)).toBe("online");
    await h.settle();
    expect(h.app.alerts.active()).toEqual([]);
    const told = await h.wait(h.app.timeline.list("n1"));
    expect(told.map(({ what }) => what)).toContain("presence-offline");
  });

  it("is unknown after a start until the node is heard; the snapshot tells its age", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.clock.advance(30_000);
    await h.wait(h.app.stop());
    const after = await h.crash();
    expect(await state(after)).toBe("unknown");
    const view = await after.wait(after.app.registry.find("n1"));
    expect(view?.presence.heardAgoMs).toBeGreaterThanOrEqual(30_000);
    after.app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(await state(after)).toBe("online");
  });

  it("is unknown when we hear nobody at all, and nobody is reported offline for that", async () => {
    const h = await new AppHarness({ settings: { pollSeconds: 5 } }).start();
    await h.register("n1");
    await h.register("n2");
    await h.clock.advance(59_000);
    expect(await state(h)).toBe("late");
    await h.clock.advance(7_000);
    expect(await state(h)).toBe("unknown");
    await h.clock.advance(600_000);
    expect(await state(h)).toBe("unknown");
    expect(h.app.alerts.active()).toEqual([]);
    h.app.heartbeats.beat("n2", 0, undefined, undefined);
    expect([await state(h), await state(h, "n2")]).toEqual(["unknown", "online"]);
    for (let n = 0; n < 12; n++) {
      h.app.heartbeats.beat("n2", 0, undefined, undefined);
      await h.clock.advance(10_000);
    }
    expect(await state(h)).toBe("offline");
  });

  it("of a lone node follows its silence: there is nobody else to tell a deaf manager by", async () => {
    const h = await new AppHarness({ settings: { pollSeconds: 5 } }).start();
    await h.register("n1");
    await h.clock.advance(130_000);
    expect(await state(h)).toBe("offline");
  });

  it("is unknown while the socket is down", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.hearing.socket(false);
    expect(await state(h)).toBe("unknown");
    h.app.hearing.socket(true);
    expect(await state(h)).toBe("unknown");
    h.app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(await state(h)).toBe("online");
  });

  it("is late at once when the broker connection breaks, until the node is heard", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.brokerEvents.connection("n1", "connected");
    h.app.brokerEvents.connection("n1", "lost");
    expect(await state(h)).toBe("late");
    h.app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(await state(h)).toBe("online");
    h.app.brokerEvents.connection("n1", "disconnected");
    expect(await state(h)).toBe("online");
  });

  it("isn't made good by the will that the broker sends in a lost node's place", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.app.brokerEvents.connection("n1", "connected");
    h.app.brokerEvents.connection("n1", "lost");
    const payload = new TextEncoder().encode("offline");
    const will = { node: "n1", topic: "cx/nodes/n1/availability", payload, retain: true, receivedWallMs: 0 };
    h.app.brokerEvents.published([{ ...will, isWill: true }]);
    expect(await state(h)).toBe("late");
    h.app.brokerEvents.published([will]);
    expect(await state(h)).toBe("online");
  });

  it("of a child whose gateway is offline is unknown, not offline", async () => {
    const h = await new AppHarness().start();
    await h.register("gw");
    await h.register("gw.0a", { parent: "gw" as never });
    await h.register("company");
    await withCompany(h, 300_000);
    expect([await state(h, "gw"), await state(h, "gw.0a")]).toEqual(["offline", "unknown"]);
    h.app.heartbeats.beat("gw", 0, undefined, undefined);
    expect([await state(h, "gw"), await state(h, "gw.0a")]).toEqual(["online", "offline"]);
    expect(h.app.alerts.active().map(({ node }) => node)).toEqual(["gw.0a"]);
  });

  it("that changes for a whole fleet is one event with a count", async () => {
    const h = await new AppHarness({ limits: { nodes: 200 } }).start();
    for (let n = 0; n < 100; n++) await h.register(`n${n}`);
    await h.settle();
    const before = h.events.length;
    h.app.hearing.socket(false);
    await h.settle();
    const events = h.events.slice(before);
    expect(events).toEqual([
      {
        kind: "presence-many",
        to: "unknown",
        count: 100,
        counts: { registered: 100, unknown: 100, online: 0, late: 0, offline: 0 },
      },
    ]);
  });
});

describe("live events", () => {
  it("reach the other listeners when one throws, and nobody any more who left", async () => {
    const h = await new AppHarness().start();
    const seen: string[] = [];
    h.app.events.subscribe(() => {
      throw new Error("A listener's own trouble.");
    });
    const leave = h.app.events.subscribe(({ kind }) => seen.push(kind));
    expect((await h.register("n1")).kind).toBe("created");
    expect(seen).toContain("registered");
    leave();
    leave();
    const count = seen.length;
    await h.register("n2");
    expect(seen).toHaveLength(count);
  });

  it("have room for a limited number of listeners", async () => {
    // The harness is one of them.
    const h = await new AppHarness({ limits: { liveListeners: 2 } }).start();
    h.app.events.subscribe(() => undefined);
    expect(() => h.app.events.subscribe(() => undefined)).toThrow(RangeError);
  });
});
