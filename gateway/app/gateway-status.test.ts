import { expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import { type SiteId, SiteTopics } from "../../schemas/wire/site-topics.ts";
import type { CanBus } from "../ports/can-bus.ts";
import { GatewayStatus } from "./gateway-status.ts";
import { LastValues } from "./last-values.ts";
import { SitePublisher } from "./site-publisher.ts";

const counters = {
  ...{ sent: 0, received: 0, refused: 0, failed: 0, congested: 0, garbled: 0, reopened: 0, busOffs: 0 },
};
const bus: CanBus = {
  ...{ state: { kind: "up", reason: "" }, counters, open: () => {}, close: async () => {} },
  ...{ send: () => "queued", onFrame: () => () => {}, onState: () => () => {} },
};

function world() {
  const clock = new VirtualClock();
  const site = "home-1" as SiteId;
  const topics = new SiteTopics();
  const said: { readonly online: boolean; readonly manager: string | undefined }[] = [];
  const publish = ({ topic, payload }: { readonly topic: string; readonly payload: Uint8Array }): void => {
    expect(topic).toBe("alfaspark/home-1/gateway");
    const read = decode("site-gateway", payload, jsonFormat);
    if (!read.ok) throw new Error("It breaks its schema.");
    said.push({ online: read.value.online, manager: read.value.manager });
  };
  const records = { load: async () => undefined, store: async () => {} };
  const publisher = new SitePublisher({
    ...{ site, topics, clock, log: silentLog, isTimeValid: () => true },
    broker: { publish, onMessage: () => () => {} },
    lastValues: new LastValues({ clock, log: silentLog, records }),
  });
  const status = new GatewayStatus({ site, topics, bus, publisher, clock, version: "1.0.0", isTimeValid: () => true });
  return { status, said };
}

it("that the gateway is off is the last word, though its links end after it", () => {
  const { status, said } = world();
  status.start();
  status.report({ manager: "up" });
  status.stop();
  status.report({ manager: "down" });
  expect(said.at(-1)).toEqual({ online: false, manager: "up" });
});

it("a link that changes is told at once, the same again isn't", () => {
  const { status, said } = world();
  status.start();
  const before = said.length;
  status.report({ manager: "up" });
  status.report({ manager: "up" });
  expect(said.slice(before)).toEqual([{ online: true, manager: "up" }]);
  status.stop();
});
