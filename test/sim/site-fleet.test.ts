import { beforeAll, describe, expect, it } from "vitest";
import { buildPack } from "./build-core.ts";
import { clashingHardware, fleetSize, houseOf, masterLostMs, SiteFleet } from "./site-fleet.ts";

let addon: string;
beforeAll(async () => {
  addon = await buildPack();
}, 300_000);

const seeds = (process.env["SITE_SEEDS"] ?? "1,2,3").split(",").map(Number);

describe("32 packs on one bus", () => {
  it.each(seeds)(
    "seed %i: ids that clash, lost frames, bus-off and restarts end with one master, own ids and right sums",
    async (seed) => {
      const fleet = new SiteFleet(addon, seed);
      const { site, gateway } = fleet;
      await fleet.pass(30_000);
      expect(fleet.nodes().sort((a, b) => a - b)).toEqual(Array.from({ length: fleetSize }, (_, i) => i));
      expect(fleet.masters()).toEqual([fleetSize - 1]);

      // The highest goes: the next one takes over within 125 s, and gives way within a second of hearing it announce itself again.
      const highest = site.packs[fleetSize - 1]!;
      highest.powerOff();
      await fleet.until("another is master", () => fleet.masters().length > 0, masterLostMs);
      expect(fleet.masters()).toEqual([fleetSize - 2]);
      fleet.announced.clear();
      highest.powerOn();
      await fleet.until("its first announce", () => fleet.announced.has(fleetSize - 1), 10_000);
      await fleet.pass(1000);
      expect(fleet.masters()).toEqual([fleetSize - 1]);

      let nextMs = fleet.nowMs + 10_000;
      let commandMs = fleet.nowMs;
      await fleet.pass(420_000, () => {
        if (fleet.nowMs >= nextMs) {
          fleet.befall();
          nextMs = fleet.nowMs + 3000 + site.entropy.fraction() * 40_000;
        }
        if (fleet.nowMs >= commandMs) {
          fleet.command();
          commandMs = fleet.nowMs + 2500;
        }
      });
      fleet.calm();
      await fleet.pass(masterLostMs + 10_000);

      expect(fleet.violations).toEqual([]);
      // It was no quiet afternoon.
      expect(Object.values(fleet.befallen).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(10);
      expect(fleet.handovers).toBeGreaterThanOrEqual(2);
      expect(fleet.longestMasterlessMs).toBeLessThanOrEqual(masterLostMs);
      expect(fleet.masters()).toEqual([fleetSize - 1]);
      expect(fleet.nodes().sort((a, b) => a - b)).toEqual(Array.from({ length: fleetSize }, (_, i) => i));
      for (const pack of site.packs) expect(pack.status.flashFaults).toBe(0);

      // Each command ends for each pack that it was for, once: as done, or as told not to be.
      expect(fleet.commands.length).toBeGreaterThan(100);
      for (const { told, asked } of fleet.commands) {
        expect(told).toHaveLength(asked);
        expect(new Set(told.map(({ node }) => node)).size).toBe(asked);
      }
      const outcomes = fleet.commands.flatMap(({ told }) => told.map(({ outcome }) => outcome));
      expect(outcomes.filter((each) => each === "done").length).toBeGreaterThan(outcomes.length / 2);
      expect(outcomes.every((each) => each === "done" || each === "silent" || each === "not-sent")).toBe(true);

      // A limit for all, on a quiet bus, is what every pack has.
      const before = fleet.commands.length;
      while (fleet.commands.at(-1)?.to !== "all" || fleet.commands.length === before) fleet.command();
      await fleet.pass(fleet.answerMs + 5000);
      const last = fleet.commands.at(-1)!;
      expect(last.told.map(({ outcome }) => outcome)).toEqual(Array.from({ length: fleetSize }, () => "done"));
      expect(new Set(site.packs.map((pack) => pack.status.ecoLimit))).toEqual(new Set([last.limit]));

      // The sums are those of the houses as they were made, to the watt.
      const houses = Array.from({ length: fleetSize }, (_, i) => houseOf(i));
      const totals = gateway.registry.masterTotals();
      expect(totals?.battery?.packsOnline).toBe(fleetSize);
      expect(totals?.grid?.grid).toBe(houses.reduce((sum, { grid }) => sum + grid, 0));
      expect(totals?.solarHome?.home).toBe(houses.reduce((sum, { home }) => sum + home, 0));
      expect(fleet.differing()).toEqual([]);
      expect(gateway.registry.list()).toHaveLength(fleetSize);
      expect(gateway.registry.find(clashingHardware(fleetSize - 1))?.state?.isMaster).toBe(true);
    },
  );
});
