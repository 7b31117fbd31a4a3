import { beforeEach, expect, test } from "vitest";
import { FirmwareAsker } from "../../gateway/app/firmware-asker.ts";
import { type PackFirmware, unknownFirmware } from "../../gateway/domain/pack-firmware.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { FirmwareAsk } from "../../schemas/generated/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { FakePacks, sha256 } from "./gateway-fakes.ts";

const pack = "a0b1c2d3e401" as HardwareNumber;
const running = sha256(Uint8Array.of(1));
const state: NonNullable<PackFirmware["state"]> = {
  ...{ phase: "idle", isTrial: false, isSafe: false, wasRolledBack: false, rollbackReason: "none" },
  manifestSequence: 1,
};

let clock: VirtualClock;
let packs: FakePacks;
let asks: (FirmwareAsk & { atMs: number })[];
let asker: FirmwareAsker;

beforeEach(() => {
  clock = new VirtualClock();
  packs = new FakePacks();
  asks = [];
  asker = new FirmwareAsker({ packs, clock, send: (ask) => asks.push({ ...ask, atMs: clock.monotonicMs() }) });
});

function unheard(): void {
  packs.add(pack, running, { ...unknownFirmware, state: undefined, boots: undefined, limits: undefined } as never);
}

test("a pack that doesn't answer is asked again after pauses that grow to a minute", async () => {
  asker.start();
  unheard();
  await clock.advance(300_000);
  const pauses = asks.slice(1).map(({ atMs }, i) => atMs - asks[i]!.atMs);
  expect(pauses.slice(0, 5)).toEqual([2_000, 4_000, 8_000, 16_000, 32_000]);
  expect(pauses.at(-1)).toBe(60_000);
  packs.change(pack, { isSilent: true });
  asks.length = 0;
  await clock.advance(300_000);
  expect(asks).toEqual([]);
});

test("what it said isn't asked again, and what is missing is", async () => {
  asker.start();
  unheard();
  await clock.advance(600);
  packs.firmware(pack, { boots: { resetReason: "power-on", boots: 1, errors: 0 }, texts: { version: "2.5" } });
  await clock.advance(2_000);
  expect(asks.at(-1)).toMatchObject({ state: true, boots: false, version: false, limits: true, runningDigest: true });
  packs.firmware(pack, { state, limits: { slotSize: 1, window: 0 }, digests: { running } });
  await clock.advance(10_000);
  asks.length = 0;
  await clock.advance(3_600_000);
  expect(asks).toEqual([]);
});

test("a pack that tells of a change, as each does after its start, is asked for what was lost of it", async () => {
  asker.start();
  packs.add(pack, running);
  await clock.advance(10_000);
  asks.length = 0;
  packs.firmware(pack, { state: { ...state, isTrial: true }, digests: {}, texts: {} });
  await clock.advance(1_000);
  expect(asks).toHaveLength(1);
  expect(asks[0]).toMatchObject({ runningDigest: true, boots: false, version: true, state: false });
});

test("a pack that booted and whose own words got lost but for that is asked for all of them", async () => {
  asker.start();
  packs.add(pack, running);
  await clock.advance(10_000);
  asks.length = 0;
  packs.firmware(pack, {
    state: undefined,
    boots: { resetReason: "update", boots: 2, errors: 0 },
    digests: {},
    texts: {},
  } as never);
  await clock.advance(1_000);
  expect(asks[0]).toMatchObject({ state: true, runningDigest: true, version: true });
});

test("nothing is asked while an image is on its way, but what became of a failed one is", async () => {
  asker.start();
  packs.add(pack, running);
  await clock.advance(10_000);
  asks.length = 0;
  packs.firmware(pack, { state: { ...state, phase: "payload" } });
  await clock.advance(30_000);
  expect(asks).toEqual([]);
  packs.firmware(pack, { state: { ...state, phase: "failed" } });
  await clock.advance(1_000);
  expect(asks[0]).toMatchObject({ reason: true });
  asker.stop();
  await clock.advance(600_000);
  expect(asks.length).toBeLessThanOrEqual(1);
});
