import { describe, expect, it } from "vitest";
import { validators } from "../../../schemas/generated/validators.ts";
import { isSiteRequest, SiteTopics, siteId, siteMessageKind } from "../../../schemas/wire/site-topics.ts";
import { requestMessage, type SiteRequest } from "./site-request.ts";

const topics = new SiteTopics();
const node = "240ac400c001";

describe("what a person asks for", () => {
  it.each<SiteRequest>([
    { kind: "pack", name: "set-mode", payload: { mode: "eco", on: true }, node: undefined },
    { kind: "pack", name: "set-mode", payload: { mode: "backup", on: false }, node },
    { kind: "pack", name: "set-eco-limit", payload: { limit: 2500 }, node },
    { kind: "pack", name: "set-tou", payload: { start: 1320, end: 360 }, node },
    { kind: "pack", name: "set-grid-limit", payload: { on: true, limit: 12 }, node },
    { kind: "pack", name: "set-relay", payload: { relay: "output", on: false }, node },
    { kind: "pack", name: "request-status", payload: {}, node },
    { kind: "pack", name: "reset-grid", payload: {}, node },
    { kind: "pack", name: "factory-reset", payload: {}, node },
    { kind: "pack", name: "ota-enter", payload: {}, node },
    { kind: "pack", name: "restore-last", payload: { import: 4.37, lockedOut: true, day: 31 }, node: undefined },
    { kind: "socket", socket: "pump", on: true },
    { kind: "rules", rules: [{ name: "a", rule: "when P_solar > load then socket pump on" }], isTest: true },
    { kind: "rules", rules: [], isTest: false },
    { kind: "update", trigger: { update: "alfaspark-2.6.0" } },
    { kind: "update", trigger: { stop: true } },
  ])("goes out on its topic, as its schema has it: %j", (request) => {
    const { topic, payload } = requestMessage(topics, siteId("linden"), request, "id-1");
    const parsed = topics.parse(topic);
    if (parsed === undefined) throw new Error(`${topic} is no topic of a household`);
    expect(isSiteRequest(parsed)).toBe(true);
    const kind = siteMessageKind(parsed);
    expect(kind && validators[kind](JSON.parse(payload))).toBe(true);
    expect(JSON.parse(payload)).toMatchObject({ id: "id-1" });
    if (request.kind === "pack") expect(parsed).toMatchObject(request.node === undefined ? {} : { node });
  });
});
