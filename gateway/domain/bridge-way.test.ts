import { describe, expect, it } from "vitest";
import { isSiteRequest, SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { bridgeWay, bridgeWays } from "./bridge-way.ts";

const topics = new SiteTopics();
const home = siteId("home-1");

/** Every word that means something in some place of a topic, and some that mean nothing. */
const words = [
  ...["telemetry", "identity", "alarm", "aggregate", "master", "gateway", "ack", "commands", "cmd", "socket", "state"],
  ...["ota", "trigger", "status", "rules", "set-mode", "set-relay", "5f0000000001", "pump", "x", "", "$SYS", "..", "+"],
];

/** All topics of up to three such levels under a site. */
function everyTopic(site: string): string[] {
  const one = words.map((word) => `alfaspark/${site}/${word}`);
  const two = one.flatMap((topic) => words.map((word) => `${topic}/${word}`));
  return [...one, ...two, ...two.flatMap((topic) => words.map((word) => `${topic}/${word}`))];
}

const matches = (filter: string, topic: string): boolean => {
  const pattern = filter.split("/");
  const levels = topic.split("/");
  return pattern.length === levels.length && pattern.every((each, i) => each === "+" || each === levels[i]);
};

describe("the bridge's table", () => {
  it("has no topic that goes out and that people may publish on, and none that comes in and that the gateway may", () => {
    const [fromPhones, fromGateway] = [topics.rightsOfPhone(home).publish, topics.rightsOfGateway(home).publish];
    let [out, inward] = [0, 0];
    for (const topic of everyTopic("home-1")) {
      const way = bridgeWay(topics, "home-1", topic)?.way;
      if (way === "out") {
        out++;
        expect(
          fromPhones.filter((filter) => matches(filter, topic)),
          topic,
        ).toEqual([]);
        expect(
          fromGateway.some((filter) => matches(filter, topic)),
          topic,
        ).toBe(true);
      }
      if (way === "in") {
        inward++;
        expect(
          fromGateway.filter((filter) => matches(filter, topic) && !isAlsoAsked(topic)),
          topic,
        ).toEqual([]);
        expect(
          topics.toGateway(home).some((filter) => matches(filter, topic)),
          topic,
        ).toBe(true);
      }
    }
    // What goes neither way is most of it.
    expect([out, inward].every((count) => count > 10)).toBe(true);
  });

  it("lets in what people ask for, and nothing else", () => {
    for (const topic of everyTopic("home-1")) {
      const parsed = topics.parse(topic);
      const isAsked = parsed !== undefined && isSiteRequest(parsed);
      expect(bridgeWay(topics, "home-1", topic)?.way === "in", topic).toBe(isAsked);
    }
    expect(Object.values(bridgeWays).filter(({ way }) => way === "in")).toHaveLength(4);
  });

  it("moves nothing of another site, of nodes, nor of brokers", () => {
    for (const topic of everyTopic("home-2")) expect(bridgeWay(topics, "home-1", topic), topic).toBeUndefined();
    for (const topic of ["cx/nodes/gw-1/status", "$SYS/broker/uptime", "alfaspark/home-1", "alfaspark", ""]) {
      expect(bridgeWay(topics, "home-1", topic), topic).toBeUndefined();
    }
  });

  it("never drops an acknowledgement or an alarm for telemetry", () => {
    expect(bridgeWays.ack).toEqual({ way: "out", keeping: "kept" });
    expect(bridgeWays.alarm).toEqual({ way: "out", keeping: "kept" });
    expect(bridgeWays.telemetry).toEqual({ way: "out", keeping: "stream" });
  });
});

/** A command's name may be any word, so `commands/telemetry` matches the filter of packs' telemetry; it is a command all the same. */
function isAlsoAsked(topic: string): boolean {
  return topic.startsWith("alfaspark/home-1/commands/") || topic.startsWith("alfaspark/home-1/socket/");
}
