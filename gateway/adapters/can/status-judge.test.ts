import { expect, it } from "vitest";
import { slcanFlags } from "../../../schemas/wire/slcan.ts";
import { StatusJudge } from "./status-judge.ts";

const { busError, busOff, errorPassive } = slcanFlags;
const quiet = { frames: 0, tries: 0, isLook: true };

it("errors while it sends, while frames are heard, or between looks say nothing of the bit rate", () => {
  const judge = new StatusJudge();
  for (let i = 0; i < 5; i++) {
    expect(judge.taking(busError, { ...quiet, tries: 1 })).toBeUndefined();
    expect(judge.taking(busError, { ...quiet, frames: 1 })).toBeUndefined();
    expect(judge.taking(busError, { ...quiet, isLook: false })).toBeUndefined();
  }
  expect(judge.taking(busError, quiet)).toBeUndefined();
  expect(judge.taking(busError, quiet)).toBe("wrong-bit-rate");
});

it("tells bus-off first, and passive only where nothing was heard of what was sent", () => {
  const judge = new StatusJudge();
  expect(judge.taking(busOff | busError | errorPassive, quiet)).toBe("bus-off");
  expect(judge.taking(errorPassive | busError, { ...quiet, tries: 2 })).toBe("error-passive");
  expect(judge.taking(errorPassive | busError, { ...quiet, tries: 2, frames: 1 })).toBeUndefined();
  expect(judge.taking(errorPassive, quiet)).toBeUndefined();
  expect(judge.taking(0, quiet)).toBe("up");
  expect(judge.taking(0, { ...quiet, isLook: false })).toBeUndefined();
});

it("only listening it goes on until ten looks were quiet, but takes part at once after bus-off", () => {
  const judge = new StatusJudge();
  expect(judge.listening(0, false)).toBe("take-part");
  judge.forget();
  for (let i = 0; i < 9; i++) expect(judge.listening(0, true)).toBeUndefined();
  expect(judge.listening(busError, true)).toBe("wrong-bit-rate");
  for (let i = 0; i < 9; i++) expect(judge.listening(0, true)).toBeUndefined();
  expect(judge.listening(0, true)).toBe("take-part");
});
