import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CanMessage, CommandResult, FirmwareAck } from "../../schemas/generated/can.ts";
import { type Digest, digestFromBytes } from "../../schemas/wire/digest.ts";
import { crc32 } from "./crc32.ts";
import { firmwareSender } from "./firmware-sender.ts";
import { idleSender, type SenderEffect, type SenderEvent, type SenderState, senderDueMs } from "./sender-state.ts";

const node = 7;
const envelope = Uint8Array.from({ length: 1500 }, (_, i) => i % 251);
const payload = Uint8Array.from({ length: 2500 }, (_, i) => (i * 7) % 253);
const image = digestOf(1);
const wanted = { digest: digestOf(2), size: payload.length };

function digestOf(fill: number): Digest {
  return digestFromBytes(new Uint8Array(32).fill(fill));
}

/** The sender with a clock that a test moves, and what it did. */
class Bench {
  state: SenderState = idleSender({ node, envelope, image });
  nowMs = 1_000;
  effects: SenderEffect[] = [];

  constructor() {
    this.event({ kind: "begin" });
  }

  event(event: SenderEvent extends infer E ? (E extends SenderEvent ? Omit<E, "nowMs"> : never) : never): void {
    const next = firmwareSender(this.state, { ...event, nowMs: this.nowMs } as SenderEvent);
    this.state = next.state;
    this.effects = [...next.effects];
    if (this.effects.some(({ kind }) => kind === "send")) this.event0({ kind: "sent", nowMs: this.nowMs });
  }
  private event0(event: SenderEvent): void {
    this.state = firmwareSender(this.state, event).state;
  }
  frame(message: CanMessage): void {
    this.event({ kind: "frame", message });
  }
  /** The answer to what was asked last. */
  answer(result: CommandResult, block = 0): void {
    const { step } = this.state;
    const sequence = step.kind === "block" ? step.block & 0xff : this.state.sequence;
    if (step.kind === "entering") this.frame({ frame: "CommandAck", node, code: 8, sequence, result });
    else this.frame({ frame: "FirmwareAck", node, sequence, result, block });
  }
  /** Silence until something is done. */
  wait(): void {
    this.nowMs = senderDueMs(this.state);
    this.event({ kind: "tick" });
  }
  digest(of: "running" | "wanted-payload", digest: number): void {
    for (let at = 0; at < 32; at += 5) {
      const bytes = new Uint8Array(Math.min(5, 32 - at)).fill(digest);
      this.frame({ frame: "FirmwareDigest", node, of, at, digest: bytes });
    }
  }
  reason(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length; at += 4)
      this.frame({ frame: "FirmwareText", node, of: "reason", size: bytes.length, at, text: bytes.slice(at, at + 4) });
  }
  toEntered(): void {
    this.digest("running", 9);
    this.answer("ok");
    this.answer("ok");
  }
  toWanting(): void {
    this.toEntered();
    this.answer("ok", 0);
    this.answer("ok", 1);
    this.answer("ok", 2);
    this.answer("ok", 2);
  }
  toPayload(from = 0): void {
    this.toWanting();
    this.frame({ frame: "FirmwareWanted", node, size: wanted.size });
    this.digest("wanted-payload", 2);
    this.event({ kind: "ready" });
    this.answer("ok", from);
  }
  /** Gives the block that is asked for. */
  give(): void {
    const [read] = this.effects.filter((effect) => effect.kind === "read");
    if (read === undefined) throw new Error(`nothing is read: ${this.state.step.kind}`);
    this.event({ kind: "block", block: read.block, bytes: payload.subarray(read.offset, read.offset + read.length) });
  }
  giveWhatIsAsked(): void {
    const { step } = this.state;
    if (step.kind !== "reading") return;
    const bytes = payload.subarray(step.block * 1024, (step.block + 1) * 1024);
    this.event({ kind: "block", block: step.block, bytes });
  }
  get sent(): CanMessage[] {
    return this.effects.flatMap((effect) => (effect.kind === "send" ? effect.frames : []));
  }
  get end(): unknown {
    return this.state.step.kind === "over" ? this.state.step.end : undefined;
  }
}

