import { describe, expect, it } from "vitest";
import { childNodeId, isChildOf, isNodeId, nodeId, parseNodeId, reservedNodeIds } from "./node-id.ts";

describe("node ids", () => {
  it.each(["", "-a", ".a", "_a", "A", "a b", "a/b", "a#", "a+", "ä", "a".repeat(64), "__proto__"])(
    "%j is none, and the rule is named",
    (text) => {
      expect(parseNodeId(text)).toMatchObject({ ok: false, rule: expect.stringContaining("a-z") });
      expect(isNodeId(text)).toBe(false);
      expect(() => nodeId(text)).toThrow(TypeError);
    },
  );

  it("reserved words are none", () => {
    for (const word of reservedNodeIds)
      expect(parseNodeId(word)).toMatchObject({ ok: false, rule: expect.stringContaining("reserved") });
  });

  it.each(["a", "0", "esp8266-xc92", "a.b_c-d", "a".repeat(63)])("%j is one", (text) => {
    expect(parseNodeId(text)).toEqual({ ok: true, id: text });
    expect(isNodeId(text)).toBe(true);
  });

  it("a child has its gateway's id and a hardware number", () => {
    const gateway = nodeId("gw-1");
    const child = childNodeId(gateway, "00ff12");
    expect(child).toEqual({ ok: true, id: "gw-1.00ff12" });
    expect(childNodeId(gateway, "FF")).toMatchObject({ ok: false });
    expect(childNodeId(nodeId("g".repeat(60)), "00ff12")).toMatchObject({ ok: false });
    expect(isChildOf(nodeId("gw-1.00ff12"), gateway)).toBe(true);
    expect(isChildOf(nodeId("gw-1.pump"), gateway)).toBe(false);
    expect(isChildOf(nodeId("gw-10.00ff12"), gateway)).toBe(false);
    expect(isChildOf(nodeId("gw-1.00.ff"), gateway)).toBe(false);
  });
});
