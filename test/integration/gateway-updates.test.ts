import { beforeEach, describe, expect, test } from "vitest";
import { PackUpdates, type UpdateEnd, type UpdateTask } from "../../gateway/app/pack-updates.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import type { AttemptReport, UpdateAction } from "../../schemas/generated/types.ts";
import { digestHex } from "../../schemas/wire/digest.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PayloadVariant, UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { keys } from "../vectors/update-manifest-world.ts";
import { FakeCarrier, FakePacks, MemoryStore, ScriptedSource, sha256 } from "./gateway-fakes.ts";
import { envelopeOf } from "./signed-envelope.ts";

const [a, b, master] = ["a0b1c2d3e401", "a0b1c2d3e402", "a0b1c2d3e403"] as [
  HardwareNumber,
  HardwareNumber,
  HardwareNumber,
];
const image = new Uint8Array(20_000).map((_, i) => (i * 7) & 255);
const packed = new Uint8Array(6_000).map((_, i) => (i * 13) & 255);
const digest = sha256(image);
const old = sha256(Uint8Array.of(1));
const deflated: PayloadVariant = { kind: "deflate", window: 4096, digest: sha256(packed), size: packed.length };

let clock: VirtualClock;
let packs: FakePacks;
let carrier: FakeCarrier;
let source: ScriptedSource;
let store: MemoryStore;
let updates: PackUpdates;

beforeEach(() => {
  clock = new VirtualClock();
  packs = new FakePacks();
  carrier = new FakeCarrier(packs, clock);
  carrier.image = digest;
  carrier.wants = { digest, size: image.length };
  source = new ScriptedSource([image, packed]);
  store = new MemoryStore();
  updates = made();
  for (const pack of [a, b, master]) packs.add(pack, old);
});

function made(): PackUpdates {
  return new PackUpdates({
    ...{ packs, carrier, source, store, clock, crypto: nodeSuitCrypto, log: silentLog },
    anchors: [keys.vendor.signer.anchor],
    entropy: seededEntropy("updates"),
  });
}

async function envelope(over: Partial<UpdateManifest> = {}, by: readonly (keyof typeof keys)[] = ["vendor"]) {
  const update = { digest, size: image.length, model: "energy-pack", version: "2.6", sequence: 5 };
  return await envelopeOf(update, over, by);
}

class Task implements UpdateTask {
  readonly reports: Omit<AttemptReport, "attempt" | "update">[] = [];
  readonly abort = new AbortController();
  action: UpdateAction = {
    ...{ rev: 1, kind: "update", update: "u-1", attempt: "t-1", manifest: "coap://127.0.0.1/updates/u-1/manifest" },
    uris: [`http://127.0.0.1:1/artifacts/${digestHex(digest)}?attempt=t-1&t=old`],
    ...{ size: image.length, digest, version: "2.6" },
  };
  renewals = 0;
  answers: Awaited<ReturnType<UpdateTask["envelope"]>>[] = [];
  bytes: Uint8Array = new Uint8Array(0);

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  report(progress: Omit<AttemptReport, "attempt" | "update">): void {
    this.reports.push(progress);
  }

  renew(): Promise<UpdateAction> {
    this.renewals++;
    this.action = {
      ...this.action,
      uris: this.action.uris.map((uri) => uri.replace(/t=\w+$/, `t=new${this.renewals}`)),
    };
    return Promise.resolve(this.action);
  }

  envelope(): ReturnType<UpdateTask["envelope"]> {
    return Promise.resolve(this.answers.shift() ?? { kind: "envelope", bytes: this.bytes });
  }

  get states(): string[] {
    return this.reports.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);
  }
}

async function task(over: Partial<UpdateManifest> = {}, by?: readonly (keyof typeof keys)[]): Promise<Task> {
  const made = new Task();
  made.bytes = await envelope(over, by);
  return made;
}

async function ended(work: Promise<UpdateEnd>, withinMs = 7_200_000): Promise<UpdateEnd> {
  let end: UpdateEnd | undefined;
  let failure: unknown;
  work.then(
    (how) => {
      end = how;
    },
    (error: unknown) => {
      failure = error;
    },
  );
  for (let ms = 0; end === undefined && failure === undefined && ms < withinMs; ms += 1_000) await clock.advance(1_000);
  if (failure !== undefined) throw failure;
  if (end === undefined) throw new Error("It didn't end.");
  return end;
}

