import { expect, test } from "vitest";
import type { CreatedBatch } from "../../manager/app/api/batches.ts";
import type { EnrolOutcome } from "../../manager/app/api/enrolments.ts";
import { AppHarness, operator } from "./app-harness.ts";

const hourMs = 3_600_000;
const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

async function makeBatch(h: AppHarness, limit = 10, hardware?: readonly string[]): Promise<CreatedBatch> {
  const plan = { model: "lamp", limit, lifeMs: hourMs, ...(hardware !== undefined && { hardware }) };
  const made = await h.wait(h.app.enrolments.batches.create(plan, operator));
  if (made === "full") throw new Error(made);
  return made;
}
const enrol = (h: AppHarness, { batch }: CreatedBatch, hardware: string): Promise<EnrolOutcome> =>
  h.wait(h.app.enrolments.enrol(`${batch}/${hardware}`, "192.0.2.9"));
const good = async (h: AppHarness, node: string): Promise<number> =>
  (await h.wait(h.app.credentials.list(node))).filter(({ state }) => state !== "revoked").length;

test("an enrolment whose commit fails leaves nothing, and the next try gives one credential that is good", async () => {
  for (const failing of [0, 1]) {
    let count = Number.NaN;
    const h = await new AppHarness({ failsCommit: () => count++ === failing }).start();
    const made = await makeBatch(h, 1);
    count = 0;
    const first = await enrol(h, made, "a").catch(() => undefined);
    expect(first === undefined, `commit ${failing}`).toBe(failing === 0);
    count = Number.NaN;
    // The place that it had taken is free again, in this process and in the next.
    expect(h.app.enrolments.batches.list()[0]?.enrolled).toBe(failing);
    const after = await h.crash();
    expect(after.app.enrolments.batches.list()[0]?.enrolled).toBe(failing);
    const second = await enrol(after, made, "a");
    if (second.kind !== "enrolled") throw new Error(second.kind);
    if (first?.kind === "enrolled") expect(second.kid).toBe(first.kid);
    expect(after.app.credentials.keyring.find(second.kid)?.node).toBe("lamp-a");
    expect(await good(after, "lamp-a")).toBe(1);
  }
});

test("devices that come at once get no more places than there are, and two batches never make one node twice", async () => {
  const h = await new AppHarness({ limits: { enrolmentsPerSecond: 1000 } }).start();
  const [few, same] = [await makeBatch(h, 3), await makeBatch(h)];
  const ids = ["1", "2", "3", "4", "5", "6"];
  const outcomes = await h.wait(Promise.all(ids.map((each) => h.app.enrolments.enrol(`${few.batch}/${each}`, "x"))));
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual([
    ...Array.from({ length: 3 }, () => "batch-full"),
    ...Array.from({ length: 3 }, () => "enrolled"),
  ]);
  const first = ids[outcomes.findIndex(({ kind }) => kind === "enrolled")] ?? "";
  const both = await h.wait(
    Promise.all(
      [few, same].map(({ batch }) => h.app.enrolments.enrol(`${batch}/${first}`, "x").then(({ kind }) => kind)),
    ),
  );
  expect(both).toEqual(["enrolled", "taken"]);
  expect(await good(h, `lamp-${first}`)).toBe(1);
});

test("a batch that is revoked in the middle of an enrolment leaves no credential and no device", async () => {
  const h = await new AppHarness().start();
  const made = await makeBatch(h);
  const [outcome, revoked] = await h.wait(
    Promise.all([
      h.app.enrolments.enrol(`${made.batch}/a`, "192.0.2.9"),
      h.app.enrolments.batches.revoke(made.batch, false, operator),
    ]),
  );
  expect([outcome.kind, revoked]).toEqual(["ended", { nodes: [] }]);
  expect(await good(h, "lamp-a")).toBe(0);
  expect(await h.wait(h.storage.list("batch-device"))).toEqual([]);
});

