import { beforeAll, describe, expect, it } from "vitest";
import type { CarryEnd } from "../../gateway/ports/firmware-carrier.ts";
import { buildPack } from "./build-core.ts";
import { CanSite, type CanSiteOptions, hardwareOf, packImage } from "./can-site.ts";
import type { SiteGateway } from "./site-gateway.ts";
import { type SiteRelease, siteRelease } from "./site-release.ts";

let addon: string;
beforeAll(async () => {
  addon = await buildPack();
}, 300_000);

const image = packImage("2.0.0", "ok", 30_000);
const pack = hardwareOf(0);
const never = new AbortController().signal;

async function siteWith(options: Omit<CanSiteOptions, "addon">): Promise<{ site: CanSite; gateway: SiteGateway }> {
  const site = new CanSite({ addon, ...options });
  const gateway = site.gateway();
  await site.until("the packs are known", () => site.packs.every((_, i) => gateway.isKnown(hardwareOf(i))));
  return { site, gateway };
}

async function carried(site: CanSite, gateway: SiteGateway, release: SiteRelease, to = pack): Promise<CarryEnd> {
  const ends: CarryEnd[] = [];
  void gateway.carry(to, release, never).then((end) => ends.push(end));
  await site.until("the transfer ends", () => ends.length > 0, 3_600_000);
  return ends[0]!;
}

/** Until the pack runs the image for good: a transfer that was interrupted is taken up again, as its owner does. */
async function updated(
  site: CanSite,
  gateway: () => SiteGateway,
  release: SiteRelease,
  to = pack,
): Promise<CarryEnd[]> {
  const ends: CarryEnd[] = [];
  for (let i = 0; i < 40 && !gateway().runs(to, release.image); i++) {
    ends.push(await carried(site, gateway(), release, to));
    const isApplied = ends.at(-1)?.kind === "applied";
    const waitedMs = isApplied ? 60_000 : 5_000;
    const endMs = site.clock.monotonicMs() + waitedMs;
    await site.until(
      "it runs, or the time is over",
      () => gateway().runs(to, release.image) || site.clock.monotonicMs() >= endMs,
    );
  }
  return ends;
}