describe("before a byte goes on the bus", () => {
  test.each([
    ["a key that nobody trusts", {}, ["second"], "unknown-signer"],
    ["a digest that isn't the action's", { digest: old }, ["vendor"], "manifest-mismatch"],
    ["an image that is larger than the slot", {}, ["vendor"], "image-too-large"],
    ["a lower number than the pack runs", { sequence: 1 }, ["vendor"], "sequence-too-low"],
  ] as const)("an envelope with %s is refused", async (_, over, by, reason) => {
    if (reason === "image-too-large") packs.firmware(a, { limits: { slotSize: 10_000, window: 0 } });
    if (reason === "sequence-too-low") {
      packs.firmware(a, { state: { ...packs.find(a)!.firmware.state!, manifestSequence: 4 } });
    }
    const refused = await task(over, by as readonly (keyof typeof keys)[]);
    expect(await ended(updates.update(a, refused))).toEqual({ outcome: "refused", reason });
    expect(carrier.began).toEqual([]);
  });

  test("an envelope with one flipped bit anywhere is refused", async () => {
    const good = await envelope();
    for (let at = 0; at < good.length; at += 7) {
      const flipped = new Task();
      flipped.bytes = good.slice();
      flipped.bytes[at]! ^= 0x10;
      const { outcome } = await ended(updates.update(a, flipped));
      if (outcome === "done") throw new Error(`byte ${at}`);
    }
    expect(carrier.began).toEqual([]);
  });

  test("an update without a manifest is refused", async () => {
    const unsigned = await task();
    const { manifest: _, ...action } = unsigned.action;
    unsigned.action = action;
    expect(await ended(updates.update(a, unsigned))).toEqual({ outcome: "refused", reason: "manifest-unsigned" });
  });

  test("content that isn't what was signed is fetched once more, then it fails", async () => {
    const wrong = image.slice();
    wrong[5_000]! ^= 1;
    store.put(digest, wrong);
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "done" });
    expect(source.asked).toHaveLength(1);

    packs.add(b, old);
    const lying = new ScriptedSource([]);
    lying.fetch = (_uri, { offset }) =>
      Promise.resolve({
        kind: "bytes",
        offset,
        chunks: (async function* () {
          yield wrong.subarray(offset);
        })(),
      });
    source = lying;
    store = new MemoryStore();
    updates = made();
    expect(await ended(updates.update(b, await task()))).toEqual({ outcome: "failed", reason: "artifact-changed" });
    expect(carrier.began).toEqual([a]);
  });
});

describe("the download", () => {
  test("goes on where it was cut, and asks for newer links when they are too old", async () => {
    source.script.push({ cutAt: 7_000 }, { status: 503 }, { unreachable: "econnrefused" }, { status: 403 });
    const one = await task();
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "done" });
    expect(source.asked.map(({ offset }) => offset)).toEqual([0, 7_000, 7_000, 7_000, 7_000]);
    expect(one.renewals).toBe(1);
    expect(source.asked.at(-1)?.uri).toContain("t=new1");
  });

  test.each([
    [[{ status: 404 }], "http-404"],
    [Array.from({ length: 6 }, () => ({ status: 403 })), "token-expired"],
    [Array.from({ length: 13 }, () => ({ status: 503 })), "http-503"],
  ] as const)("ends after %j", async (script, reason) => {
    source.script.push(...script);
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "failed", reason });
    expect(carrier.began).toEqual([]);
    expect(store.open_).toBe(0);
  });

  test("is by HTTP, and ends where the manager names no such address", async () => {
    const one = await task();
    one.action = { ...one.action, uris: one.action.uris.map((uri) => uri.replace("http:", "coap:")) };
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "failed", reason: "unknown-scheme" });
  });

  test("isn't begun where it wouldn't fit", async () => {
    store = new MemoryStore(10_000);
    updates = made();
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "failed", reason: "no-space" });
    expect(source.asked).toEqual([]);
  });

  test("brings the payload that the pack can take, from beside the image", async () => {
    carrier.wants = { digest: deflated.digest, size: deflated.size };
    const full: PayloadVariant = { kind: "full", digest, size: image.length };
    const one = await task({ variants: [deflated, full] });
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "done" });
    expect(source.asked).toHaveLength(1);
    expect(source.asked[0]?.uri).toContain(digestHex(deflated.digest));
    expect(one.reports.findLast(({ way }) => way === "can")).toBeDefined();
  });

  test("brings another one when the pack chose that, and none that the manifest doesn't name", async () => {
    const full: PayloadVariant = { kind: "full", digest, size: image.length };
    expect(await ended(updates.update(a, await task({ variants: [deflated, full] })))).toEqual({ outcome: "done" });
    expect(source.asked).toHaveLength(2);
    carrier.wants = { digest: old, size: 1 };
    const foreign = await ended(updates.update(b, await task()));
    expect(foreign).toEqual({ outcome: "failed", reason: "foreign-payload" });
  });

  test("waits for a manager that can't be reached, and doesn't for one that says no", async () => {
    const one = await task();
    one.answers = [
      { kind: "unreachable", reason: "no-answer" },
      { kind: "unreachable", reason: "coap-5.03" },
    ];
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "done" });
    const two = await task();
    two.answers = [{ kind: "refused", reason: "coap-4.04" }];
    expect(await ended(updates.update(b, two))).toEqual({ outcome: "failed", reason: "coap-4.04" });
  });
});