test("a batch is revoked however many devices it has and whoever used its key: the key at once, the rest in as many commits as it takes", async () => {
  let left = Number.POSITIVE_INFINITY;
  const h = await new AppHarness({ failsCommit: () => left-- <= 0 }).start();
  const made = await makeBatch(h, 10);
  expect((await enrol(h, made, "a")).kind).toBe("enrolled");
  const { keyring, batches } = h.app.enrolments;
  // Whoever has the key has any hardware ids that he likes.
  for (let i = 0; i < 1100; i++) await h.wait(keyring.lease(`${made.batch}/x${i}`, 16));
  left = 1;
  await expect(h.wait(batches.revoke(made.batch, true, operator))).rejects.toThrow();
  expect(keyring.find(made.batch, ascii("a"))).toBeUndefined();
  left = Number.POSITIVE_INFINITY;
  const after = await h.crash();
  expect(after.app.enrolments.keyring.find(made.batch, ascii("a"))).toBeUndefined();
  expect((await enrol(after, made, "b")).kind).toBe("ended");
  expect(await after.wait(after.app.enrolments.batches.revoke(made.batch, true, operator))).toEqual({
    nodes: ["lamp-a"],
  });
  expect(after.app.enrolments.batches.list()).toEqual([]);
  for (const table of ["batch", "batch-device"]) expect(await after.wait(after.storage.list(table))).toEqual([]);
  expect(await after.wait(after.storage.list("sender-sequence", { prefix: "enrolment:" }))).toEqual([]);
});

test("when its time is over a batch loses its key, its contexts are told of, and its devices keep what they have", async () => {
  const h = await new AppHarness().start();
  const made = await makeBatch(h, 10, ["a", "b"]);
  const { keyring, batches } = h.app.enrolments;
  const ended: string[] = [];
  keyring.onRevoked((kid) => ended.push(kid));
  const first = await enrol(h, made, "a");
  if (first.kind !== "enrolled") throw new Error(first.kind);
  expect(keyring.find(made.batch, ascii("b"))?.id).toBe(`${made.batch}/b`);
  for (const each of [undefined, ascii(""), ascii("c"), ascii("gw.0a"), ascii("A"), new Uint8Array(40)]) {
    expect(keyring.find(made.batch, each)).toBeUndefined();
  }
  await h.settle(hourMs + 11_000);
  expect(ended).toEqual([made.batch]);
  expect((await h.wait(h.storage.get("batch", made.batch)))?.value).not.toHaveProperty("sealed");
  expect(keyring.find(made.batch, ascii("b"))).toBeUndefined();
  expect(await enrol(h, made, "b")).toEqual({ kind: "ended" });
  expect(batches.list()[0]).toMatchObject({ state: "expired", enrolled: 1 });
  expect(h.app.credentials.keyring.find(first.kid)?.node).toBe("lamp-a");
});

test("numbers of a device's context go on over crashes, and end with its batch", async () => {
  const h = await new AppHarness().start();
  const made = await makeBatch(h);
  const id = `${made.batch}/a`;
  const first = (await h.wait(h.app.enrolments.keyring.lease(id, 100))) ?? Number.NaN;
  expect((await h.wait(h.app.enrolments.keyring.lease(id, 100))) ?? 0).toBeGreaterThanOrEqual(first + 100);
  const after = await h.crash();
  expect((await after.wait(after.app.enrolments.keyring.lease(id, 100))) ?? 0).toBeGreaterThanOrEqual(first + 200);
  await after.wait(after.app.enrolments.batches.revoke(made.batch, false, operator));
  expect(await after.wait(after.app.enrolments.keyring.lease(id, 100))).toBeUndefined();
  expect(await after.wait(after.storage.list("sender-sequence"))).toEqual([]);
});

test("no room for another batch is said, and a device that is let in once more has a day for it", async () => {
  const h = await new AppHarness({ limits: { batches: 1 } }).start();
  const made = await makeBatch(h);
  const plan = { model: "lamp", limit: 1, lifeMs: 100 * hourMs };
  expect(await h.wait(h.app.enrolments.batches.create(plan, operator))).toBe("full");
  await h.wait(h.app.enrolments.batches.revoke(made.batch, false, operator));
  const other = await h.wait(h.app.enrolments.batches.create(plan, operator));
  if (other === "full") throw new Error(other);
  const first = await enrol(h, other, "a");
  if (first.kind !== "enrolled") throw new Error(first.kind);
  h.app.credentials.keyring.used(first.kid);
  await h.settle(1000);
  expect((await enrol(h, other, "a")).kind).toBe("taken");
  await h.wait(h.app.enrolments.batches.reopen(other.batch, "a", operator));
  await h.settle(25 * hourMs);
  expect((await enrol(h, other, "a")).kind).toBe("taken");
  expect((await h.wait(h.app.enrolments.batches.devices(other.batch)))?.[0]?.state).toBe("used");
});

