import { describe, expect, it } from "vitest";
import { gatewayWorld, home, topics } from "./gateway-world.ts";

async function running(nodes: readonly number[] = [1, 2, 3]) {
  const world = gatewayWorld();
  const packs = nodes.map((node) => world.pack(node));
  for (const pack of packs) pack.powerUp();
  await world.site.start();
  await world.clock.advance(5000);
  return { ...world, world, packs };
}

describe("commands that go wrong", () => {
  it("a payload that breaks its schema never becomes a frame, and its sender is told what is wrong", async () => {
    const { broker, packs, site } = await running();
    const [one] = packs;
    for (const payload of ["", "eco", "{}", '{"mode":"turbo","on":true}', '{"mode":"eco","on":"yes"}'])
      broker.phone(topics.command(home, "set-mode", one!.hardware), payload);
    expect(broker.acks("set-mode").map(({ outcome, node }) => [outcome, node])).toEqual(
      new Array(5).fill(["invalid", one!.hardware]),
    );
    expect(broker.acks("set-mode")[3]?.reason).toContain("/mode must be one of");
    broker.phone(`alfaspark/${home}/commands/explode`, { id: "x1" });
    expect(broker.acks("explode")[0]).toMatchObject({ outcome: "invalid", reason: expect.stringContaining("explode") });
    expect(packs.flatMap(({ commands }) => commands)).toEqual([]);
    expect(site.requests.counters.invalid).toBe(6);
  });

  it("what breaks its schema is answered with its id, if that is one, and a rule in the words of its language", async () => {
    const { broker } = await running();
    broker.phone(topics.command(home, "set-grid-limit"), { on: true, limit: 99, id: "c2" });
    broker.phone(topics.command(home, "set-grid-limit"), { on: true, limit: 99, id: "no id of ours" });
    expect(broker.acks("set-grid-limit").map(({ id, outcome }) => [id, outcome])).toEqual([
      ["c2", "invalid"],
      [undefined, "invalid"],
    ]);
    const rules = [{ name: "sun", rule: "when P_sun > load then socket pump on" }];
    broker.phone(topics.ofSite("rules-command", home), { rules, id: "r2" });
    const [answer] = broker.acks("rules");
    expect(answer).toMatchObject({ id: "r2", outcome: "invalid" });
    expect(answer?.reason).toMatch(/^sun: `P_sun` is neither a number nor a value of the site/);
  });

  it("a retained command is refused", async () => {
    const { broker, packs, clock } = await running();
    broker.phone(topics.command(home, "set-mode"), { mode: "eco", on: true, id: "r1" }, true);
    await clock.advance(3000);
    expect(broker.acks("set-mode")).toEqual([expect.objectContaining({ outcome: "invalid", id: "r1" })]);
    expect(packs.flatMap(({ commands }) => commands)).toEqual([]);
  });

  it("one that MQTT delivers twice is one frame, and is answered again; with another id it is another one", async () => {
    const { broker, packs, clock, site } = await running();
    const [one] = packs;
    const ask = (id: string): void =>
      broker.phone(topics.command(home, "set-mode", one!.hardware), { mode: "eco", on: true, id });
    ask("r1");
    ask("r1");
    await clock.advance(1000);
    expect(one!.commands).toHaveLength(1);
    expect(broker.acks("set-mode")).toEqual([expect.objectContaining({ outcome: "done", id: "r1" })]);
    ask("r1");
    await clock.advance(1000);
    expect(one!.commands).toHaveLength(1);
    expect(broker.acks("set-mode").map(({ outcome, id }) => [outcome, id])).toEqual(new Array(2).fill(["done", "r1"]));
    expect(site.requests.counters).toMatchObject({ taken: 1, repeated: 2 });
    ask("r2");
    await clock.advance(1000);
    expect(one!.commands).toHaveLength(2);
  });

  it("another household's, and what is no request, is nothing", async () => {
    const { broker, packs, clock } = await running();
    const before = broker.published.length;
    broker.phone(`alfaspark/home-8/commands/set-mode`, { mode: "eco", on: true });
    broker.phone(topics.ofSite("aggregate", home), { packs: 0, known: 0, stale: false });
    broker.phone("cx/nodes/x/cmd/restart", {});
    expect(broker.published).toHaveLength(before);
    await clock.advance(3000);
    expect(packs.flatMap(({ commands }) => commands)).toEqual([]);
  });

  it("a pack that says no is told in words, one that says nothing as silent", async () => {
    const { broker, packs, clock } = await running();
    const [one, two, three] = packs;
    one!.answer = () => "forbidden-by-lock-out";
    two!.answer = () => undefined;
    broker.phone(topics.command(home, "set-relay"), { relay: "grid", on: true, id: "r1" });
    await clock.advance(3000);
    const acks = broker.acks("set-relay");
    expect(acks).toHaveLength(3);
    expect(acks.find(({ node }) => node === one!.hardware)).toMatchObject({
      ...{ outcome: "refused", result: "forbidden-by-lock-out", id: "r1" },
      reason: expect.stringContaining("05:00"),
    });
    expect(acks.find(({ node }) => node === two!.hardware)).toMatchObject({ outcome: "silent", id: "r1" });
    expect(acks.find(({ node }) => node === three!.hardware)).toMatchObject({ outcome: "done", id: "r1" });
  });

  it("without an adapter, or to a pack that isn't there, it is told at once that nothing was sent", async () => {
    const { broker, clock, world, packs } = await running();
    broker.phone(topics.command(home, "reset-grid", "240ac4000163" as never), { id: "a" });
    await clock.advance(1);
    expect(broker.acks("reset-grid")).toEqual([expect.objectContaining({ outcome: "not-sent", id: "a" })]);
    world.unplug();
    broker.phone(topics.command(home, "reset-grid", packs[0]!.hardware), { id: "b" });
    await clock.advance(5);
    expect(broker.acks("reset-grid")[1]).toMatchObject({
      ...{ outcome: "not-sent", id: "b" },
      reason: expect.stringContaining("plug the CAN adapter in"),
    });
    expect(broker.document("site-gateway", topics.ofSite("gateway", home))).toMatchObject({ can: "unplugged" });
    world.plug();
    await clock.advance(3000);
    broker.phone(topics.command(home, "reset-grid", packs[0]!.hardware), { id: "c" });
    await clock.advance(100);
    expect(broker.acks("reset-grid")[2]).toMatchObject({ outcome: "done", id: "c" });
  });

  it("for sockets, rules and updates that nothing is set up for, it says so; a handler that fails is told, too", async () => {
    const { broker, clock, site } = await running();
    broker.phone(topics.socketCommand(home, "pump"), { on: true, id: "s" });
    broker.phone(topics.ofSite("update-trigger", home), { id: "u" });
    await clock.advance(1);
    expect(broker.acks("socket")).toEqual([expect.objectContaining({ outcome: "not-sent", socket: "pump", id: "s" })]);
    expect(broker.acks("ota")).toEqual([expect.objectContaining({ outcome: "not-sent", id: "u" })]);
    site.requests.handlers.socket = () => Promise.reject(new Error("mine"));
    broker.phone(topics.socketCommand(home, "pump"), { on: true });
    site.requests.handlers.rules = async () => ({ outcome: "done" });
    broker.phone(topics.ofSite("rules-command", home), { rules: [], id: "r" });
    await clock.advance(1);
    expect(broker.acks("socket")[1]?.outcome).toBe("not-sent");
    expect(broker.acks("rules")).toEqual([expect.objectContaining({ outcome: "done", id: "r" })]);
  });
});