describe("the sender of firmware", () => {
  it("gives a pack up that answers nothing, in any step, and tells it so", () => {
    const steps: ((bench: Bench) => void)[] = [
      () => {},
      (bench) => {
        bench.digest("running", 9);
        bench.answer("ok");
      },
      (bench) => bench.toEntered(),
      (bench) => bench.toWanting(),
      (bench) => {
        bench.toPayload();
        bench.give();
      },
    ];
    for (const reach of steps) {
      const bench = new Bench();
      reach(bench);
      const beganMs = bench.nowMs;
      for (let i = 0; i < 100 && bench.end === undefined; i++) bench.wait();
      expect(bench.end).toEqual({ kind: "interrupted", reason: "pack-silent" });
      expect(bench.nowMs - beganMs).toBeLessThan(31_000);
      expect(bench.sent.at(-1)).toMatchObject({ frame: "FirmwareAbort", target: node });
    }
  });

  it("waits for a pack that is busy, and not for ever", () => {
    const bench = new Bench();
    bench.digest("running", 9);
    bench.answer("ok");
    for (let i = 0; i < 100 && bench.end === undefined; i++) {
      bench.answer("busy");
      bench.wait();
    }
    expect(bench.end).toEqual({ kind: "interrupted", reason: "pack-busy" });
  });

  it("leaves at once when another gateway carries firmware, without a word to the pack", () => {
    for (const message of [
      { frame: "FirmwareData", chunk: 0, data: new Uint8Array(7) },
      { frame: "FirmwareBegin", target: 3, sequence: 1, part: "manifest", size: 100 },
    ] satisfies CanMessage[]) {
      const bench = new Bench();
      bench.toEntered();
      bench.frame(message);
      expect(bench.end).toEqual({ kind: "interrupted", reason: "other-gateway" });
      expect(bench.sent).toEqual([]);
    }
  });

  it("tells a refusal in the pack's own words, and by the step where the words got lost", () => {
    const bench = new Bench();
    bench.toEntered();
    bench.answer("ok", 2);
    bench.answer("refused");
    expect(bench.sent).toMatchObject([{ frame: "FirmwareAsk", reason: true, payload: false }]);
    bench.reason("sequence-too-low");
    expect(bench.end).toEqual({ kind: "refused", reason: "sequence-too-low" });

    const mute = new Bench();
    mute.toPayload(3);
    mute.answer("bad-checksum");
    for (let i = 0; i < 100 && mute.end === undefined; i++) mute.wait();
    expect(mute.end).toEqual({ kind: "refused", reason: "digest-mismatch" });
  });

  it("names what is too large by its part", () => {
    const manifest = new Bench();
    manifest.toEntered();
    manifest.answer("out-of-range");
    expect(manifest.end).toEqual({ kind: "refused", reason: "manifest-too-large" });
  });

  it("asks a pack that runs the image for nothing", () => {
    const bench = new Bench();
    bench.digest("running", 1);
    bench.answer("ok");
    expect(bench.end).toEqual({ kind: "applied" });
  });

  it("asks again where a piece of the answer was lost", () => {
    const bench = new Bench();
    bench.answer("ok");
    expect(bench.state.step.kind).toBe("asking");
    bench.wait();
    expect(bench.sent).toMatchObject([{ frame: "FirmwareAsk", runningDigest: true }]);
  });

  it("carries manifest and payload in blocks that end with their checksum, and is told of each", () => {
    const bench = new Bench();
    bench.toEntered();
    expect(bench.sent).toMatchObject([{ frame: "FirmwareBegin", part: "manifest", size: 1500, target: node }]);
    bench.answer("ok", 0);
    expect(bench.sent).toHaveLength(148);
    expect(bench.sent.at(-1)).toEqual({
      frame: "FirmwareBlock",
      target: node,
      block: 0,
      checksum: zlibCrc32(envelope.subarray(0, 1024)),
    });
    bench.answer("ok", 1);
    expect(bench.sent).toHaveLength(69);
    expect(bench.sent.at(-2)).toMatchObject({ chunk: 67, data: envelope.slice(1024 + 67 * 7) });
    bench.answer("ok", 2);
    bench.answer("ok", 2);
    bench.frame({ frame: "FirmwareWanted", node, size: wanted.size });
    bench.digest("wanted-payload", 2);
    expect(bench.effects).toContainEqual({ kind: "want", wanted });
    bench.event({ kind: "ready" });
    bench.answer("ok", 0);
    expect(bench.effects).toEqual([
      { kind: "progress", bytes: 0, total: 2500 },
      { kind: "read", block: 0, offset: 0, length: 1024 },
    ]);
    for (const block of [1, 2, 3]) {
      bench.give();
      bench.answer("ok", block);
    }
    expect(bench.effects[0]).toEqual({ kind: "progress", bytes: 2500, total: 2500 });
    expect(bench.sent).toMatchObject([{ frame: "FirmwareEnd", part: "payload" }]);
    bench.answer("busy");
    bench.wait();
    bench.answer("ok", 3);
    expect(bench.end).toEqual({ kind: "applied" });
  });

  it("goes on where the pack says, be it behind or ahead", () => {
    const bench = new Bench();
    bench.toPayload(2);
    expect(bench.effects).toContainEqual({ kind: "read", block: 2, offset: 2048, length: 452 });
    bench.give();
    bench.answer("wrong-block", 1);
    expect(bench.effects).toContainEqual({ kind: "read", block: 1, offset: 1024, length: 1024 });
    bench.give();
    bench.answer("ok", 3);
    expect(bench.sent).toMatchObject([{ frame: "FirmwareEnd", part: "payload" }]);
  });

  it("sends a block again whose checksum was wrong, and only its end where the answer was lost", () => {
    const bench = new Bench();
    bench.toPayload();
    bench.give();
    bench.wait();
    expect(bench.sent).toHaveLength(1);
    bench.answer("bad-checksum", 0);
    expect(bench.sent).toHaveLength(148);
    for (let i = 0; i < 200 && bench.end === undefined; i++) bench.answer("bad-checksum", 0);
    expect(bench.end).toEqual({ kind: "interrupted", reason: "no-progress" });
  });

  it("heeds no answer that isn't to what was asked last, or is another pack's", () => {
    const bench = new Bench();
    bench.toPayload();
    bench.give();
    const before = bench.state;
    const answer: FirmwareAck = { frame: "FirmwareAck", node, sequence: 200, result: "ok", block: 3 };
    bench.frame(answer);
    bench.frame({ ...answer, sequence: 0, node: 8 });
    bench.frame({ frame: "CommandAck", node, code: 8, sequence: 0, result: "refused" });
    expect(bench.state).toEqual(before);
  });

  it("begins again with its questions when the pack forgot the transfer, and finds it done where the end's answer was lost", () => {
    const bench = new Bench();
    bench.toPayload(3);
    for (let i = 0; i < 12; i++) bench.wait();
    expect(bench.state.step.kind).toBe("asking");
    bench.digest("running", 1);
    bench.answer("ok");
    expect(bench.end).toEqual({ kind: "applied" });

    const forgot = new Bench();
    forgot.toPayload();
    forgot.give();
    forgot.answer("not-updating");
    expect(forgot.state.step.kind).toBe("asking");
    forgot.toWanting();
    expect(forgot.state.step.kind).toBe("wanting");
  });

  it("keeps the pack awake while the payload is fetched, and ends where it can't be had", () => {
    const bench = new Bench();
    bench.toWanting();
    bench.frame({ frame: "FirmwareWanted", node, size: wanted.size });
    bench.digest("wanted-payload", 2);
    for (let i = 0; i < 20; i++) {
      const beganMs = bench.nowMs;
      bench.wait();
      expect(bench.nowMs - beganMs).toBeLessThanOrEqual(10_000);
      expect(bench.sent).toMatchObject([{ frame: "FirmwareEnd", part: "manifest" }]);
      bench.answer("ok", 2);
    }
    bench.event({ kind: "fail", reason: "payload-unavailable" });
    expect(bench.end).toEqual({ kind: "interrupted", reason: "payload-unavailable" });
  });

  it("is called off with a word to the pack, and ends also where that isn't answered", () => {
    const bench = new Bench();
    bench.toPayload();
    bench.event({ kind: "abort" });
    expect(bench.sent).toMatchObject([{ frame: "FirmwareAbort" }]);
    bench.answer("ok");
    expect(bench.end).toEqual({ kind: "cancelled" });
    const silent = new Bench();
    silent.event({ kind: "abort" });
    for (let i = 0; i < 20 && silent.end === undefined; i++) silent.wait();
    expect(silent.end).toEqual({ kind: "cancelled" });
  });

  it("does nothing any more once it is over", () => {
    const bench = new Bench();
    bench.digest("running", 1);
    bench.answer("ok");
    bench.event({ kind: "abort" });
    bench.event({ kind: "tick" });
    expect(bench.effects).toEqual([]);
    expect(senderDueMs(bench.state)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the sender of firmware, whatever it hears", () => {
  it("never throws, asks nothing without an end to the waiting, and ends once it hears nothing more", () => {
    const results: readonly CommandResult[] = ["ok", "busy", "wrong-block", "bad-checksum", "not-updating"];
    const message = fc.oneof(
      fc.record({ result: fc.constantFrom(...results), block: fc.nat(4), isAnswer: fc.boolean() }),
      fc.constantFrom("digest", "wanted", "reason", "ready", "give", "wait", "state" as const),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 120 }), (heard) => {
        const bench = new Bench();
        for (const each of heard) {
          bench.nowMs += 13;
          if (typeof each === "object") {
            if (each.isAnswer) bench.answer(each.result, each.block);
            else
              bench.frame({ frame: "FirmwareAck", node, sequence: each.block, result: each.result, block: each.block });
          } else if (each === "digest") bench.digest("running", 9);
          else if (each === "wanted") {
            bench.frame({ frame: "FirmwareWanted", node, size: wanted.size });
            bench.digest("wanted-payload", 2);
          } else if (each === "reason") bench.reason("bad-signature");
          else if (each === "ready") bench.event({ kind: "ready" });
          else if (each === "give" && bench.state.step.kind === "reading") bench.giveWhatIsAsked();
          else if (each === "wait" && bench.end === undefined) bench.wait();
        }
        for (let i = 0; i < 3_000 && bench.end === undefined; i++) {
          expect(senderDueMs(bench.state)).toBeLessThan(Number.POSITIVE_INFINITY);
          bench.wait();
        }
        expect(bench.end).toBeDefined();
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

describe("the checksum of a block", () => {
  it("is that of zlib", () => {
    for (const bytes of [new Uint8Array(0), envelope, payload]) expect(crc32(bytes)).toBe(zlibCrc32(bytes));
  });
});