test("a node that is revoked while its device enrols, by a code or a batch, is left with nothing", async () => {
  const h = await new AppHarness().start();
  const made = await makeBatch(h);
  const claim = await h.wait(h.app.enrolments.createClaim("porch", hourMs, operator));
  if (claim === "full") throw new Error(claim);
  for (const [id, node] of [
    [claim.claim, "porch"],
    [`${made.batch}/a`, "lamp-a"],
  ] as const) {
    const enrolled = h.app.enrolments.enrol(id, "192.0.2.9");
    const revoked = h.app.credentials.revoke(node, operator);
    await h.wait(Promise.all([enrolled, revoked]));
    expect([node, h.app.credentials.has(node), await good(h, node)]).toEqual([node, false, 0]);
    expect((await h.wait(h.app.enrolments.enrol(id, "192.0.2.9"))).kind).not.toBe("enrolled");
  }
});

test("who names devices without end costs no more than so many keys a second, and the next second is others' too", async () => {
  const h = await new AppHarness({ limits: { batchContextsPerSecond: 3 } }).start();
  const { batch } = await makeBatch(h, 10, ["a", "b"]);
  const find = (hardware: string) => h.app.enrolments.keyring.find(batch, ascii(hardware)) !== undefined;
  // What is in no list costs nothing.
  for (let i = 0; i < 10; i++) expect(find(`x${i}`)).toBe(false);
  expect([find("a"), find("b"), find("a"), find("b"), find("a")]).toEqual([true, true, true, false, false]);
  await h.settle(1000);
  expect(find("b")).toBe(true);
});

test("who has a batch's key and names devices without end fills so many rows, and a device that was answered goes on", async () => {
  const h = await new AppHarness({ limits: { batchStrangers: 3 } }).start();
  const made = await makeBatch(h, 2);
  const lease = (on: AppHarness, hardware: string) =>
    on.wait(on.app.enrolments.keyring.lease(`${made.batch}/${hardware}`, 16));
  const answered: string[] = [];
  for (let i = 0; i < 8; i++) if ((await lease(h, `x${i}`)) !== undefined) answered.push(`x${i}`);
  expect(answered).toEqual(["x0", "x1", "x2", "x3", "x4"]);
  const rows = async (on: AppHarness) => (await on.wait(on.storage.list("sender-sequence"))).length;
  expect(await rows(h)).toBe(5);
  await h.settle(100);
  const { entries } = (await h.wait(h.app.audit.list({ limit: 50 }))) ?? { entries: [] };
  const refused = entries.filter(({ entry }) => JSON.stringify(entry).includes('"too-many-names"'));
  expect(refused.map(({ subject }) => subject)).toEqual([`batch/${made.batch}`]);
  expect(JSON.stringify(refused[0]?.entry)).toContain('"hardware":"x5"');
  // The next process counts them as well, and the time of the batch ends them.
  const after = await h.crash();
  expect([await lease(after, "x6"), await lease(after, "x1")]).toEqual([undefined, expect.any(Number)]);
  await after.settle(hourMs + 11_000);
  expect([await rows(after), await lease(after, "x1")]).toEqual([0, undefined]);
  expect(after.app.enrolments.batches.list()[0]?.state).toBe("expired");
});

test("a lease whose commit fails takes no place", async () => {
  let left = Number.POSITIVE_INFINITY;
  const h = await new AppHarness({ limits: { batchStrangers: 0 }, failsCommit: () => left-- <= 0 }).start();
  const made = await makeBatch(h, 1);
  left = 0;
  await expect(h.wait(h.app.enrolments.keyring.lease(`${made.batch}/a`, 16))).rejects.toThrow();
  left = Number.POSITIVE_INFINITY;
  expect(await h.wait(h.app.enrolments.keyring.lease(`${made.batch}/a`, 16))).toEqual(expect.any(Number));
});
