import { expect, it } from "vitest";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { hardwareNumber, SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { SiteTally } from "./site-tally.ts";

const topics = new SiteTopics();
const site = siteId("linden-7");
const nodes = [1, 2, 3].map((last) => hardwareNumber(Uint8Array.of(0x24, 0xa1, 0x60, 0, 0, last)));

const gatewayParts = { online: true, can: "up", internet: "up", manager: "up", timeOk: true } as const;

type Telemetry = Parameters<typeof encodeJson<"site-telemetry">>[1];

function telemetry(tally: SiteTally, node: number, values: Partial<Telemetry>): void {
  const all: Telemetry = { online: true, stale: false, ...values } as Telemetry;
  tally.read(topics.ofPack("telemetry", site, nodes[node]!), encodeJson("site-telemetry", all));
}

it("counts packs that are heard, and those that say they lead", () => {
  const tally = new SiteTally(topics);
  telemetry(tally, 0, { master: true });
  telemetry(tally, 1, {});
  telemetry(tally, 2, { online: false, master: true });
  expect(tally.counts).toEqual({ packs: 2, mastersAtEnd: 1, handovers: 0, lockouts: 0, shed: 0, reconnects: 0 });
  expect(tally.master).toBe(nodes[0]);
});

it("counts each lock-out once, and not the one that was there before", () => {
  const tally = new SiteTally(topics);
  telemetry(tally, 0, { lockedOut: true });
  telemetry(tally, 0, { lockedOut: true });
  expect(tally.counts.lockouts).toBe(0);
  telemetry(tally, 0, { lockedOut: false });
  telemetry(tally, 0, { lockedOut: true });
  telemetry(tally, 0, { lockedOut: true });
  expect(tally.counts.lockouts).toBe(1);
});

it("counts a load that opened as shed while Eco is on, and not without it", () => {
  const tally = new SiteTally(topics);
  const relays = { grid: 1, inv: 1, pump: 1, heater: 1 } as const;
  telemetry(tally, 0, { relays, modes: ["backup"] });
  telemetry(tally, 0, { relays: { ...relays, heater: 0 }, modes: ["backup"] });
  expect(tally.counts.shed).toBe(0);
  telemetry(tally, 0, { relays, modes: ["eco"] });
  telemetry(tally, 0, { relays: { ...relays, heater: 0 }, modes: ["eco"] });
  telemetry(tally, 0, { relays: { ...relays, heater: 0, pump: 0 }, modes: ["eco"] });
  expect(tally.counts.shed).toBe(2);
});

it("counts the server broker's return, not its first coming", () => {
  const tally = new SiteTally(topics);
  const gateway = (serverBroker: "up" | "down"): void =>
    tally.read(topics.ofSite("gateway", site), encodeJson("site-gateway", { ...gatewayParts, serverBroker }));
  for (const state of ["down", "up"] as const) gateway(state);
  expect(tally.counts.reconnects).toBe(0);
  for (const state of ["down", "down", "up", "up"] as const) gateway(state);
  expect(tally.counts.reconnects).toBe(1);
});

it("takes the gateway's own count of handovers, and passes over what is none of the household's", () => {
  const tally = new SiteTally(topics);
  const master = (handovers: number): Uint8Array => encodeJson("site-master", { node: nodes[0], handovers } as never);
  tally.read(topics.ofSite("master", site), master(1));
  tally.read(topics.ofSite("master", site), new TextEncoder().encode("{"));
  tally.read("other/topic", master(7));
  expect(tally.counts.handovers).toBe(1);
  tally.settled();
  expect(tally.counts.handovers).toBe(0);
  tally.read(topics.ofSite("master", site), master(3));
  expect(tally.counts.handovers).toBe(2);
});