describe("values that aren't fresh", () => {
  it("a silent pack's are marked stale after 10 s, kept, and it is dropped after 120 s", async () => {
    const { broker, clock, packs } = await running([1]);
    const [pack] = packs;
    const telemetry = () => broker.document("site-telemetry", topics.ofPack("telemetry", home, pack!.hardware));
    expect(telemetry()).toMatchObject({ stale: false, online: true, SOC: 55, P_home: 0.8, P_batt: -0.7 });
    pack!.cutPower();
    await clock.advance(13_000);
    expect(telemetry()).toMatchObject({ stale: true, online: true, SOC: 55, P_home: 0.8 });
    expect(broker.document("site-aggregate", topics.ofSite("aggregate", home))).toMatchObject({
      stale: true,
      packs: 1,
    });
    await clock.advance(120_000);
    expect(telemetry()).toMatchObject({ stale: true, online: false, SOC: 55 });
    expect(broker.document("site-alarm", topics.ofPack("alarm", home, pack!.hardware))?.alarms).toEqual([
      expect.objectContaining({ code: "silent" }),
    ]);
    const aggregate = broker.document("site-aggregate", topics.ofSite("aggregate", home));
    expect(aggregate).toMatchObject({ packs: 0, known: 1, stale: true });
    expect(aggregate?.P_home).toBeUndefined();
    pack!.powerUp();
    await clock.advance(4000);
    expect(telemetry()).toMatchObject({ stale: false, online: true });
    expect(broker.document("site-alarm", topics.ofPack("alarm", home, pack!.hardware))?.alarms).toEqual([]);
  });

  it("what a pack doesn't know is absent, never 0", async () => {
    const { broker, clock, packs } = await running([1]);
    const [pack] = packs;
    pack!.charge = null;
    pack!.bms = "fault";
    pack!.power = { grid: 100, home: 800, battery: null, solar: null };
    await clock.advance(4000);
    const telemetry = broker.document("site-telemetry", topics.ofPack("telemetry", home, pack!.hardware));
    expect(telemetry).toMatchObject({ bms: "fault", P_home: 0.8 });
    for (const name of ["SOC", "V_batt", "I_batt", "P_batt", "P_solar"] as const)
      expect(telemetry?.[name]).toBeUndefined();
    expect(broker.document("site-aggregate", topics.ofSite("aggregate", home))?.SOC).toBeUndefined();
  });

  it("after a restart the last known values are there at once, stale, before anything was heard", async () => {
    const { world, clock, packs, site } = await running([1, 2]);
    await clock.advance(61_000);
    await site.stop();
    for (const pack of packs) pack.cutPower();
    await clock.advance(30_000);
    const again = world.restarted();
    await again.site.start();
    const telemetry = again.broker.document("site-telemetry", topics.ofPack("telemetry", home, packs[0]!.hardware));
    expect(telemetry).toMatchObject({ stale: true, online: false, SOC: 55, P_home: 0.8 });
    expect(telemetry?.age).toBeGreaterThanOrEqual(29);
    expect(telemetry?.age).toBeLessThan(40);
    expect(again.broker.document("site-identity", topics.ofPack("identity", home, packs[0]!.hardware))).toMatchObject({
      version: "2.5",
    });
    expect(again.broker.document("site-aggregate", topics.ofSite("aggregate", home))).toMatchObject({
      stale: true,
      packs: 0,
    });
    await clock.advance(5000);
    expect(again.broker.document("site-aggregate", topics.ofSite("aggregate", home))).toMatchObject({ stale: true });
  });

  it("the day is told in steps of ten minutes, with a gap where nothing was heard, over a restart too", async () => {
    const { world, clock, packs, site } = await running([1, 2]);
    await clock.advance(25 * 60_000);
    await site.stop();
    for (const pack of packs) pack.cutPower();
    await clock.advance(60 * 60_000);
    const again = world.restarted();
    await again.site.start();
    const day = () => again.broker.document("site-history", topics.ofSite("history", home));
    const before = day()?.points ?? [];
    expect(before.length).toBeGreaterThanOrEqual(2);
    expect(before[0]).toMatchObject({ load: expect.any(Number), soc: 55 });
    // Nothing is made up of what is stale.
    await clock.advance(20 * 60_000);
    expect(day()?.points).toEqual(before);
    for (const pack of packs) pack.powerUp();
    await clock.advance(25 * 60_000);
    const after = day()?.points ?? [];
    expect(after.length).toBeGreaterThan(before.length);
    expect(after[before.length]!.minute - before.at(-1)!.minute).toBeGreaterThanOrEqual(70);
  });

  it("a disk that fails costs the memory of a restart and nothing else", async () => {
    const { world, broker, clock, packs, records, site } = await running([1]);
    records.isFailing = true;
    await clock.advance(120_000);
    packs[0]!.power = { ...packs[0]!.power, home: 900 };
    await clock.advance(4000);
    expect(broker.document("site-telemetry", topics.ofPack("telemetry", home, packs[0]!.hardware))?.P_home).toBe(0.9);
    await site.stop();
    const again = world.restarted();
    await again.site.start();
    await clock.advance(5000);
    expect(again.broker.document("site-telemetry", topics.ofPack("telemetry", home, packs[0]!.hardware))).toMatchObject(
      {
        stale: false,
      },
    );
  });
});

