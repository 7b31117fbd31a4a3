import { beforeAll, expect, it } from "vitest";
import type { CarryEnd } from "../../gateway/ports/firmware-carrier.ts";
import { buildPack } from "./build-core.ts";
import { CanSite, hardwareOf, packImage } from "./can-site.ts";
import { siteRelease } from "./site-release.ts";

const pack = hardwareOf(0);
const never = new AbortController().signal;
/** Power goes and gateways die for so long; afterwards everything has to come right. */
const stormMs = 200_000;

let addon: string;
beforeAll(async () => {
  addon = await buildPack();
}, 300_000);

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "whatever goes wrong with pack, gateway and bus, an image arrives when it is over: seed %i",
  async (seed) => {
    const noise = { missPercent: seed % 3 === 0 ? 0.4 : 0.05, doublePercent: 2, errorPercent: 3 };
    const site = new CanSite({ addon, seed, packs: 2, ...noise });
    const [device] = site.packs;
    const release = await siteRelease(packImage("2.0.0", "ok", 60_000), 5, seed % 2 === 0);
    let gateway = site.gateway();
    const isStorm = (): boolean => site.clock.monotonicMs() < stormMs;
    const loseOwnPower = (): void => {
      if (!isStorm()) return;
      if (site.entropy.fraction() < 0.5) device!.cutPowerAfter(1 + Math.floor(site.entropy.fraction() * 12));
      else device!.powerOn();
      site.clock.after(500 + site.entropy.fraction() * 9_000, loseOwnPower);
    };
    const killGateway = (): void => {
      if (!isStorm()) return;
      void gateway.bus.close();
      gateway = site.gateway();
      site.clock.after(2_000 + site.entropy.fraction() * 12_000, killGateway);
    };
    site.clock.after(1_000, loseOwnPower);
    site.clock.after(3_000, killGateway);
    const ends: CarryEnd[] = [];
    const isOver = (): boolean => !isStorm() && gateway.runs(pack, release.image);
    for (let tries = 0; tries < 200 && !isOver(); tries++) {
      const before = ends.length;
      void gateway.carry(pack, release, never).then((end) => ends.push(end));
      await site.until("the transfer ends", () => ends.length > before, 3_600_000);
      const againMs = site.clock.monotonicMs() + (ends.at(-1)?.kind === "applied" ? 40_000 : 3_000);
      await site.until("it runs, or is carried again", () => isOver() || site.clock.monotonicMs() >= againMs);
    }
    expect(gateway.runs(pack, release.image), JSON.stringify(ends)).toBe(true);
    expect(device!.status).toMatchObject({ version: "2.0.0", imageSequence: 5, flashFaults: 0 });
    expect(ends.filter(({ kind }) => kind === "refused")).toEqual([]);
    expect(device!.status.boots).toBeGreaterThan(10);
  },
);
