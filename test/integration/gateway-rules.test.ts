import { expect, test } from "vitest";
import { HouseRules } from "../../gateway/app/house-rules.ts";
import { SiteSockets } from "../../gateway/app/site-sockets.ts";
import type { SiteValues } from "../../gateway/domain/rules/rule-standing.ts";
import { tasmotaSocket } from "../../gateway/domain/sockets/tasmota-socket.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { SocketState } from "../../schemas/generated/can.ts";
import {
  validateSiteRules,
  validateSiteRulesStatus,
  validateSiteSocket,
} from "../../schemas/generated/raw-validators.ts";
import type { SiteRule, SiteRulesStatus, SiteSocket } from "../../schemas/generated/types.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const follow: SiteRule = { name: "sun", rule: "when P_solar > load for 60s then socket pump on" };

/** A house with one Tasmota pump; everything that goes out is kept. */
function house(rules: readonly SiteRule[] = [follow]) {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const shown: SiteSocket[] = [];
  const onBus: SocketState[] = [];
  const statuses: SiteRulesStatus[] = [];
  const kept: (readonly SiteRule[])[] = [];
  let values: SiteValues = {};
  let isDiskFull = false;
  const sockets = new SiteSockets({
    sockets: [{ id: "pump", name: "Pool pump", number: 3, dialect: tasmotaSocket("plug") }],
    clock,
    send: ({ topic, payload }) => sent.push(`${topic} ${payload}`),
    publish: (_socket, message) => {
      expect(validateSiteSocket(message)).toBe(true);
      shown.push(message);
    },
    tellPacks: (state) => onBus.push(state),
    isTimeValid: () => true,
  });
  const house = new HouseRules({
    rules,
    clock,
    sockets,
    values: () => values,
    isTimeValid: () => true,
    keep: (given) => (isDiskFull ? Promise.reject(new Error("no space left")) : Promise.resolve(void kept.push(given))),
    publishRules: (message) => expect(validateSiteRules(message)).toBe(true),
    publishStatus: (message) => {
      expect(validateSiteRulesStatus(message)).toBe(true);
      statuses.push(message);
    },
  });
  sockets.start();
  house.start();
  return {
    clock,
    sockets,
    rules: house,
    sent,
    shown,
    onBus,
    statuses,
    kept,
    say: (topic: string, payload: string) => sockets.received(topic, bytes(payload)),
    isNow: (next: SiteValues) => {
      values = next;
    },
    fillDisk: () => {
      isDiskFull = true;
    },
  };
}

test("rules that can't be read or stored leave those in force as they are", async () => {
  const home = house();
  expect(await home.rules.take({ rules: [{ name: "x", rule: "when SOC > 1 kW then socket pump on" }] })).toMatchObject({
    outcome: "invalid",
    reason: "x: the number must be a share in %",
  });
  expect(await home.rules.take({ rules: [follow, follow] })).toMatchObject({ reason: "two rules are called sun" });
  home.fillDisk();
  expect(await home.rules.take({ rules: [] })).toEqual({ outcome: "refused", reason: "not stored: no space left" });
  expect(home.kept).toEqual([]);
  home.say("tele/plug/LWT", "Online");
  home.isNow({ P_solar: 2000, load: 100 });
  await home.clock.advance(64_000);
  expect(home.sent).toContain("cmnd/plug/POWER ON");
});

test("a socket that doesn't confirm is silent, one that is unknown is invalid, a newer command takes an older one's place", async () => {
  const home = house([]);
  expect(await home.sockets.switch("lamp", true)).toEqual({
    socket: "lamp",
    outcome: "invalid",
    reason: "there is no socket lamp",
  });
  const first = home.sockets.switch("pump", true);
  const second = home.sockets.switch("pump", false);
  expect(await first).toMatchObject({ outcome: "refused" });
  await home.clock.advance(5000);
  expect(await second).toEqual({ socket: "pump", outcome: "silent", reason: "the socket is offline" });
  home.say("tele/plug/LWT", "Online");
  const third = home.sockets.switch("pump", true);
  home.say("stat/plug/POWER", "OFF");
  home.say("stat/plug/POWER", "ON");
  expect(await third).toEqual({ socket: "pump", outcome: "done" });
});