describe("time", () => {
  it("isn't sent while the gateway's own isn't valid, and documents bear none", async () => {
    const world = gatewayWorld();
    world.isTimeValid = false;
    const pack = world.pack(1);
    pack.powerUp();
    await world.site.start();
    await world.clock.advance(130_000);
    expect(pack.times).toEqual([]);
    expect(world.site.time.counters.withheld).toBeGreaterThan(1);
    const telemetry = world.broker.document("site-telemetry", topics.ofPack("telemetry", home, pack.hardware));
    expect(telemetry).toMatchObject({ stale: false });
    expect(telemetry?.time).toBeUndefined();
    world.isTimeValid = true;
    await world.clock.advance(60_000);
    expect(pack.times.length).toBeGreaterThan(0);
  });

  it("is sent each minute, and soon to a pack that lost it", async () => {
    const { clock, packs } = await running([1]);
    const [pack] = packs;
    await clock.advance(180_000);
    expect(pack!.times.length).toBeGreaterThanOrEqual(3);
    expect(pack!.times.length).toBeLessThan(7);
    expect(pack!.times[0]).toMatchObject({ year: 2026, month: 11, day: 21, hour: 12, weekday: 5 });
    pack!.cutPower();
    const before = pack!.times.length;
    pack!.powerUp();
    await clock.advance(2000);
    expect(pack!.times.length).toBe(before + 1);
  });
});

