import { expect, test } from "vitest";
import { validateSiteRulesCommand } from "../../../schemas/generated/raw-validators.ts";
import { parseRule } from "./parse-rule.ts";

const broken: readonly (readonly [text: string, word: number, reason: RegExp])[] = [
  ["", 0, /`when` is missing/],
  ["if P_solar > 1 then socket pump on", 0, /`when` is missing/],
  ["when P_sun > 1 then socket pump on", 1, /`P_sun` is neither a number nor a value/],
  ["when toString > 1 then socket pump on", 1, /neither a number/],
  ["when P_solar = 1 then socket pump on", 2, /one of > >= < <= is missing/],
  ["when P_solar >", 3, /a value or a number is missing/],
  ["when 1 > 2 then socket pump on", 1, /always be the same/],
  ["when P_solar > 50 % then socket pump on", 1, /must be a power in kW or W/],
  ["when SOC > 1 kW then socket pump on", 1, /must be a share in %/],
  ["when time > 22 then socket pump on", 1, /must be a time of day/],
  ["when time > 24:00 then socket pump on", 3, /neither a number/],
  ["when SOC > P_solar then socket pump on", 1, /P_solar is a power in kW or W, compared with a share in %/],
  ["when SOC > 1234567 then socket pump on", 3, /neither a number/],
  ["when SOC > 50 for 25h then socket pump on", 5, /24 h at most/],
  ["when SOC > 50 for 60 then socket pump on", 6, /s, min or h is missing/],
  ["when SOC > 50 for soon then socket pump on", 5, /`soon` is no time/],
  ["when SOC > 50 then socket Pump on", 6, /`Pump` is no socket's name/],
  ["when SOC > 50 then socket pump", 7, /`on` or `off` is missing/],
  ["when SOC > 50 then socket pump on now", 8, /`now` is too much/],
  ["when SOC > 1 and SOC > 2 and SOC > 3 and SOC > 4 and SOC > 5 then socket pump on", 17, /more than 4 comparisons/],
  ["allow packs relay pump", 2, /`socket` is missing/],
];

test.each(broken)("%j is refused at word %i", (text, word, reason) => {
  const reading = parseRule(text);
  if (reading.ok) throw new Error("taken");
  expect(reading.fault.word).toBe(word);
  expect(reading.fault.reason).toMatch(reason);
});

test("numbers become W, %, kWh and minutes", () => {
  const text =
    "when P_solar - 500 W > load + 1.5 and SOC >= 80 % and import < 4.5kWh and time < 17:30 for 2 min then socket pump-2 off";
  expect(parseRule(text)).toEqual({
    ok: true,
    rule: {
      kind: "switch",
      holdMs: 120_000,
      socket: "pump-2",
      isOn: false,
      comparisons: [
        { left: { quantity: "P_solar", constant: -500 }, operator: ">", right: { quantity: "load", constant: 1500 } },
        { left: { quantity: "SOC", constant: 0 }, operator: ">=", right: { constant: 80 } },
        { left: { quantity: "import", constant: 0 }, operator: "<", right: { constant: 4.5 } },
        { left: { quantity: "time", constant: 0 }, operator: "<", right: { constant: 1050 } },
      ],
    },
  });
  expect(parseRule("allow packs socket heater")).toEqual({ ok: true, rule: { kind: "allow-packs", socket: "heater" } });
});

test("what is read is a rule by the schema, too", () => {
  const good = [
    "when P_solar > load for 60s then socket pump on",
    "when 1.5 kW < P_grid then socket pump off",
    "when load + 300 W < P_solar and SOC > 50 for 1 h then socket pump on",
    "when time >= 22:00 then socket heater on",
    "allow packs socket heater",
  ];
  for (const rule of good) {
    expect(parseRule(rule).ok, rule).toBe(true);
    expect(validateSiteRulesCommand({ rules: [{ name: "r", rule }] }), rule).toBe(true);
  }
  for (const [rule] of broken.filter(([, , reason]) => /missing|no socket's|too much|no time/.test(reason.source))) {
    expect(validateSiteRulesCommand({ rules: [{ name: "r", rule }] }), rule).toBe(false);
  }
});
