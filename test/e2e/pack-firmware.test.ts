import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { openCan } from "../../gateway/adapters/can/open-can.ts";
import type { CarryEnd } from "../../gateway/ports/firmware-carrier.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { firmware } from "../../tools/demo/programs.ts";
import { requireBuild } from "../integration/supervisor/supervised-node.ts";
import { simAnchors, simVendor } from "../sim/sim-release.ts";
import { SiteGateway } from "../sim/site-gateway.ts";
import { type SiteRelease, siteRelease } from "../sim/site-release.ts";

const hardware = "24a160000007" as HardwareNumber;
const folder = mkdtempSync(join(tmpdir(), "pack-firmware-"));
let hub: CanHub;
let pack: PackProgram;
let gateway: SiteGateway;

const until = (isSo: () => boolean, seconds = 60) =>
  expect.poll(isSo, { timeout: seconds * 1000, interval: 20 }).toBe(true);

/** The pack's own image, stamped with another version. */
function stamped(version: string, from = "cxpack-node"): Uint8Array {
  const out = join(folder, version);
  execFileSync(firmware("cxnode"), ["image", "stamp", firmware(from), "--version", version, "--out", out]);
  return readFileSync(out);
}

function newGateway(): SiteGateway {
  const bus = openCan({
    ...{ address: hub.address(), clock: systemClock, entropy: seededEntropy(1), log: silentLog },
  });
  return new SiteGateway({ clock: systemClock, bus });
}

async function carried(release: SiteRelease): Promise<CarryEnd> {
  await until(() => gateway.isKnown(hardware));
  return await gateway.carry(hardware, release, new AbortController().signal);
}

beforeAll(async () => {
  requireBuild();
  writeFileSync(join(folder, "anchors"), simAnchors);
  hub = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
  await hub.start();
  gateway = newGateway();
  pack = new PackProgram({
    ...{ name: "pack", hardware, can: hub.address(), folder },
    flags: ["--anchors", join(folder, "anchors"), "--vendor", simVendor],
  });
});

afterAll(async () => {
  await pack?.stop();
  await gateway?.bus.close();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("an image goes into a real pack by CAN, over its losses of power and a gateway that is killed, and runs confirmed", async () => {
  await until(() => gateway.isKnown(hardware));
  const release = await siteRelease(stamped("2.6.0"), 5, true, "energy-pack");
  const reached: number[] = [];
  let ended: CarryEnd | undefined;
  const carry = (): void => {
    ended = undefined;
    const progress: number[] = [];
    void gateway.carry(hardware, release, new AbortController().signal, progress).then((end) => {
      ended = end;
      if (progress[0] !== undefined) reached.push(progress[0]);
    });
  };
  const blocks = (): number => gateway.bytes / 1024;
  carry();
  await until(() => blocks() > 20);
  await pack.cut();
  await until(() => ended !== undefined);
  expect(ended?.kind).toBe("interrupted");
  pack.startAgain();
  await until(() => pack.now("node") !== undefined);
  carry();
  await until(() => blocks() > 35);
  await gateway.bus.close();
  await until(() => ended !== undefined);
  expect(ended).toEqual({ kind: "interrupted", reason: "bus-down" });
  gateway = newGateway();
  await until(() => gateway.isKnown(hardware));
  for (let tries = 0; tries < 5 && !gateway.runs(hardware, release.image); tries++) {
    carry();
    await until(() => ended !== undefined, 90);
    await until(() => ended?.kind !== "applied" || gateway.runs(hardware, release.image));
  }
  expect(gateway.runs(hardware, release.image)).toBe(true);
  expect(pack.events.filter((line) => line.startsWith("boot "))).toContainEqual(
    expect.stringContaining("2.6 energy-pack"),
  );
  // After the cut, and after the kill: neither began at the first block.
  expect(reached.slice(1).every((first) => first > 0)).toBe(true);
}, 240_000);

it("an image that crashes is left by the boot loader, and the gateway knows why", async () => {
  const release = await siteRelease(stamped("2.7.0", "images/crash"), 6, false, "energy-pack");
  expect(await carried(release)).toEqual({ kind: "applied" });
  await until(() => gateway.registry.find(hardware)?.firmware.state?.wasRolledBack === true, 90);
  await until(() => gateway.registry.find(hardware)?.firmware.digests["rolled-back"] !== undefined);
  expect(gateway.registry.find(hardware)?.firmware.state).toMatchObject({
    rollbackReason: "crash",
    manifestSequence: 5,
  });
  expect(pack.now("boot")).toContain("2.6 energy-pack");
}, 120_000);

it("what nobody of its vendor signed, or is older, is refused by the pack in its own words", async () => {
  const older = await siteRelease(stamped("2.4.0"), 4, false, "energy-pack");
  expect(await carried(older)).toEqual({ kind: "refused", reason: "sequence-too-low" });
  const foreign = await siteRelease(stamped("2.8.0"), 9, false, "another-model");
  expect(await carried(foreign)).toEqual({ kind: "refused", reason: "wrong-class" });
}, 60_000);
