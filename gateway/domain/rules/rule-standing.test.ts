import { expect, test } from "vitest";
import { parseRule } from "./parse-rule.ts";
import { arePacksAllowed, type HouseRule, type RuleStanding, type SiteValues, stepRules } from "./rule-standing.ts";

/** Steps rules through moments; tells which sockets were switched at each. */
function house(...texts: readonly string[]) {
  const rules: HouseRule[] = texts.map((text, index) => {
    const reading = parseRule(text.replace(/^off: /, ""));
    if (!reading.ok) throw new Error(reading.fault.reason);
    return { name: `r${index + 1}`, isOff: text.startsWith("off: "), rule: reading.rule };
  });
  let standings: RuleStanding[] = [];
  return {
    rules,
    at(seconds: number, values: SiteValues, online: Readonly<Record<string, boolean>> = { pump: true }) {
      const step = stepRules(rules, standings, {
        values,
        isSocketOnline: (socket) => online[socket],
        nowMs: seconds * 1000,
      });
      standings = step.standings;
      return {
        told: step.switches.map(({ rule, socket, isOn }) => `${rule} ${socket} ${isOn ? "on" : "off"}`),
        states: standings.map(({ state }) => state),
        reasons: standings.map(({ reason }) => reason),
      };
    },
  };
}

const sunny = { P_solar: 3000, load: 1000 };
const dull = { P_solar: 500, load: 1000 };

test("a value that is missing or old tells nothing, and the time begins anew after it", () => {
  const site = house("when P_solar > load for 60s then socket pump on");
  expect(site.at(0, sunny).states).toEqual(["holding"]);
  const gap = site.at(59, { load: 1000 });
  expect(gap).toEqual({ told: [], states: ["unknown"], reasons: ["P_solar is missing or old"] });
  expect(site.at(60, sunny)).toMatchObject({ told: [], states: ["holding"] });
  expect(site.at(119, sunny).told).toEqual([]);
  expect(site.at(120, sunny)).toMatchObject({ told: ["r1 pump on"], states: ["true"] });
});

test("a rule for a socket that isn't there says so and tells nobody", () => {
  const site = house("when P_solar > load then socket fountain on");
  expect(site.at(0, sunny)).toEqual({ told: [], states: ["unknown"], reasons: ["there is no socket fountain"] });
});

test("a socket is told once while the condition holds, and again after it failed", () => {
  const site = house("when P_solar > load then socket pump on");
  expect(site.at(0, sunny).told).toEqual(["r1 pump on"]);
  expect(site.at(2, sunny).told).toEqual([]);
  expect(site.at(4, dull)).toMatchObject({ told: [], states: ["false"] });
  expect(site.at(6, sunny).told).toEqual(["r1 pump on"]);
});

test("a socket that is offline is told when it comes, if the condition still holds", () => {
  const site = house("when P_solar > load then socket pump on");
  expect(site.at(0, sunny, { pump: false })).toMatchObject({ told: [], reasons: ["the socket pump is offline"] });
  expect(site.at(2, sunny).told).toEqual(["r1 pump on"]);
});

test("of two rules that want different things of a socket the first has its way", () => {
  const site = house("when load > 2 kW then socket pump off", "when P_solar > 1 kW then socket pump on");
  expect(site.at(0, { P_solar: 3000, load: 3000 })).toEqual({
    told: ["r1 pump off"],
    states: ["true", "holding"],
    reasons: [undefined, "the rule r1 stands before it"],
  });
  expect(site.at(2, { P_solar: 3000, load: 1000 }).told).toEqual(["r2 pump on"]);
});

test("a rule that is switched off does nothing and hinders none", () => {
  const site = house("off: when load > 0 then socket pump off", "when P_solar > 1 kW then socket pump on");
  expect(site.at(0, sunny)).toMatchObject({ told: ["r2 pump on"], states: ["off", "true"] });
});

test("every comparison must hold, and a time of day plus an offset wraps at midnight", () => {
  const site = house("when time + 01:00 < 01:00 and SOC <= 20 % then socket pump off");
  expect(site.at(0, { time: 23 * 60 + 30, SOC: 21 }).states).toEqual(["false"]);
  expect(site.at(2, { time: 23 * 60 + 30, SOC: 20 }).told).toEqual(["r1 pump off"]);
  expect(site.at(4, { time: 60, SOC: 20 }).states).toEqual(["false"]);
});

test("packs may ask only for a socket that a rule in force names", () => {
  const { rules } = house("allow packs socket pump", "off: allow packs socket heater");
  expect(["pump", "heater", "lamp"].filter((socket) => arePacksAllowed(rules, socket))).toEqual(["pump"]);
});
