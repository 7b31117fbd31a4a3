import { expect, test } from "vitest";
import type { Action, CommandAction, UpdateAction } from "../schemas/generated/types.ts";
import { judgeAction } from "./judge-action.ts";
import { emptyMemory } from "./node-memory.ts";

const now = Date.UTC(2026, 0, 1);
const memory = { ...emptyMemory, lastRev: 5, commands: ["c-old"] };
const config = (rev: number): Action => ({ rev, kind: "config", config: {} });
const update = (rev: number): Action => ({ rev, kind: "update" }) as UpdateAction;
const command = (rev: number, id: string, expires?: string): CommandAction => ({
  ...{ rev, kind: "command", command: "identify", id },
  ...(expires !== undefined && { expires }),
});
const judged = (action: Action, underWay?: Action): string => judgeAction(memory, underWay, action, now);

test("what is finished is not done again", () => {
  expect(judged(config(5))).toBe("repeat");
  expect(judged(update(3))).toBe("repeat");
  expect(judged(command(5, "c-new"))).toBe("repeat");
});

test("a command that was done under another rev isn't done again, an expired one never", () => {
  expect(judged(command(6, "c-old"))).toBe("known");
  expect(judged(command(6, "c-new", "2025-12-31T23:59:59Z"))).toBe("expired");
  expect(judged(command(6, "c-new", "2026-01-01T00:00:01Z"))).toBe("act");
});

test("nothing is finished before what is under way", () => {
  expect(judged(config(7), update(6))).toBe("later");
  expect(judged(command(7, "c-new"), config(6))).toBe("later");
  expect(judged(update(7), config(6))).toBe("later");
});

test("an update under way takes newer links, is replaced by a newer update, and ends with a void rev", () => {
  expect(judged(update(6), update(6))).toBe("renew");
  expect(judged(update(7), update(6))).toBe("replace");
  expect(judged({ rev: 6, kind: "none" }, update(6))).toBe("cancel");
  expect(judged({ rev: 5, kind: "none" }, update(6))).toBe("nothing");
});

test("a void rev that began nothing is passed, one that is past means nothing", () => {
  expect(judged({ rev: 6, kind: "none" })).toBe("skip");
  expect(judged({ rev: 5, kind: "none" })).toBe("nothing");
});

test("offered twice while it is under way, an action runs once", () => {
  expect(judged(config(6), config(6))).toBe("nothing");
});
