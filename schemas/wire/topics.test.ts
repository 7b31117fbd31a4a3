import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeId, reservedNodeIds } from "./node-id.ts";
import { type NodeTopicKind, Topics } from "./topics.ts";

const node = nodeId("n1");
const topics = new Topics();
const kinds: readonly NodeTopicKind[] = [
  "telemetry",
  "status",
  "availability",
  "event",
  "update-start",
  "update-progress",
];

describe("topics that mean nothing", () => {
  it.each([
    "",
    "cx",
    "cx/nodes",
    "cx/nodes/",
    "cx/nodes/n1",
    "cx/nodes/N1/status",
    "cx/nodes//status",
    "cx/nodes/n1/status/more",
    "cx/nodes/n1/ota",
    "cx/nodes/n1/cmd",
    "cx/nodes/n1/cmd/",
    "cx/nodes/n1/cmd/Restart",
    "cx/nodes/n1/cmd/restart/nack",
    "cx/nodes/n1/cmd/restart/ack/more",
    "other/nodes/n1/status",
    "device/ota/start",
    "cx/nodes/+/status",
    "cx/nodes/n1/#",
  ])("%j", (topic) => {
    expect(topics.parse(topic)).toBeUndefined();
  });

  it("reserved words are no node's", () => {
    for (const word of reservedNodeIds) expect(topics.parse(`cx/nodes/${word}/status`)).toBeUndefined();
  });

  it.each(["", "/", "a/", "/a", "a//b", "a/+", "#", "ä", "a".repeat(65)])("%j is no root", (root) => {
    expect(() => new Topics(root)).toThrow(TypeError);
  });

  it("builders refuse names that would leave their level", () => {
    for (const name of ["", "a/b", "+", "#", "Restart"]) {
      expect(() => topics.command(node, name)).toThrow(TypeError);
      expect(() => topics.commandAnswer(node, name)).toThrow(TypeError);
    }
    expect(() => topics.fleet()).toThrow(TypeError);
    expect(() => topics.fleet("a", "+")).toThrow(TypeError);
  });

  it("any text is parsed without an error", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("cx", "nodes", "n1", "cmd", "ack", "ota", "start", "", "+"), { maxLength: 7 }),
        (levels) => {
          topics.parse(levels.join("/"));
        },
      ),
    );
  });
});

describe.each(["cx", "plant-7/coxswain"])("topics under %s", (root) => {
  const under = new Topics(root);

  it.each(kinds)("%s is parsed as built", (kind) => {
    expect(under.parse(under.of(kind, node))).toEqual({ kind, node });
  });

  it("commands, their answers and the fleet's too", () => {
    expect(under.parse(under.command(node, "query-status"))).toEqual({ kind: "command", node, name: "query-status" });
    expect(under.parse(under.commandAnswer(node, "restart"))).toEqual({
      kind: "command-answer",
      node,
      name: "restart",
    });
    expect(under.parse(under.fleet("alerts", "active"))).toEqual({ kind: "fleet", levels: ["alerts", "active"] });
  });

  it("are those of the protocol", () => {
    expect(under.of("update-start", node)).toBe(`${root}/nodes/n1/ota/start`);
    expect(under.of("update-progress", node)).toBe(`${root}/nodes/n1/ota/progress`);
    expect(under.commandAnswer(node, "restart")).toBe(`${root}/nodes/n1/cmd/restart/ack`);
    expect(under.ofEveryNode("telemetry")).toBe(`${root}/nodes/+/telemetry`);
    expect(under.commandAnswersOfEveryNode()).toBe(`${root}/nodes/+/cmd/+/ack`);
  });
});

describe("rights", () => {
  it("a node writes what is its own to write, and hears what is under its id", () => {
    const { publish, subscribe } = topics.rightsOf(node);
    expect(subscribe).toEqual(["cx/nodes/n1/#"]);
    expect(publish).toEqual([
      "cx/nodes/n1/telemetry",
      "cx/nodes/n1/status",
      "cx/nodes/n1/availability",
      "cx/nodes/n1/event",
      "cx/nodes/n1/ota/progress",
      "cx/nodes/n1/cmd/+/ack",
    ]);
    expect(publish).not.toContain(topics.of("update-start", node));
  });

  it("a gateway has its children's rights too", () => {
    const child = nodeId("n1.0a");
    expect(topics.rightsOf(node, [child]).subscribe).toEqual(["cx/nodes/n1/#", "cx/nodes/n1.0a/#"]);
    expect(topics.rightsOf(node, [child]).publish).toContain("cx/nodes/n1.0a/telemetry");
  });
});

describe("bare topics of early device code", () => {
  it("stand for the client's own, both ways", () => {
    expect(topics.fromEarly("device/ota/start", node)).toBe("cx/nodes/n1/ota/start");
    expect(topics.fromEarly("device/progress", node)).toBe("cx/nodes/n1/ota/progress");
    expect(topics.toEarly("cx/nodes/n1/ota/start", node)).toBe("device/ota/start");
    expect(topics.toEarly("cx/nodes/n1/ota/progress", node)).toBe("device/progress");
  });

  it("nothing else is mapped, and no other node's", () => {
    expect(topics.fromEarly("device/other", node)).toBeUndefined();
    expect(topics.toEarly("cx/nodes/n2/ota/start", node)).toBeUndefined();
    expect(topics.toEarly("cx/nodes/n1/status", node)).toBeUndefined();
  });
});
