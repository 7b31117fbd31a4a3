import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRolloutPlan } from "./parse-rollout-plan.ts";
import { waveLimit } from "./rollout-plan.ts";

const parse = (over: Record<string, unknown> = {}) => parseRolloutPlan({ id: "r1", update: "fw-2", ...over });

it("refuses what it doesn't know, and says where and why", () => {
  const wrong: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ id: "R 1" }, "id"],
    [{ concurency: 3 }, "concurency"],
    [{ limits: { perSites: 3 } }, "limits.perSites"],
    [{ limits: { concurrency: 0 } }, "limits.concurrency"],
    [{ targets: { nodes: ["A!"] } }, "targets.nodes"],
    [{ targets: { nodes: [] } }, "targets.nodes"],
    [{ targets: { nodes: ["a"], query: {} } }, "targets"],
    [{ targets: { query: { tag: "x" } } }, "targets.query.tag"],
    [{ waves: ["5%", "1"] }, "waves"],
    [{ waves: ["1", "50%"] }, "waves"],
    [{ waves: ["20%", "5%", "100%"] }, "waves"],
    [{ waves: [] }, "waves"],
    [{ waves: ["100%"], canaries: ["n1"] }, "waves"],
    [{ windows: ["sometimes"] }, "windows[0]"],
    [{ timeZone: "Mars/Olympus" }, "timeZone"],
    [{ siteTimeZones: { harbour: "here" } }, "siteTimeZones.harbour"],
    [{ gate: { successRatio: 95 } }, "gate.successRatio"],
    [{ gate: { health: ["mood"] } }, "gate.health"],
    [{ power: { minBatteryPercent: "30" } }, "power.minBatteryPercent"],
    [{ revert: { automatic: true } }, "revert.update"],
    [{ needsApproval: "yes" }, "needsApproval"],
  ];
  for (const [over, path] of wrong) expect(parse(over), path).toMatchObject({ ok: false, path });
});

it("takes or refuses whatever it is given, and breaks at nothing", () => {
  const names = [
    "id",
    "update",
    "targets",
    "waves",
    "limits",
    "windows",
    "timeZone",
    "gate",
    "power",
    "retry",
    "revert",
  ];
  const plans = fc.record(Object.fromEntries(names.map((name) => [name, fc.jsonValue()])), { requiredKeys: [] });
  fc.assert(
    fc.property(plans, (body) => {
      const result = parseRolloutPlan(body as Record<string, unknown>);
      if (!result.ok) expect(result.path.length * result.rule.length).toBeGreaterThan(0);
    }),
    { numRuns: 2000 },
  );
});

it("has the page's defaults for what isn't said", () => {
  const result = parse();
  expect(result).toMatchObject({
    ok: true,
    plan: {
      targets: { kind: "query", query: {} },
      waves: [{ count: 1 }, { percent: 5 }, { percent: 20 }, { percent: 100 }],
      limits: { concurrency: 100 },
      retry: { attempts: 3 },
      power: { mainsOnly: false },
      needsApproval: false,
    },
  });
});

it("waves reach a share of the members that there are now, one at least, and canaries are the first", () => {
  const waves = [{ count: 1 }, { percent: 5 }, { percent: 20 }, { percent: 100 }];
  const reach = (members: number, canaries: readonly string[] = []) =>
    waves.map((_, wave) => waveLimit({ waves, canaries }, wave, members));
  expect(reach(1000)).toEqual([1, 50, 200, 1000]);
  expect(reach(10)).toEqual([1, 1, 2, 10]);
  expect(reach(1)).toEqual([1, 1, 1, 1]);
  expect(reach(0)).toEqual([0, 0, 0, 0]);
  expect(reach(1000, ["a", "b", "c"])).toEqual([3, 50, 200, 1000]);
});