describe("the day's import", () => {
  it("is given back to a pack that lost its power, with the lock-out, also when the gateway had been restarted", async () => {
    const { world, clock, packs, site } = await running([1]);
    const [pack] = packs;
    pack!.imported = 321;
    pack!.state = { ...pack!.state, gridLimit: true, isLockedOut: true };
    await clock.advance(10_000);
    pack!.cutPower();
    await clock.advance(3000);
    pack!.powerUp();
    await clock.advance(10_000);
    expect(pack!.imported).toBeGreaterThanOrEqual(321);
    expect(pack!.state.isLockedOut).toBe(true);
    expect(site.imports.counters.restored).toBe(1);
    await clock.advance(61_000);
    await site.stop();
    pack!.cutPower();
    const again = world.restarted();
    await again.site.start();
    pack!.powerUp();
    await clock.advance(10_000);
    expect(pack!.imported).toBeGreaterThanOrEqual(321);
    expect(pack!.state.isLockedOut).toBe(true);
  });

  it("isn't given back after a reset that was asked for, nor of another energy day", async () => {
    const { broker, clock, packs, site } = await running([1]);
    const [pack] = packs;
    pack!.imported = 321;
    await clock.advance(4000);
    broker.phone(topics.command(home, "reset-grid", pack!.hardware), {});
    await clock.advance(60_000);
    expect(pack!.imported).toBe(0);
    expect(site.imports.counters.restored).toBe(0);
    pack!.imported = 500;
    await clock.advance(4000);
    // From noon to past 05:00 of the next day.
    clock.jumpWall(18 * 3_600_000);
    pack!.imported = 0;
    await clock.advance(60_000);
    expect(pack!.imported).toBe(0);
    expect(site.imports.counters.restored).toBe(0);
  });
});

