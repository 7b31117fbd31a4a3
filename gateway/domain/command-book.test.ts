import { describe, expect, it } from "vitest";
import { canFrames } from "../../schemas/generated/can.ts";
import { decodeCan, encodeCan } from "../../schemas/wire/can.ts";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { type HardwareNumber, type SiteCommandName, siteCommands } from "../../schemas/wire/site-topics.ts";
import { type Addressee, answerMs, CommandBook, commandsMax, type Told } from "./command-book.ts";
import { commandCodes, commandFrame, resultWords } from "./command-frames.ts";

const packs: readonly Addressee[] = [1, 2, 3].map((canNode) => ({
  canNode,
  hardware: `24000000000${canNode}` as HardwareNumber,
}));
const [one] = packs as [Addressee];

function world(firstSequence = 0) {
  const book = new CommandBook(firstSequence);
  const told: Told[] = [];
  const begin = (to: { pack: Addressee } | { all: readonly Addressee[] }, nowMs = 0) =>
    book.begin("set-mode", { mode: "eco", on: true }, to, nowMs, (each) => told.push(each));
  const ack = (node: number, sequence: number, result: "ok" | "forbidden-by-eco" = "ok", code = 1) =>
    book.answered({ frame: "CommandAck", node, code, sequence, result });
  return { book, told, begin, ack };
}

describe("commands that come to nothing", () => {
  it("nobody to send to", () => {
    const { begin, book } = world();
    expect(begin({ all: [] })).toBeUndefined();
    expect(book.size).toBe(0);
  });

  it("a pack that doesn't answer is told as silent, once, and a late answer is nobody's", () => {
    const { book, told, begin, ack } = world();
    const { sequence } = begin({ pack: one })!;
    book.look(answerMs - 1);
    expect(told).toEqual([]);
    book.look(answerMs);
    book.look(answerMs + 1);
    expect(told).toEqual([expect.objectContaining({ outcome: "silent", node: one.hardware, sequence })]);
    ack(1, sequence);
    expect(told).toHaveLength(1);
    expect(book.dueMs()).toBeUndefined();
  });

  it("an answer with another number, another code or of another pack is nobody's", () => {
    const { told, begin, ack } = world();
    const { sequence } = begin({ pack: one })!;
    ack(1, sequence + 1);
    ack(1, sequence, "ok", 2);
    ack(2, sequence);
    expect(told).toEqual([]);
    ack(1, sequence);
    ack(1, sequence);
    expect(told).toHaveLength(1);
  });

  it("a NACK says why in words", () => {
    const { told, begin, ack } = world();
    ack(1, begin({ pack: one })!.sequence, "forbidden-by-eco");
    expect(told).toEqual([
      expect.objectContaining({
        outcome: "refused",
        result: "forbidden-by-eco",
        reason: expect.stringContaining("Eco"),
      }),
    ]);
  });

  it("a frame that never reached the bus is told for every pack that hasn't answered", () => {
    const { book, told, begin, ack } = world();
    const { sequence } = begin({ all: packs })!;
    ack(2, sequence);
    book.failed(sequence, "There is no bus.");
    expect(told.map(({ outcome, node }) => `${outcome} ${node}`)).toEqual([
      `done ${packs[1]!.hardware}`,
      `not-sent ${packs[0]!.hardware}`,
      `not-sent ${packs[2]!.hardware}`,
    ]);
    expect(book.size).toBe(0);
  });

  it("one more than may be under way isn't begun", () => {
    const { begin, book } = world();
    for (let i = 0; i < commandsMax; i++) expect(begin({ pack: one })).toBeDefined();
    expect(begin({ pack: one })).toBeUndefined();
    book.look(answerMs);
    expect(begin({ pack: one })).toBeDefined();
  });
});

it("every reason that people get fits into an acknowledgement", () => {
  for (const reason of Object.values(resultWords))
    expect(() => encodeJson("site-ack", { outcome: "refused", reason })).not.toThrow();
});

describe("a command", () => {
  it("is one frame, to one pack or to all, and each addressed pack's answer is told", () => {
    const { told, begin, ack, book } = world();
    const single = begin({ pack: one })!;
    expect(single.message).toEqual({ frame: "SetMode", target: 1, sequence: single.sequence, mode: "eco", isOn: true });
    const all = begin({ all: packs })!;
    expect(all.message).toMatchObject({ target: 0x7f });
    for (const { canNode } of packs) ack(canNode, all.sequence);
    ack(1, single.sequence);
    expect(told).toHaveLength(4);
    expect(told.every(({ outcome }) => outcome === "done")).toBe(true);
    expect(book.size).toBe(0);
  });

  it("has a number that no other one under way has, though numbers come round", () => {
    const { begin, ack, book } = world(200);
    const held = begin({ pack: one })!.sequence;
    for (let i = 0; i < 600; i++) {
      const { sequence } = begin({ pack: packs[1]! })!;
      expect(sequence).not.toBe(held);
      ack(2, sequence);
    }
    expect(book.size).toBe(1);
  });

  it("of each name goes on the bus as its own frame and comes back as it was", () => {
    const payloads = {
      "set-mode": { mode: "time-of-use", on: false },
      "set-eco-limit": { limit: 2000 },
      "request-status": {},
      "set-tou": { start: 1320, end: 360 },
      "set-grid-limit": { on: true, limit: 12 },
      "reset-grid": {},
      "set-relay": { relay: "pump", on: true },
      "ota-enter": {},
      "factory-reset": {},
      "restore-last": { import: 3.21, lockedOut: true, day: 21 },
    } as const;
    for (const name of Object.keys(siteCommands) as SiteCommandName[]) {
      const message = commandFrame(name, payloads[name] as never, { target: 5, sequence: 9 });
      expect(decodeCan(encodeCan(message))).toEqual({ ok: true, value: message });
      expect(canFrames.find((each) => each.name === message.frame)!.id & 0x7f).toBe(commandCodes[name]);
    }
    expect(commandFrame("restore-last", payloads["restore-last"], { target: 5, sequence: 9 })).toMatchObject({
      imported: 321,
    });
  });
});
