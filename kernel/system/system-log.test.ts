import { expect, test } from "vitest";
import { createSystemLog, type LogLevel } from "./system-log.ts";

function capture(level: LogLevel, pretty = false) {
  const lines: string[] = [];
  const log = createSystemLog({ level, pretty, destination: { write: (line) => lines.push(line) } });
  return { log, lines };
}

test("secrets never reach a line, nor by a child log", () => {
  const { log, lines } = capture("debug");
  log.with({ node: "n1", token: "hunter2" }).warn("refused", { user: "n1", password: "hunter2" });
  expect(lines.join()).not.toContain("hunter2");
  expect(JSON.parse(lines[0]!)).toMatchObject({
    level: "warn",
    event: "refused",
    node: "n1",
    user: "n1",
    password: "[redacted]",
  });
});

test("lines below the level aren't written", () => {
  const { log, lines } = capture("warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(["c", "d"]);
  const silent = capture("silent");
  silent.log.error("e");
  expect(silent.lines).toEqual([]);
});

test("data can't overwrite the event, and data that JSON can't hold doesn't throw", () => {
  const { log, lines } = capture("debug");
  const cycle: Record<string, unknown> = { big: 2n };
  cycle["self"] = cycle;
  log.info("odd-data", cycle);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('"event":"odd-data"');
});

test("the readable form is one line an event", () => {
  const { log, lines } = capture("debug", true);
  log.info("node-registered", { node: "n1", caps: ["temp"] });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}node-registered node=n1 caps=\["temp"\]\n$/);
});