test("a socket is asked at the start and when it comes back, and looks stale while it is gone", async () => {
  const home = house([]);
  expect(home.sent).toEqual(["cmnd/plug/POWER "]);
  expect(home.shown.at(-1)).toMatchObject({ stale: true, online: false });
  expect(home.shown.at(-1)).not.toHaveProperty("on");
  home.say("tele/plug/LWT", "Online");
  expect(home.sent).toHaveLength(2);
  home.say("stat/plug/RESULT", '{"POWER":"ON"}');
  home.say("tele/plug/SENSOR", '{"ENERGY":{"Power":700.04,"Today":1.5}}');
  expect(home.shown.at(-1)).toMatchObject({ stale: false, online: true, on: true, power: 700, energy: 1.5, number: 3 });
  await home.clock.advance(611_000);
  expect(home.shown.at(-1)).toMatchObject({ stale: true, on: true });
  home.say("tele/plug/LWT", "Offline");
  expect(home.shown.at(-1)).toMatchObject({ online: false, stale: true, power: 700 });
});

test("packs hear of a socket once its state is known, at each change and every ten seconds", async () => {
  const home = house([]);
  await home.clock.advance(30_000);
  expect(home.onBus).toEqual([]);
  home.say("stat/plug/POWER", "ON");
  expect(home.onBus).toEqual([{ frame: "SocketState", socket: 3, isOn: true, power: 0, age: 0 }]);
  await home.clock.advance(300_000);
  expect(home.onBus.length).toBeGreaterThanOrEqual(30);
  expect(home.onBus.at(-1)?.age).toBe(255);
});

test("a rule fires after its time, tells once, and shows how it stands", async () => {
  const home = house();
  home.say("tele/plug/LWT", "Online");
  home.isNow({ P_solar: 2000, load: 100 });
  await home.clock.advance(58_000);
  expect(home.sent.filter((each) => each.endsWith(" ON"))).toEqual([]);
  await home.clock.advance(600_000);
  expect(home.sent.filter((each) => each.endsWith(" ON"))).toEqual(["cmnd/plug/POWER ON"]);
  expect(home.statuses.at(-1)?.rules[0]).toMatchObject({ name: "sun", state: "true" });
  expect(home.statuses.at(-1)?.rules[0]?.firedAt).toBeDefined();
});

test("trying rules out changes nothing and tells how each would stand", async () => {
  const home = house([]);
  home.isNow({ SOC: 70 });
  const rules = [
    { name: "full", rule: "when SOC > 60 then socket pump on" },
    { name: "sun", rule: "when P_solar > 1 then socket pump on" },
  ];
  expect(await home.rules.take({ rules, test: true, id: "t1" })).toEqual({ outcome: "done" });
  expect(home.statuses.at(-1)).toMatchObject({
    test: true,
    id: "t1",
    rules: [
      { name: "full", state: "holding", reason: "the socket pump is offline" },
      { name: "sun", state: "unknown", reason: "P_solar is missing or old" },
    ],
  });
  expect(home.kept).toEqual([]);
  await home.clock.advance(10_000);
  expect(home.sent.filter((each) => each.endsWith(" ON"))).toEqual([]);
});

test("saving rules keeps the standing of those that stayed, so no socket is told again", async () => {
  const home = house();
  home.say("tele/plug/LWT", "Online");
  home.isNow({ P_solar: 2000, load: 100, SOC: 50 });
  await home.clock.advance(70_000);
  const other = { name: "full", rule: "when SOC > 90 then socket pump off" };
  expect(await home.rules.take({ rules: [other, follow] })).toEqual({ outcome: "done" });
  await home.clock.advance(200_000);
  expect(home.sent.filter((each) => each.endsWith(" ON"))).toHaveLength(1);
  expect(home.kept).toEqual([[other, follow]]);
});

test("a pack's request is heeded only where a rule allows it", async () => {
  const home = house([]);
  const request = { frame: "SocketRequest", node: 4, socket: 3, isOn: true, sequence: 1 } as const;
  expect(await home.rules.packAsks({ ...request, socket: 9 })).toMatchObject({ outcome: "invalid" });
  expect(await home.rules.packAsks(request)).toEqual({
    outcome: "refused",
    reason: "no rule says `allow packs socket pump`",
  });
  expect(home.sent.filter((each) => each.endsWith(" ON"))).toEqual([]);
  await home.rules.take({ rules: [{ name: "packs", rule: "allow packs socket pump" }] });
  const answer = home.rules.packAsks(request);
  home.say("stat/plug/POWER", "ON");
  expect(await answer).toEqual({ socket: "pump", outcome: "done" });
});

test("a kept rule that can't be read is named", () => {
  expect(() => house([{ name: "old", rule: "when P_sun > 1 then socket pump on" }])).toThrow(/old: `P_sun`/);
});