describe("a household", () => {
  it("is summed, and the master's sums are compared", async () => {
    const { broker, clock, packs } = await running([1, 2, 3]);
    const [one, two] = packs;
    const aggregate = () => broker.document("site-aggregate", topics.ofSite("aggregate", home));
    expect(aggregate()).toMatchObject({
      packs: 3,
      known: 3,
      stale: false,
      P_home: 2.4,
      P_grid: 0.3,
      P_batt: -2.1,
      SOC: 55,
    });
    expect(aggregate()?.master).toBeUndefined();
    expect(aggregate()?.disagrees).toBeUndefined();
    one!.state = { ...one!.state, isMaster: true };
    one!.totals = { packsOnline: 3, grid: 300 };
    await clock.advance(15_000);
    expect(aggregate()).toMatchObject({ master: one!.hardware, masterSays: { packs: 3, P_grid: 0.3 } });
    // The played master says 0 W of battery.
    expect(aggregate()).toMatchObject({ disagrees: true, differing: ["P_batt"] });
    expect(broker.document("site-master", topics.ofSite("master", home))).toMatchObject({
      node: one!.hardware,
      handovers: 0,
    });
    one!.cutPower();
    two!.state = { ...two!.state, isMaster: true };
    await clock.advance(125_000);
    expect(broker.document("site-master", topics.ofSite("master", home))).toMatchObject({
      node: two!.hardware,
      handovers: 1,
    });
  });

  it("shows loads limit⚠️ for exactly as long as a pack warns", async () => {
    const { broker, clock, packs } = await running([1]);
    const [pack] = packs;
    const telemetry = () => broker.document("site-telemetry", topics.ofPack("telemetry", home, pack!.hardware));
    pack!.state = { ...pack!.state, isOverLoadsLimit: true };
    await clock.advance(4000);
    expect(telemetry()?.warning).toBe("loads limit⚠️");
    expect(broker.document("site-aggregate", topics.ofSite("aggregate", home))?.warning).toBe("loads limit⚠️");
    expect(broker.document("site-alarm", topics.ofPack("alarm", home, pack!.hardware))?.alarms).toEqual([
      { code: "loads-limit", text: "loads limit⚠️", since: expect.stringMatching(/^2026-11-21T/) },
    ]);
    pack!.state = { ...pack!.state, isOverLoadsLimit: false };
    await clock.advance(4000);
    expect(telemetry()?.warning).toBeUndefined();
  });

  it("obeys: one command is one frame, every addressed pack answers, and the telemetry shows it", async () => {
    const { broker, clock, packs, can } = await running([1, 2, 3]);
    const sent = can.counters.sent;
    broker.phone(topics.command(home, "set-mode"), { mode: "eco", on: true, id: "all" });
    await clock.advance(100);
    expect(can.counters.sent).toBe(sent + 1);
    expect(broker.acks("set-mode").map(({ outcome, id }) => `${outcome} ${id}`)).toEqual(new Array(3).fill("done all"));
    broker.phone(topics.command(home, "set-relay", packs[1]!.hardware), { relay: "pump", on: true });
    await clock.advance(4000);
    expect(packs.map(({ state }) => state.pumpClosed)).toEqual([false, true, false]);
    expect(broker.document("site-telemetry", topics.ofPack("telemetry", home, packs[1]!.hardware))).toMatchObject({
      ...{ modes: ["eco"], relays: { grid: 1, inv: 1, pump: 1, heater: 0 } },
    });
  });

  it("stays as it is while 32 packs and a clock work for five minutes: nothing is lost, nothing grows", async () => {
    const { clock, broker, packs, site, can, bus } = await running(Array.from({ length: 32 }, (_, node) => node));
    await clock.advance(300_000);
    expect(broker.document("site-aggregate", topics.ofSite("aggregate", home))).toMatchObject({
      packs: 32,
      stale: false,
    });
    expect(packs.every(({ times }) => times.length >= 5)).toBe(true);
    expect(site.publisher.counters.invalid).toBe(0);
    expect(can.counters).toMatchObject({ failed: 0, refused: 0, garbled: 0, reopened: 0 });
    const load = (bus.counters.busyMs / clock.monotonicMs()) * 100;
    expect(load).toBeGreaterThan(2);
    expect(load).toBeLessThan(10);
    expect(site.status.canLoad).toBeGreaterThan(load * 0.8);
    expect(site.status.canLoad).toBeLessThan(load * 1.2);
  });
});