describe("firmware by CAN, the gateway's sender against compiled packs", () => {
  it("an image is carried, boots, proves itself and is known as running", async () => {
    const { site, gateway } = await siteWith({ seed: 1 });
    const progress: number[] = [];
    const ends: CarryEnd[] = [];
    void gateway.carry(pack, await siteRelease(image, 5), never, progress).then((end) => ends.push(end));
    await site.until("the transfer ends", () => ends.length > 0);
    expect(ends).toEqual([{ kind: "applied" }]);
    await site.until("confirmed", () => gateway.runs(pack, image));
    expect(progress[0]).toBe(0);
    expect(progress.at(-1)).toBe(30_000);
    expect(site.packs[0]!.status).toMatchObject({ version: "2.0.0", imageSequence: 5, flashFaults: 0 });
    expect(gateway.registry.find(pack)?.firmware.texts.version).toBe("2.0.0");
    // A pack that runs it is brought nothing.
    expect(await carried(site, gateway, await siteRelease(image, 5))).toEqual({ kind: "applied" });
    expect(site.packs[0]!.status.phase).toBe("idle");
  });

  it("frames that are lost, doubled and destroyed cost time, never the image", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { site, gateway } = await siteWith({ seed, missPercent: 0.5, doublePercent: 2, errorPercent: 2 });
      const release = await siteRelease(image, 5, seed % 2 === 0);
      await updated(site, () => gateway, release);
      expect(gateway.runs(pack, image), `seed ${seed}`).toBe(true);
      expect(site.packs[0]!.status).toMatchObject({ version: "2.0.0", imageSequence: 5, flashFaults: 0 });
    }
  });

  it("power that goes within the pack's flash writes, time after time, costs what wasn't durable", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const { site, gateway } = await siteWith({ seed });
      const [device] = site.packs;
      const release = await siteRelease(packImage("2.0.0", "ok", 90_000), 5);
      let cuts = 0;
      const cut = (): void => {
        device!.cutPowerAfter(1 + Math.floor(site.entropy.fraction() * 10));
        if (++cuts < 8) site.clock.after(500 + site.entropy.fraction() * 4_000, cut);
      };
      site.clock.after(1_000, cut);
      const ends = await updated(site, () => gateway, release);
      expect(gateway.runs(pack, release.image), `seed ${seed}: ${JSON.stringify(ends)}`).toBe(true);
      expect(device!.status).toMatchObject({ version: "2.0.0", imageSequence: 5, flashFaults: 0 });
      expect(device!.status.boots).toBeGreaterThan(5);
    }
  });

  it("a gateway that is killed in any phase is followed by one that goes on where the slot ends", async () => {
    const { site, gateway: first } = await siteWith({ seed: 5 });
    let gateway = first;
    const [device] = site.packs;
    const release = await siteRelease(packImage("2.0.0", "ok", 60_000), 5);
    for (const block of [3, 20, 40, 55]) {
      const ends: CarryEnd[] = [];
      void gateway.carry(pack, release, never).then((end) => ends.push(end));
      await site.until(`block ${block}`, () => device!.status.phase === "payload" && device!.status.nextBlock >= block);
      void gateway.bus.close();
      gateway = site.gateway();
      await site.until("the pack is known", () => gateway.isKnown(pack));
      // Whole sectors are durable; the pack gives the new gateway the transfer after five seconds.
      await site.clock.advance(6_000);
    }
    const ends: CarryEnd[] = [];
    const progress: number[] = [];
    void gateway.carry(pack, release, never, progress).then((end) => ends.push(end));
    await site.until("the transfer ends", () => ends.length > 0);
    expect(ends).toEqual([{ kind: "applied" }]);
    expect(progress[0]).toBeGreaterThanOrEqual(52 * 1024);
    await site.until("confirmed", () => gateway.runs(pack, release.image));
  });

  it("of two gateways at once one leaves, and the other one's image comes through", async () => {
    const { site, gateway } = await siteWith({ seed: 6, packs: 2 });
    const other = site.gateway();
    await site.until("both know", () => other.isKnown(hardwareOf(1)));
    const release = await siteRelease(image, 5);
    const ends: CarryEnd[] = [];
    void gateway.carry(pack, release, never).then((end) => ends.push(end));
    await site.until("the payload is under way", () => site.packs[0]!.status.nextBlock > 5);
    void other.carry(hardwareOf(1), release, never).then((end) => ends.push(end));
    await site.until("one ends", () => ends.length > 0);
    expect(ends[0]).toEqual({ kind: "interrupted", reason: "other-gateway" });
    await updated(site, () => gateway, release);
    await updated(site, () => other, release, hardwareOf(1));
    expect(gateway.runs(pack, image) && other.runs(hardwareOf(1), image)).toBe(true);
  });

  it("a pack that has to move to another node id meanwhile gets the rest there, and nobody else does", async () => {
    const { site, gateway } = await siteWith({ seed: 11 });
    const ends: CarryEnd[] = [];
    const release = await siteRelease(packImage("2.0.0", "ok", 100_000), 5);
    void gateway.carry(pack, release, never).then((end) => ends.push(end));
    await site.until("the payload is under way", () => site.packs[0]!.status.nextBlock > 5);
    const newcomer = site.join(32);
    await site.until("the transfer ends", () => ends.length > 0);
    expect(newcomer.status.node).toBe(0);
    expect(site.packs[0]!.status.node).toBe(1);
    expect(ends[0]?.kind).toBe("interrupted");
    await updated(site, () => gateway, release);
    expect(gateway.runs(pack, release.image)).toBe(true);
    expect(newcomer.status).toMatchObject({ version: "1.0.0", phase: "idle" });
  });

  it("what the pack refuses is told in its own words", async () => {
    const { site, gateway } = await siteWith({ seed: 7 });
    await updated(site, () => gateway, await siteRelease(image, 5));
    const older = await siteRelease(packImage("1.5.0", "ok", 20_000), 4);
    expect(await carried(site, gateway, older)).toEqual({ kind: "refused", reason: "sequence-too-low" });
    const large = await siteRelease(packImage("3.0.0", "ok", 120_000), 6);
    expect(await carried(site, gateway, large)).toEqual({ kind: "refused", reason: "image-too-large" });
    const spoilt = { ...older, envelope: older.envelope.map((byte, i) => (i === 200 ? byte ^ 1 : byte)) };
    expect(await carried(site, gateway, spoilt)).toMatchObject({ kind: "refused" });
    expect(site.packs[0]!.status.version).toBe("2.0.0");
  });

  it("an image that isn't heard on the bus is left by the pack, and the gateway knows why", async () => {
    const { site, gateway } = await siteWith({ seed: 8 });
    const deaf = await siteRelease(packImage("2.0.0", "deaf", 20_000), 5);
    expect(await carried(site, gateway, deaf)).toEqual({ kind: "applied" });
    await site.until("it came back", () => gateway.registry.find(pack)?.firmware.state?.wasRolledBack === true);
    await site.until(
      "and said what it left",
      () => gateway.registry.find(pack)?.firmware.digests["rolled-back"] !== undefined,
    );
    expect(gateway.registry.find(pack)?.firmware.state?.rollbackReason).toBe("self-test");
    expect(site.packs[0]!.status.version).toBe("1.0.0");
  });

  it("where there is no bus, or another transfer is under way, nothing is begun", async () => {
    const { site, gateway } = await siteWith({ seed: 12, packs: 2 });
    const release = await siteRelease(image, 5);
    const ends: CarryEnd[] = [];
    void gateway.carry(pack, release, never).then((end) => ends.push(end));
    expect(await gateway.carry(hardwareOf(1), release, never)).toEqual({ kind: "interrupted", reason: "another-pack" });
    await gateway.bus.close();
    await site.until("it ends", () => ends.length > 0);
    expect(ends).toEqual([{ kind: "interrupted", reason: "bus-down" }]);
    expect(await gateway.carry(pack, release, never)).toEqual({ kind: "interrupted", reason: "bus-down" });
  });

  it("a transfer that is called off frees the pack's relays at once", async () => {
    const { site, gateway } = await siteWith({ seed: 9 });
    const control = new AbortController();
    const ends: CarryEnd[] = [];
    void gateway.carry(pack, await siteRelease(image, 5), control.signal).then((end) => ends.push(end));
    await site.until("the payload is under way", () => site.packs[0]!.status.nextBlock > 5);
    control.abort();
    await site.until("it ends", () => ends.length > 0, 2_000);
    expect(ends).toEqual([{ kind: "cancelled" }]);
    expect(site.packs[0]!.status.phase).toBe("idle");
  });

  it("with 32 packs telemetry and announces get through a transfer that leaves 40 % of the bus free", async () => {
    const { site, gateway } = await siteWith({ seed: 10, packs: 32 });
    const before = { busyMs: site.bus.counters.busyMs, nowMs: site.clock.monotonicMs() };
    await site.clock.advance(10_000);
    const quiet = (site.bus.counters.busyMs - before.busyMs) / (site.clock.monotonicMs() - before.nowMs);
    for (const pause of gateway.pauses.values()) pause.longestMs = 0;
    const ends: CarryEnd[] = [];
    const began = { busyMs: site.bus.counters.busyMs, nowMs: site.clock.monotonicMs() };
    void gateway
      .carry(pack, await siteRelease(packImage("2.0.0", "ok", 100_000), 5), never)
      .then((end) => ends.push(end));
    await site.until("the transfer ends", () => ends.length > 0);
    const lastedMs = site.clock.monotonicMs() - began.nowMs;
    const load = (site.bus.counters.busyMs - began.busyMs) / lastedMs;
    expect(ends).toEqual([{ kind: "applied" }]);
    expect(quiet).toBeLessThan(0.05);
    expect(load).toBeLessThan(0.6);
    expect(lastedMs).toBeLessThan(20_000);
    // Every 2 s, of each pack, each of its seven frames.
    const telemetry = [...gateway.pauses].filter(([id]) => id >= 0x100 && id < 0x200 && id % 8 < 7);
    expect(telemetry).toHaveLength(32 * 7);
    for (const [id, { longestMs }] of telemetry) expect(longestMs, id.toString(16)).toBeLessThan(2_100);
  });
});
