import { describe, expect, it } from "vitest";
import { deviceId, suitIds } from "../../manager/signing/suit-ids.ts";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import type { Update } from "../../schemas/generated/types.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { signed } from "../vectors/sign-update-manifest.ts";
import { device, install, keys } from "../vectors/update-manifest-world.ts";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const update = (over: Partial<Update> = {}): Update =>
  ({ id: "fw-2", version: "2.0.0", size: 2000, digest: digestB, model: "sensor", sequence: 7, ...over }) as Update;
const digest = (text: string) => text as UpdateManifest["digest"];
const full = { kind: "full", digest: digest(digestB), size: 2000 } as const;

async function trusting(): Promise<AppHarness> {
  const h = await new AppHarness({ isInsecure: false }).start();
  await h.wait(trustKey(h.app));
  return h;
}

describe("an update with a signed envelope", () => {
  it("is ready, survives a crash and is offered with the way to its manifest", async () => {
    const h = await trusting();
    await h.register("n1");
    const envelope = await envelopeOf(update());
    expect(await h.wait(h.app.updates.create(update(), operator, envelope))).toMatchObject({
      kind: "created",
      update: { state: "ready", signed: { sequence: 7, payloads: [{ kind: "full", digest: digestB, size: 2000 }] } },
    });
    expect((await h.wait(h.app.updates.create(update(), operator, envelope))).kind).toBe("same");
    const other = await envelopeOf(update());
    expect((await h.wait(h.app.updates.create(update(), operator, other))).kind).toBe("conflict");
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toMatchObject({
      action: { kind: "update", digest: digestB, manifest: "coap://127.0.0.1:5683/updates/fw-2/manifest?ep=n1" },
    });
    // What was offered stays what it is.
    expect((await h.wait(h.app.updates.setManifest("fw-2", other, operator))).kind).toBe("in-use");
    const after = await h.crash();
    expect(after.app.updates.find("fw-2")?.state).toBe("ready");
    expect(await after.wait(after.app.updates.manifest("fw-2"))).toEqual(envelope);
    expect(after.app.anchors.list()).toMatchObject([{ name: "vendor", addedBy: "test" }]);
  });

  it("isn't offered with an envelope that came later than its start, and then is", async () => {
    const h = await trusting();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator, "follows"));
    expect(await h.wait(h.app.updates.start("fw-2", ["n1"], operator))).toEqual({ kind: "unsigned" });
    const envelope = await envelopeOf(update());
    expect((await h.wait(h.app.updates.setManifest("fw-2", envelope, operator))).kind).toBe("stored");
    expect((await h.wait(h.app.updates.start("fw-2", ["n1"], operator))).kind).toBe("started");
  });

  it("of trust anchors has succeeded when the node says so, and is nothing that it should run", async () => {
    const h = await trusting();
    await h.register("n1", { digest: digestA as never });
    const set = writeKeySet([keys.second.signer.anchor]);
    const about = { digest: digestFromBytes(nodeSuitCrypto.sha256(set)), size: set.length };
    const manifest = {
      ...install,
      ...suitIds("vendor.example", "sensor"),
      ...about,
      kind: "anchors",
      variants: [],
    } as const;
    const envelope = await signed({ manifest, anchors: set });
    const body = update({ id: "keys", sequence: install.sequence, ...about } as Partial<Update>);
    expect((await h.wait(h.app.updates.create(body, operator, envelope))).kind).toBe("created");
    await h.wait(h.app.updates.start("keys", ["n1"], operator));
    const told = h.app.heartbeats.beat("n1", 0, undefined, undefined);
    if (told.kind !== "action") throw new Error(told.kind);
    const result = { rev: told.action.rev, outcome: "done" } as const;
    h.app.heartbeats.beat("n1", told.action.rev, { digest: digestA as never, confirmed: true, result }, undefined);
    await h.settle();
    expect(h.app.attempts.find("keys", "n1")?.attempt.state).toBe("succeeded");
    await h.register("n1", { digest: digestA as never, lastRev: told.action.rev });
    await h.settle();
    expect(h.app.alerts.active()).toEqual([]);
  });

  it("may be for one node alone", async () => {
    const h = await trusting();
    const own = deviceId(suitIds("vendor.example", "sensor").vendor, "n1");
    const envelope = await envelopeOf(update(), { device: own });
    const create = (targets?: string[]) =>
      h.wait(h.app.updates.create(update({ ...(targets && { targets: targets as never }) }), operator, envelope));
    for (const targets of [undefined, ["n2"], ["n1", "n2"]])
      expect(await create(targets)).toMatchObject({ kind: "refused", reason: "wrong-device" });
    expect((await create(["n1"])).kind).toBe("created");
  });
});

