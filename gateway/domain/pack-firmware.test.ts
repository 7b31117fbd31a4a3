import { expect, test } from "vitest";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { type FirmwareFrame, type PackFirmware, unknownFirmware, withFirmware } from "./pack-firmware.ts";

const sha = (fill: number): Uint8Array => new Uint8Array(32).map((_, i) => (fill + i) & 255);

function digestFrames(bytes: Uint8Array, of: "running" | "wanted-payload" = "running"): FirmwareFrame[] {
  const frames: FirmwareFrame[] = [];
  for (let at = 0; at < 32; at += 5)
    frames.push({ frame: "FirmwareDigest", node: 3, of, at, digest: bytes.slice(at, at + 5) });
  return frames;
}

function textFrames(text: string): FirmwareFrame[] {
  const bytes = new TextEncoder().encode(text);
  const frames: FirmwareFrame[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    frames.push({
      frame: "FirmwareText",
      node: 3,
      of: "version",
      size: bytes.length,
      at,
      text: bytes.slice(at, at + 4),
    });
  }
  return frames;
}

const heard = (frames: readonly FirmwareFrame[], before = unknownFirmware): PackFirmware =>
  frames.reduce(withFirmware, before);

test("a digest of which a piece was lost isn't one, and is when it comes again", () => {
  const frames = digestFrames(sha(1));
  const holed = heard(frames.filter((_, i) => i !== 3));
  expect(holed.digests.running).toBeUndefined();
  expect(heard(frames, holed).digests.running).toBe(digestFromBytes(sha(1)));
});

test("pieces of two digests never become one", () => {
  const mixed = heard([...digestFrames(sha(1)).slice(0, 4), ...digestFrames(sha(9)).slice(0, 1)]);
  expect(heard(digestFrames(sha(9)).slice(4), mixed).digests.running).toBeUndefined();
  const other = heard([...digestFrames(sha(1)).slice(0, 4), ...digestFrames(sha(9), "wanted-payload")]);
  expect(other.digests).toEqual({ "wanted-payload": digestFromBytes(sha(9)) });
});

test("a newer digest takes the place of the one before when it is whole", () => {
  const before = heard(digestFrames(sha(1)));
  const between = heard(digestFrames(sha(9)).slice(0, 6), before);
  expect(between.digests.running).toBe(digestFromBytes(sha(1)));
  expect(heard(digestFrames(sha(9)).slice(6), between).digests.running).toBe(digestFromBytes(sha(9)));
});

test("texts are put together from their pieces, and may be empty", () => {
  expect(heard(textFrames("2.5.1-ü")).texts.version).toBe("2.5.1-ü");
  const empty: FirmwareFrame = {
    frame: "FirmwareText",
    node: 3,
    of: "reason",
    size: 0,
    at: 0,
    text: Uint8Array.of(32),
  };
  expect(heard([empty]).texts.reason).toBe("");
});

test("after another start nothing is known of what runs until the pack says it", () => {
  const boots = (count: number): FirmwareFrame => ({
    ...{ frame: "FirmwareBoots", node: 3, resetReason: "power-on", boots: count, errors: 0 },
  });
  const before = heard([boots(7), ...digestFrames(sha(1)), ...textFrames("2.5")]);
  expect(heard([boots(7)], before).digests.running).toBeDefined();
  expect(heard([boots(8)], before)).toMatchObject({ digests: {}, texts: {}, boots: { boots: 8 } });
});

test("an image that a pack booted isn't taken for a confirmed one where its word on the trial was lost", () => {
  const boots = (count: number): FirmwareFrame => ({
    ...{ frame: "FirmwareBoots", node: 3, resetReason: "update", boots: count, errors: 0 },
  });
  const staged: FirmwareFrame = {
    ...{ frame: "FirmwareState", node: 3, phase: "staged", isTrial: false, isSafe: false, wasRolledBack: false },
    ...{ rollbackReason: "none", manifestSequence: 7 },
  };
  const booted = heard([boots(7), staged, boots(8), ...digestFrames(sha(9))]);
  expect(booted.digests.running).toBe(digestFromBytes(sha(9)));
  expect(booted.state).toBeUndefined();
});

test("a trial that ended leaves nothing known of what runs: it may have gone back", () => {
  const state = (isTrial: boolean, wasRolledBack: boolean): FirmwareFrame => ({
    ...{ frame: "FirmwareState", node: 3, phase: "idle", isTrial, isSafe: false, wasRolledBack },
    ...{ rollbackReason: wasRolledBack ? "self-test" : "none", manifestSequence: 7 },
  });
  const trial = heard([state(true, false), ...digestFrames(sha(1))]);
  expect(heard([state(true, false)], trial).digests.running).toBeDefined();
  expect(heard([state(false, true)], trial).digests.running).toBeUndefined();
  expect(heard([state(false, false)], trial).digests.running).toBeUndefined();
});
