import { describe, expect, it } from "vitest";
import { isSiteId, SiteTopics } from "../../../schemas/wire/site-topics.ts";
import { payloadMax, readMessage, type SiteMessage } from "./site-message.ts";
import { emptySite, type SiteState, siteLimits } from "./site-state.ts";
import { ageMs, isSocketStale, isStale, socketStaleAfterMs, staleAfterMs } from "./staleness.ts";
import { countGarbage, forget, restoreSite, takeMessage } from "./take-message.ts";

const topics = new SiteTopics();
const site = "linden";
const node = "240ac400c001";
const read = (topic: string, payload: string | Uint8Array) =>
  readMessage(topics, site, topic, typeof payload === "string" ? new TextEncoder().encode(payload) : payload);
const noon = Date.parse("2026-06-21T12:00:00Z");
const telemetry = (value: object = {}): SiteMessage => ({
  kind: "telemetry",
  node,
  value: { stale: false, online: true, SOC: 74, ...value },
});
const live = { at: noon, isRetained: false };

describe("a payload that isn't the gateway's", () => {
  it.each([
    ["another site's", "alfaspark/elm/aggregate", '{"stale":false,"packs":1,"known":1}'],
    ["no household's topic", "cx/nodes/a/status", "{}"],
    ["a command, which people send", `alfaspark/linden/${node}/cmd/set-mode`, '{"mode":"eco","on":true}'],
    ["no JSON", "alfaspark/linden/aggregate", "stale"],
    ["JSON that breaks the schema", "alfaspark/linden/aggregate", '{"stale":false,"packs":-1,"known":1}'],
    ["a figure that is text", `alfaspark/linden/${node}/telemetry`, '{"stale":false,"online":true,"P_grid":"1"}'],
    ["a list where an object is due", "alfaspark/linden/master", "[]"],
    ["not UTF-8", "alfaspark/linden/master", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["longer than a household's can be", "alfaspark/linden/rules", " ".repeat(payloadMax + 1)],
  ])("is refused: %s", (_why, topic, payload) => {
    expect(read(topic, payload)).toBeUndefined();
  });

  it("is counted, and changes nothing that is shown", () => {
    const before = takeMessage(emptySite, telemetry(), live);
    expect(countGarbage(before)).toEqual({ ...before, garbage: 1 });
  });
});

describe("a message", () => {
  it("is told apart by its topic", () => {
    expect(isSiteId(site)).toBe(true);
    const text = '{"stale":false,"online":true,"SOC":74}';
    expect(read(`alfaspark/linden/${node}/telemetry`, text)).toMatchObject({
      kind: "telemetry",
      node,
      value: { SOC: 74 },
    });
    expect(read("alfaspark/linden/ack/set-mode", '{"outcome":"done"}')).toMatchObject({
      kind: "ack",
      name: "set-mode",
    });
    expect(read("alfaspark/linden/socket/pump/state", '{"stale":false,"online":true}')).toMatchObject({
      socket: "pump",
    });
  });

  it("that is empty takes its topic's word away", () => {
    let state = takeMessage(emptySite, telemetry(), live);
    state = takeMessage(state, { kind: "alarm", node, value: { alarms: [] } }, live);
    const gone = read(`alfaspark/linden/${node}/alarm`, "");
    if (gone?.kind !== "forgotten") throw new Error("an empty payload wasn't taken for one");
    expect(forget(state, gone.topic).packs[node]).not.toHaveProperty("alarm");
    const pack = read(`alfaspark/linden/${node}/telemetry`, "");
    if (pack?.kind !== "forgotten") throw new Error("an empty payload wasn't taken for one");
    expect(forget(state, pack.topic).packs).toEqual({});
  });

  it("beyond the limit of packs or sockets is garbage", () => {
    let state: SiteState = emptySite;
    for (let index = 0; index <= siteLimits.maxPacks; index++) {
      state = takeMessage(state, { ...telemetry(), node: index.toString(16).padStart(12, "0") } as SiteMessage, live);
    }
    expect(Object.keys(state.packs)).toHaveLength(siteLimits.maxPacks);
    expect(state.garbage).toBe(1);
    for (let index = 0; index <= siteLimits.maxSockets; index++) {
      state = takeMessage(state, { kind: "socket", socket: `s${index}`, value: { stale: false, online: true } }, live);
    }
    expect(Object.keys(state.sockets)).toHaveLength(siteLimits.maxSockets);
    expect(state.garbage).toBe(2);
  });

  it("changes its own part and leaves the others as they were", () => {
    const before = takeMessage(emptySite, telemetry(), live);
    const after = takeMessage(before, { kind: "identity", node, value: { node, deviceType: "energy-pack" } }, live);
    expect(after.packs[node]?.telemetry).toBe(before.packs[node]?.telemetry);
    expect(before.packs[node]?.identity).toBeUndefined();
  });

  it("that answers a test of rules isn't how the rules stand", () => {
    const status: SiteMessage = { kind: "rules-status", value: { rules: [{ name: "a", state: "true" }] } };
    const tested: SiteMessage = {
      kind: "rules-status",
      value: { test: true, id: "x", rules: [{ name: "a", state: "false" }] },
    };
    const state = takeMessage(takeMessage(emptySite, status, live), tested, live);
    expect(state.rulesStatus?.rules[0]?.state).toBe("true");
    expect(state.rulesTest?.rules[0]?.state).toBe("false");
  });
});

describe("the age of a value", () => {
  const stampOf = (message: SiteMessage, reception = live, state = emptySite) =>
    takeMessage(state, message, reception).packs[node]?.telemetry;

  it("is nobody's knowledge for a retained one without a time: it looks stale", () => {
    const stamped = stampOf(telemetry(), { at: noon, isRetained: true });
    expect(stamped?.at).toBeUndefined();
    expect(stamped && isStale(stamped, noon)).toBe(true);
    expect(stamped && ageMs(stamped, noon)).toBeUndefined();
  });

  it("counts from the gateway's time for a retained one, never into the future", () => {
    const old = stampOf(telemetry({ time: "2026-06-21T11:50:00Z" }), { at: noon, isRetained: true });
    expect(old && ageMs(old, noon)).toBe(600_000);
    const early = stampOf(telemetry({ time: "2026-06-21T12:10:00Z" }), { at: noon, isRetained: true });
    expect(early && ageMs(early, noon)).toBe(0);
  });

  it("counts from its coming for a live one, and from before that when it was old already", () => {
    const stamped = stampOf(telemetry({ age: 90, stale: true }));
    expect(stamped && ageMs(stamped, noon + 1000)).toBe(91_000);
  });

  it("knows how far the phone's clock is from the gateway's, by messages that are fresh", () => {
    const behind = { at: noon - 3_600_000, isRetained: false };
    const state = takeMessage(emptySite, telemetry({ time: "2026-06-21T12:00:00Z" }), behind);
    expect(state.skewMs).toBe(-3_600_000);
    const aged = takeMessage(emptySite, telemetry({ time: "2026-06-21T11:59:58Z", age: 2 }), behind);
    expect(aged.skewMs).toBe(-3_600_000);
    const retained = { at: noon - 3_600_000, isRetained: true };
    const stamp = stampOf(telemetry({ time: "2026-06-21T11:59:00Z" }), retained, state);
    expect(stamp && ageMs(stamp, retained.at)).toBe(60_000);
  });

  it("isn't mistaken for a difference of clocks in what is said again, hours later", () => {
    const fresh = takeMessage(emptySite, telemetry({ time: "2026-06-21T12:00:00Z" }), live);
    const again = { time: "2026-06-21T09:00:00Z", age: 0 };
    const told = takeMessage(fresh, telemetry({ ...again, stale: true }), { at: noon + 5000, isRetained: false });
    expect(told.skewMs).toBe(0);
    const stamp = told.packs[node]?.telemetry;
    expect(stamp && ageMs(stamp, noon + 5000)).toBe(3 * 3_600_000 + 5000);
    const alarm: SiteMessage = { kind: "alarm", node, value: { time: "2026-06-21T09:00:00Z", alarms: [] } };
    expect(takeMessage(emptySite, alarm, live).skewMs).toBe(0);
    const ancient = takeMessage(emptySite, telemetry({ time: "2026-06-01T00:00:00Z", age: 86_400 }), live);
    expect(ancient.skewMs).toBe(0);
  });

  it("isn't added to by a message that was long on its way, but by a clock that was set", () => {
    const fresh = takeMessage(emptySite, telemetry({ time: "2026-06-21T12:00:00Z" }), live);
    const late = takeMessage(fresh, telemetry({ time: "2026-06-21T12:00:02Z" }), {
      at: noon + 9000,
      isRetained: false,
    });
    expect(late.skewMs).toBe(0);
    const set = { at: noon + 3_670_000, isRetained: false };
    expect(takeMessage(late, telemetry({ time: "2026-06-21T12:01:10Z" }), set).skewMs).toBe(3_600_000);
    const back = { at: noon - 1000, isRetained: false };
    expect(takeMessage(late, telemetry({ time: "2026-06-21T12:00:10Z" }), back).skewMs).toBe(-11_000);
  });

  it("makes it stale after half a minute of silence, a socket after eleven minutes", () => {
    const stamped = stampOf(telemetry());
    expect(stamped && isStale(stamped, noon + staleAfterMs)).toBe(false);
    expect(stamped && isStale(stamped, noon + staleAfterMs + 1)).toBe(true);
    const socket = { value: { stale: false, online: true }, at: noon };
    expect(isSocketStale(socket, noon + socketStaleAfterMs)).toBe(false);
    expect(isSocketStale(socket, noon + socketStaleAfterMs + 1)).toBe(true);
    expect(isSocketStale({ value: { stale: false, online: false }, at: noon }, noon)).toBe(true);
  });
});

describe("what was kept on the phone", () => {
  it.each([undefined, null, 7, "x", [], {}, { packs: null, sockets: {} }, { packs: {} }])(
    "is refused as %j",
    (kept) => {
      expect(restoreSite(kept)).toBe(emptySite);
    },
  );

  it("comes back with its ages", () => {
    const state = takeMessage(emptySite, telemetry(), live);
    const { skewAt: _skewAt, ...kept } = state;
    expect(restoreSite(JSON.parse(JSON.stringify(countGarbage(state))))).toEqual(kept);
  });
});