describe("an envelope is refused", () => {
  const refusals: readonly [string, string, () => Promise<Uint8Array>, Partial<Update>?][] = [
    ["cut", "manifest-truncated", async () => (await envelopeOf(update())).slice(0, -1)],
    ["too large", "manifest-too-large", async () => new Uint8Array(16_385)],
    [
      "too large for a node",
      "manifest-too-large",
      () => {
        const encryptionInfo = new Uint8Array(256);
        return envelopeOf(update(), { variants: Array.from({ length: 8 }, () => ({ ...full, encryptionInfo })) });
      },
    ],
    ["unsigned", "manifest-unsigned", () => envelopeOf(update(), {}, [])],
    ["signed by a stranger", "unknown-signer", () => envelopeOf(update(), {}, ["stranger"])],
    ["of another vendor", "wrong-vendor", () => envelopeOf(update(), {}, ["vendor"], "other.example")],
    ["of another model", "wrong-class", () => envelopeOf(update({ model: "linux" as never }))],
    [
      "for an update without a model",
      "update-without-model",
      () => envelopeOf(update()),
      { model: undefined as never },
    ],
    [
      "of boot-previous of another node",
      "wrong-device",
      () => signed({ manifest: { ...install, kind: "boot-previous", device, variants: [] } }),
    ],
    [
      "with a payload that isn't stored",
      "missing-artifact",
      () =>
        envelopeOf(update(), {
          variants: [{ kind: "deflate", window: 4096, digest: digest(`sha256:${"c".repeat(64)}`), size: 5 }, full],
        }),
    ],
    [
      "with a payload of another size",
      "artifact-size",
      () => envelopeOf(update(), { variants: [{ ...full, size: 1999 }] }),
    ],
    [
      "with another image as its full payload",
      "manifest-mismatch",
      () => envelopeOf(update(), { variants: [{ kind: "full", digest: digest(digestA), size: 1000 }] }),
    ],
    ["of another image", "manifest-mismatch", () => envelopeOf(update(), { digest: digest(digestA) })],
    ["of another size", "manifest-mismatch", () => envelopeOf(update(), { size: 1999 })],
    ["of another sequence number", "manifest-mismatch", () => envelopeOf(update({ sequence: 8 }))],
    ["of another version", "manifest-mismatch", () => envelopeOf(update({ version: "2.0.1" as never }))],
  ];
  it.each(refusals)("that is %s: %s", async (_name, reason, make, over) => {
    const h = await trusting();
    await h.register("n1");
    const outcome = await h.wait(h.app.updates.create(update(over), operator, await make()));
    expect(outcome).toMatchObject({ kind: "refused", reason });
    expect(h.app.updates.list()).toEqual([]);
    // Afterwards too, and the update stays what it was.
    await h.wait(h.app.updates.create(update(over), operator, "follows"));
    expect(await h.wait(h.app.updates.setManifest("fw-2", await make(), operator))).toMatchObject({ reason });
    expect(h.app.updates.find("fw-2")?.state).toBe("unsigned");
  });

  it("whose sequence number isn't above what the fleet runs, or whose image fits no slot of the model", async () => {
    const h = await trusting();
    const create = async () => {
      const outcome = await h.wait(h.app.updates.create(update(), operator, await envelopeOf(update())));
      return outcome.kind === "refused" ? outcome.reason : outcome.kind;
    };
    await h.register("n1", { seq: 8, slotSize: 1999 });
    expect(await create()).toBe("sequence-too-low");
    await h.register("n1", { seq: 7, slotSize: 1999 });
    expect(await create()).toBe("sequence-reused");
    await h.register("n1", { seq: 6, slotSize: 1999 });
    expect(await create()).toBe("image-too-large");
    await h.register("linux-1", { model: "linux", seq: 100, slotSize: 9000 });
    expect(await create()).toBe("image-too-large");
    await h.register("n1", { seq: 7, digest: digestB as never, slotSize: 2000 });
    expect(await create()).toBe("created");
  });

  it("that nobody signed, but where the manager was told to take such: then only what fits no slot", async () => {
    const strict = await trusting();
    expect(await strict.wait(strict.app.updates.create(update(), operator))).toEqual({ kind: "unsigned" });
    expect(strict.app.updates.list()).toEqual([]);
    const lax = await new AppHarness({ isInsecure: true }).start();
    await lax.register("n1", { slotSize: 1999 });
    const outcome = await lax.wait(lax.app.updates.create(update(), operator));
    expect(outcome).toMatchObject({ kind: "refused", reason: "image-too-large" });
    await lax.register("n1", { slotSize: 2000 });
    expect(await lax.wait(lax.app.updates.create(update(), operator))).toMatchObject({ kind: "created" });
  });

  it("never for what no node could tell, which is said instead", async () => {
    const warned = async (h: AppHarness, id: string) => {
      const body = update({ id: id as never });
      const outcome = await h.wait(h.app.updates.create(body, operator, await envelopeOf(body)));
      return outcome.kind === "created" ? outcome.warnings.map(({ code }) => code) : outcome;
    };
    const h = await trusting();
    expect(await warned(h, "a")).toEqual(["no-node-of-model"]);
    await h.register("n1");
    expect(await warned(h, "b")).toEqual(["no-slot-size"]);
    await h.register("n1", { slotSize: 1999 });
    await h.register("n2", { slotSize: 2000 });
    expect(await warned(h, "c")).toEqual(["some-slots-too-small"]);
    await h.register("n1", { slotSize: 2000 });
    expect(await warned(h, "d")).toEqual([]);
  });

  it("while the manager trusts nobody, and after the key was removed", async () => {
    const h = await new AppHarness({ isInsecure: false }).start();
    const create = async () => h.wait(h.app.updates.create(update(), operator, await envelopeOf(update())));
    expect(await create()).toMatchObject({ reason: "no-trust-anchors" });
    await h.wait(trustKey(h.app));
    await h.wait(trustKey(h.app, "second"));
    const [first] = h.app.anchors.list();
    expect(await h.wait(h.app.anchors.remove(first?.keyId ?? "", operator))).toBe("removed");
    expect(await h.wait(h.app.anchors.remove(first?.keyId ?? "", operator))).toBe("unknown");
    expect(await create()).toMatchObject({ reason: "unknown-signer" });
  });
});