describe("on the bus", () => {
  test("there is one transfer at a time, and the master's is the last, though it was offered first", async () => {
    packs.masterPack = master;
    const tasks = [await task(), await task(), await task()];
    const works = [updates.update(master, tasks[0]!)];
    await clock.advance(5_000);
    works.push(updates.update(a, tasks[1]!), updates.update(b, tasks[2]!));
    for (const work of works) expect(await ended(work)).toEqual({ outcome: "done" });
    expect(carrier.began).toEqual([a, b, master]);
    expect(tasks[2]?.states[0]).toBe("deferred");
    // The second and third found the image on the gateway's disk.
    expect(source.asked).toHaveLength(1);
  });

  test("a transfer that is cut goes on at its block", async () => {
    carrier.cutsBefore.push(3, 9, 9, 15);
    const one = await task();
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "done" });
    expect(carrier.blocks).toBe(20);
    expect(carrier.began).toHaveLength(5);
    expect(one.states).toEqual(["downloading", "verifying", "staged", "trial"]);
    const percents = one.reports.filter(({ way }) => way === "can").flatMap(({ percent }) => percent ?? []);
    expect(percents).toEqual(percents.toSorted((x, y) => x - y));
  });

  test("what the pack says no to has its words", async () => {
    carrier.refusal = "wrong-class";
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "failed", reason: "wrong-class" });
  });

  test("a pack that goes away gives its turn to the next, and has it again when it is back", async () => {
    carrier.cutsBefore.push(5);
    const [first, second] = [updates.update(a, await task()), updates.update(b, await task())];
    await clock.advance(300);
    packs.change(a, { isSilent: true });
    expect(await ended(second)).toEqual({ outcome: "done" });
    packs.change(a, { isSilent: false });
    expect(await ended(first)).toEqual({ outcome: "done" });
    expect(carrier.began).toEqual([a, b, a]);
    expect(carrier.blocks).toBe(40);
  });

  test("cancelled in its turn or before it, it lets the next go", async () => {
    const [one, two, three] = [await task(), await task(), await task()];
    const works = [updates.update(a, one), updates.update(b, two), updates.update(master, three)];
    await clock.advance(1_000);
    two.abort.abort("cancelled");
    one.abort.abort("cancelled");
    expect(await ended(works[0]!)).toEqual({ outcome: "cancelled" });
    expect(await ended(works[1]!)).toEqual({ outcome: "cancelled" });
    expect(await ended(works[2]!)).toEqual({ outcome: "done" });
    expect(carrier.began).toEqual([a, master]);
    expect(store.open_).toBe(0);
  });

  test("after the gateway was started anew only what is missing travels", async () => {
    const one = await task();
    const first = updates.update(a, one);
    await clock.advance(2_000);
    one.abort.abort("stopping");
    await ended(first);
    const before = carrier.blocks;
    expect(before).toBeGreaterThan(2);
    updates = made();
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "done" });
    expect(carrier.blocks).toBe(20);
    expect(source.asked).toHaveLength(1);
  });
});

describe("an update has succeeded", () => {
  test("when the pack says that it runs the image and confirmed it, not before", async () => {
    carrier.fate = "hangs";
    const one = await task();
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "failed", reason: "not-confirmed-in-time" });
    expect(one.states).toContain("trial");
  });

  test("and not when it went back, whose reason is the pack's", async () => {
    carrier.fate = "rolled-back";
    const one = await task();
    expect(await ended(updates.update(a, one))).toEqual({ outcome: "failed", reason: "self-test" });
    expect(one.reports.at(-1)).toEqual({ state: "rolled-back", reason: "self-test" });
  });

  test("also where the same image was left before: what the pack said of that is no news", async () => {
    carrier.fate = "rolled-back";
    expect(await ended(updates.update(a, await task()))).toMatchObject({ outcome: "failed" });
    carrier.forget();
    carrier.fate = "confirmed";
    expect(await ended(updates.update(a, await task()))).toEqual({ outcome: "done" });
    carrier.fate = "rolled-back";
    packs.add(b, old);
    expect(await ended(updates.update(b, await task()))).toMatchObject({ outcome: "failed" });
    const again = await task();
    expect(await ended(updates.update(b, again))).toEqual({ outcome: "failed", reason: "self-test" });
    expect(carrier.began).toEqual([a, a, b, b]);
    expect(again.states).toContain("trial");
  });

  test("at once when it runs it already; and on trial since an earlier life it is only waited for", async () => {
    packs.firmware(a, { digests: { running: digest } });
    expect(await ended(updates.update(a, await task()))).toMatchObject({ outcome: "done" });
    const state = packs.find(b)!.firmware.state!;
    packs.firmware(b, { digests: { running: digest }, state: { ...state, isTrial: true } });
    clock.after(30_000, () => packs.firmware(b, { state }));
    expect(await ended(updates.update(b, await task()))).toEqual({ outcome: "done" });
    expect(carrier.began).toEqual([]);
  });
});
