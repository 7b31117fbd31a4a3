import { expect, it } from "vitest";
import { RequestMemory, rememberedBytes, rememberedMax, repetitionMs } from "./request-memory.ts";

const topic = "alfaspark/home-7/commands/set-mode";
const payload = (id: string): Uint8Array => new TextEncoder().encode(JSON.stringify({ mode: "eco", on: true, id }));

it("another id, payload or topic is another request", () => {
  const memory = new RequestMemory();
  expect(memory.repeated(topic, payload("a"), 0)).toBeUndefined();
  expect(memory.repeated(topic, payload("b"), 0)).toBeUndefined();
  expect(memory.repeated("alfaspark/home-7/commands/set-tou", payload("a"), 0)).toBeUndefined();
});

it("the same within a minute is a repetition, with what was told of it, and afterwards is new", () => {
  const memory = new RequestMemory();
  memory.repeated(topic, payload("a"), 0);
  memory.told(topic, payload("a"), { outcome: "done" });
  expect(memory.repeated(topic, payload("a"), repetitionMs - 1)?.acks).toEqual([{ outcome: "done" }]);
  expect(memory.repeated(topic, payload("a"), repetitionMs)).toBeUndefined();
});

it("what never went out may be asked for again", () => {
  const memory = new RequestMemory();
  memory.repeated(topic, payload("a"), 0);
  memory.told(topic, payload("a"), { outcome: "not-sent" });
  expect(memory.repeated(topic, payload("a"), 1)).toBeUndefined();
});

it("keeps no more than its limits, and the newest of them", () => {
  const memory = new RequestMemory();
  for (let i = 0; i <= rememberedMax; i++) memory.repeated(topic, payload(`n${i}`), i);
  expect(memory.size).toBe(rememberedMax);
  expect(memory.repeated(topic, payload("n1"), 300)).toBeDefined();
  memory.repeated(topic, new Uint8Array(rememberedBytes + 1), 300);
  expect(memory.repeated(topic, new Uint8Array(rememberedBytes + 1), 300)).toBeUndefined();
});