describe("a key that is removed", () => {
  it("takes what it alone signed out of use, and not what another key signed too; added again, it is good again", async () => {
    let h = await trusting();
    await h.wait(trustKey(h.app, "second"));
    await h.register("n1");
    const both = update({ id: "both" as never, sequence: 8 });
    const make = (body: Update, by: Parameters<typeof envelopeOf>[2]) => envelopeOf(body, {}, by);
    await h.wait(h.app.updates.create(update(), operator, await make(update(), ["vendor"])));
    await h.wait(h.app.updates.create(both, operator, await make(both, ["vendor", "second"])));
    const states = () => ["fw-2", "both"].map((id) => h.app.updates.find(id)?.state);
    expect(states()).toEqual(["ready", "ready"]);
    const [vendor] = h.app.anchors.list();
    await h.wait(h.app.anchors.remove(vendor?.keyId ?? "", operator));
    expect(states()).toEqual(["unsigned", "ready"]);
    expect(await h.wait(h.app.updates.start("fw-2", ["n1"], operator))).toEqual({ kind: "unsigned" });
    h = await h.crash();
    expect(states()).toEqual(["unsigned", "ready"]);
    await h.wait(trustKey(h.app));
    expect(states()).toEqual(["ready", "ready"]);
  });
});

describe("trust anchors", () => {
  it("are points of P-256, at most as many as a node holds, each of them once, and in the audit", async () => {
    const h = await new AppHarness().start();
    const add = (x: Uint8Array, y: Uint8Array) => h.wait(h.app.anchors.add({ name: "k", x, y }, operator));
    const { x, y } = keys.vendor.signer.anchor;
    expect(h.app.anchors.keySet()).toBeUndefined();
    expect((await add(y, x)).kind).toBe("bad-key");
    expect((await add(x, y)).kind).toBe("added");
    expect((await add(x, y)).kind).toBe("known");
    await h.wait(trustKey(h.app, "second"));
    await h.wait(trustKey(h.app, "stranger"));
    expect(h.app.anchors.keySet()?.[0]).toBe(0x83);
    const page = await h.wait(h.app.audit.list({}));
    expect(page?.entries.filter(({ entry }) => entry.what === "anchor-added")).toHaveLength(3);
  });
});
