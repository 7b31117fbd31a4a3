import { expect, test } from "vitest";
import { isChildOf, nodeId } from "../../schemas/wire/node-id.ts";
import { batchNodeId, hardwareIdFrom, isBatchModel, isHardwareId, parseBatchDevice } from "./batch.ts";
import { enrolmentName, parseEnrolmentName } from "./enrolment.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a hardware id never makes a node id that is another gateway's child, or none at all", () => {
  for (const bad of ["", "A1", "gw.0a", "-1", "_1", "a/b", "a b", "x".repeat(17), "ä"]) {
    expect([bad, isHardwareId(bad), hardwareIdFrom(bytes(bad))]).toEqual([bad, false, undefined]);
  }
  for (const good of ["1", "sn-0042", "x".repeat(16)]) expect(hardwareIdFrom(bytes(good))).toBe(good);
  const model = "gw.0a".padEnd(46, "x");
  expect(isBatchModel(model)).toBe(true);
  const node = nodeId(batchNodeId(model, "f".repeat(16)));
  expect(isChildOf(node, nodeId("gw"))).toBe(false);
  for (const bad of ["", "A", `${model}x`, "-a", "a/b"]) expect(isBatchModel(bad)).toBe(false);
});

test("the names of claims and of devices are told apart, and nobody else's is taken for one", () => {
  expect(parseEnrolmentName(enrolmentName("0a0b0c0d0e0f"))).toBe("0a0b0c0d0e0f");
  expect(parseBatchDevice("0a0b0c0d0e0f")).toBeUndefined();
  const device = parseEnrolmentName(enrolmentName("0a0b0c0d0e0f/sn-1")) ?? "";
  expect(parseBatchDevice(device)).toEqual({ batch: "0a0b0c0d0e0f", hardware: "sn-1" });
  for (const bad of ["enrolment:0a", "enrolment:0a0b0c0d0e0f/", "operator:x/0a0b0c0d0e", "porch/0a0b0c0d"]) {
    expect(parseEnrolmentName(bad)).toBeUndefined();
  }
});
