import { describe, expect, it } from "vitest";
import type { MessageKind } from "../generated/types.ts";
import { decode, encodeJson, jsonFormat } from "./codec.ts";

const read = (kind: MessageKind, text: string) => decode(kind, new TextEncoder().encode(text), jsonFormat);

describe("payloads of a household's topics that break their schema", () => {
  it.each<[MessageKind, string, string]>([
    ["site-cmd-set-mode", "", "malformed"],
    ["site-cmd-set-mode", "on", "malformed"],
    ["site-cmd-set-mode", "{}", "invalid /mode"],
    ["site-cmd-set-mode", '{"mode":"eco"}', "invalid /on"],
    ["site-cmd-set-mode", '{"mode":"turbo","on":true}', "invalid /mode"],
    ["site-cmd-set-mode", '{"mode":"eco","on":1}', "wrong-type /on"],
    ["site-cmd-set-mode", '{"mode":"eco","on":true,"id":"a b"}', "invalid /id"],
    ["site-cmd-set-eco-limit", '{"limit":65536}', "invalid /limit"],
    ["site-cmd-set-eco-limit", '{"limit":-1}', "invalid /limit"],
    ["site-cmd-set-eco-limit", '{"limit":1.5}', "wrong-type /limit"],
    ["site-cmd-set-tou", '{"start":1320,"end":1440}', "invalid /end"],
    ["site-cmd-set-grid-limit", '{"on":true,"limit":1}', "invalid /limit"],
    ["site-cmd-set-grid-limit", '{"on":true,"limit":31}', "invalid /limit"],
    ["site-cmd-set-relay", '{"relay":"inverter","on":true}', "invalid /relay"],
    ["site-cmd-restore-last", '{"import":655.36,"lockedOut":false,"day":1}', "invalid /import"],
    ["site-cmd-ota", '{"nodes":["240AC40001FF"]}', "invalid /nodes/0"],
    [
      "site-telemetry",
      '{"stale":false,"online":true,"relays":{"grid":2,"inv":1,"pump":0,"heater":0}}',
      "invalid /relays/grid",
    ],
    ["site-telemetry", '{"stale":false,"online":true,"SOC":101}', "invalid /SOC"],
  ])("%s %s", (kind, text, fault) => {
    const result = read(kind, text);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(`${result.fault.code} ${result.fault.path}`.trim()).toBe(fault);
  });

  it.each([
    "socket pump on",
    "when P_solar then socket pump on",
    "when P_solar > load then socket pump",
    "when P_solar > load then socket Pump on",
    "when P_sun > load then socket pump on",
    "when P_solar > load for ever then socket pump on",
    "when P_solar > load and then socket pump on",
    "when P_solar > load then socket pump on; drop",
    "when SOC > 50 and SOC > 51 and SOC > 52 and SOC > 53 and SOC > 54 then socket pump on",
  ])("the rule %j", (rule) => {
    const result = read("site-cmd-rules", JSON.stringify({ rules: [{ name: "pump", rule }] }));
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.fault.path).toBe("/rules/0/rule");
  });
});

describe("payloads of a household's topics", () => {
  it.each([
    "when P_solar > load for 60s then socket pump on",
    "when P_solar <= load + 0.5 for 5 min then socket pump off",
    "when SOC >= 80 % and time >= 22:00 then socket heater-2 on",
    "when P_batt < -200 W then socket pump off",
    "when import > 4.5 kWh then socket pump off",
  ])("the rule %j is one", (rule) => {
    expect(read("site-cmd-rules", JSON.stringify({ rules: [{ name: "pump", rule }] })).ok).toBe(true);
  });

  it("telemetry is written as the page shows it: kW in three places, and nothing for what was never heard", () => {
    const bytes = encodeJson("site-telemetry", {
      stale: false,
      online: true,
      P_grid: 1.23,
      P_batt: -0.5604,
      SOC: 74,
      relays: { grid: 1, inv: 1, pump: 0, heater: 1 },
      modes: ["eco", "backup"],
      warning: "loads limit⚠️",
    });
    expect(new TextDecoder().decode(bytes)).toBe(
      '{"stale":false,"online":true,"P_grid":1.23,"P_batt":-0.56,"SOC":74,"relays":{"grid":1,"inv":1,"pump":0,"heater":1},"modes":["eco","backup"],"warning":"loads limit⚠️"}',
    );
    expect(read("site-telemetry", new TextDecoder().decode(bytes)).ok).toBe(true);
  });

  it("a command without arguments is an empty object, or its id alone", () => {
    expect(read("site-cmd-request-status", "{}")).toEqual({ ok: true, value: {} });
    expect(read("site-cmd-reset-grid", '{"id":"x1"}')).toEqual({ ok: true, value: { id: "x1" } });
  });

  it("an update of 32 packs with a reason each stays within its limit", () => {
    const nodes = Array.from({ length: 32 }, (_, i) => ({
      node: i.toString(16).padStart(12, "0"),
      state: "rolled-back" as const,
      percent: 100,
      version: "2.5.1",
      reason: "x".repeat(64),
    }));
    expect(() => encodeJson("site-update-status", { state: "failed", nodes })).not.toThrow();
  });
});
