import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AuditVerifier } from "../../manager/audit/audit-verifier.ts";
import type { Change, Lease, PutChange } from "../../manager/ports/storage.ts";
import { type StorageSubject, storageSubjects, until } from "./storage-subjects.ts";

const lease: Lease = { partition: 7, epoch: 1 };

const put = (key: string, value: unknown, expectedRevision: number | "any" = "any", onlyWith?: number): PutChange => ({
  kind: "put",
  table: "node",
  key,
  expectedRevision,
  value,
  ...(onlyWith !== undefined && { onlyWith }),
});
const event = (key: string, value: unknown, onlyWith?: number): Change => ({
  kind: "event",
  stream: "timeline",
  key,
  value,
  ...(onlyWith !== undefined && { onlyWith }),
});

describe.each(storageSubjects)("storage contract: $name", ({ make }) => {
  let subject: StorageSubject;
  let seed = 1;
  beforeEach(() => {
    subject = make(seed++);
  });
  afterEach(() => subject.dispose());
  const wait = <Result>(promise: Promise<Result>): Promise<Result> => until(subject.clock, promise);
  const commit = (...changes: Change[]) => wait(subject.storage.commit(changes, lease));

  describe("refuses", () => {
    it.each([
      ["a commit without changes", []],
      ["a value that isn't plain data", [put("a", () => 1)]],
      ["a cyclic value", [put("a", cyclic())]],
      ["an empty key", [put("", 1)]],
      ["a key outside ASCII", [put("é", 1)]],
      ["a key that is too long", [put("k".repeat(257), 1)]],
      ["a value that is too long", [put("a", "x".repeat(1_048_577))]],
      ["a table with a bad name", [{ ...put("a", 1), table: "x; drop" }]],
      ["a negative revision", [put("a", 1, -1)]],
      ["an onlyWith that looks ahead", [put("a", 1, "any", 0)]],
    ] satisfies [string, Change[]][])("%s, whole, and writes nothing", async (_, bad) => {
      const changes = bad.length === 0 ? [] : [put("good", 1), ...bad.map(shift)];
      await expect(wait(subject.storage.commit(changes, lease))).rejects.toMatchObject({ code: "storage.bad-change" });
      expect(await wait(subject.storage.get("node", "good"))).toBeUndefined();
    });

    it("an old epoch, alone among the commits of its group", async () => {
      const [first] = await wait(subject.storage.claim([7]));
      const [second] = await wait(subject.storage.claim([7]));
      expect(second?.epoch).toBeGreaterThan(first!.epoch);
      const stale = subject.storage.commit([put("a", 1)], first!);
      stale.catch(() => undefined);
      const good = subject.storage.commit([put("b", 1)], second!);
      const elsewhere = subject.storage.commit([put("c", 1)], { partition: 8, epoch: 0 });
      await expect(wait(stale)).rejects.toMatchObject({ code: "storage.stale-epoch" });
      await wait(good);
      await wait(elsewhere);
      expect((await wait(subject.storage.list("node"))).map(({ key }) => key)).toEqual(["b", "c"]);
    });

    it("an old epoch after a restart too", async () => {
      await wait(subject.storage.claim([7]));
      const [second] = await wait(subject.storage.claim([7]));
      subject = await subject.reopen();
      const stale = subject.storage.commit([put("a", 1)], { partition: 7, epoch: second!.epoch - 1 });
      await expect(wait(stale)).rejects.toMatchObject({ code: "storage.stale-epoch" });
    });

    it("everything after close", async () => {
      await subject.storage.close();
      await expect(wait(subject.storage.commit([put("a", 1)], lease))).rejects.toMatchObject({
        code: "storage.closed",
      });
      await expect(wait(subject.storage.get("node", "a"))).rejects.toMatchObject({ code: "storage.closed" });
      subject = make(seed++);
    });
  });

  it("refuses a change whose expectation failed, alone", async () => {
    const first = await commit(put("a", 1, 0));
    const revision = first.results[0]?.kind === "written" ? first.results[0].revision : 0;
    expect(revision).toBeGreaterThan(0);
    const { results } = await commit(put("a", 2, 0), put("b", 2, 0), put("c", 2, 99));
    expect(results).toEqual([
      { kind: "conflict", revision },
      { kind: "written", revision: expect.any(Number) },
      { kind: "conflict", revision: 0 },
    ]);
    expect((await wait(subject.storage.get("node", "a")))?.value).toBe(1);
    expect((await wait(subject.storage.get("node", "b")))?.value).toBe(2);
  });

  it("lets exactly one of two writers win that read the same revision", async () => {
    await commit(put("a", { n: 0 }));
    const row = await wait(subject.storage.get("node", "a"));
    const writers = [1, 2, 3].map((n) => subject.storage.commit([put("a", { n }, row!.revision)], lease));
    const kinds = (await wait(Promise.all(writers))).map(({ results }) => results[0]?.kind);
    expect(kinds).toEqual(["written", "conflict", "conflict"]);
  });

  it("skips what depends on a refused change, down the chain, and only that", async () => {
    await commit(put("a", 1));
    const { results } = await commit(
      put("a", 2, 0),
      event("a", "two", 0),
      put("b", 2, 0, 1),
      put("c", 3),
      event("c", 3, 3),
    );
    expect(results.map(({ kind }) => kind)).toEqual(["conflict", "skipped", "skipped", "written", "recorded"]);
    expect(await wait(subject.storage.events("timeline", { key: "a" }))).toEqual([]);
  });

  it("makes revisions grow across deletes and restarts", async () => {
    const revisions: number[] = [];
    for (let round = 0; round < 3; round++) {
      const { results } = await commit(put("a", round, 0));
      if (results[0]?.kind === "written") revisions.push(results[0].revision);
      await commit({ kind: "delete", table: "node", key: "a", expectedRevision: revisions.at(-1)! });
      subject = await subject.reopen();
    }
    expect(revisions).toHaveLength(3);
    expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
  });

  it("deletes only what has the expected revision", async () => {
    await commit(put("a", 1));
    const refused = await commit({ kind: "delete", table: "node", key: "a", expectedRevision: 99 });
    expect(refused.results[0]?.kind).toBe("conflict");
    const absent = await commit({ kind: "delete", table: "node", key: "none", expectedRevision: "any" });
    expect(absent.results[0]?.kind).toBe("deleted");
  });

  it("copies values when commit is called", async () => {
    const value = { list: [1] };
    const receipt = subject.storage.commit([put("a", value)], lease);
    value.list.push(2);
    await wait(receipt);
    expect((await wait(subject.storage.get("node", "a")))?.value).toEqual({ list: [1] });
  });

  it("gives receipts in the order of the calls", async () => {
    const order: number[] = [];
    const all = Array.from({ length: 20 }, (_, n) =>
      subject.storage.commit([put(`k${n % 3}`, n)], lease).then(() => order.push(n)),
    );
    await wait(Promise.all(all));
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect((await wait(subject.storage.get("node", "k1")))?.value).toBe(19);
  });

  it("numbers events per stream and partition, without a gap, across restarts", async () => {
    await commit(event("a", 1), event("b", 2));
    await wait(subject.storage.commit([event("z", 1)], { partition: 9, epoch: 1 }));
    subject = await subject.reopen();
    const { results } = await commit(event("a", 3), { kind: "event", stream: "audit", key: "", value: "x" });
    expect(results).toEqual([
      { kind: "recorded", position: { partition: 7, sequence: 3 } },
      { kind: "recorded", position: { partition: 7, sequence: 1 } },
    ]);
    const events = await wait(subject.storage.events("timeline", { partition: 7 }));
    expect(events.map(({ position, value }) => [position.sequence, value])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
    expect(events[0]?.wallMs).toBeGreaterThan(0);
  });

  it("reads events of one key, newest first, after a position, bounded", async () => {
    await commit(...[1, 2, 3, 4].map((n) => event("a", n)), event("b", 9));
    const values = async (range: Parameters<typeof subject.storage.events>[1]) =>
      (await wait(subject.storage.events("timeline", range))).map(({ value }) => value);
    expect(await values({ key: "a", newestFirst: true, limit: 2 })).toEqual([4, 3]);
    expect(await values({ key: "a", afterSequence: 2 })).toEqual([3, 4]);
    expect(await values({ key: "nobody" })).toEqual([]);
  });

  it("trims one key's timeline to its newest, and nothing else", async () => {
    await commit(...[1, 2, 3, 4].map((n) => event("a", n)), event("b", 9));
    await commit({ kind: "event", stream: "audit", key: "a", value: "kept" });
    await wait(subject.storage.trimTimeline("a", 2));
    await wait(subject.storage.trimTimeline("b", 2));
    const left = await wait(subject.storage.events("timeline", {}));
    expect(left.map(({ key, value }) => [key, value])).toEqual([
      ["a", 3],
      ["a", 4],
      ["b", 9],
    ]);
    expect(await wait(subject.storage.events("audit", {}))).toHaveLength(1);
  });

  describe("chains audit events", () => {
    const audited = (key: string, value: unknown, onlyWith?: number): Change => ({
      ...{ kind: "event", stream: "audit", key, value },
      ...(onlyWith !== undefined && { onlyWith }),
    });
    const verify = async (partition: number): Promise<unknown> => {
      const verifier = new AuditVerifier(partition, await wait(subject.storage.auditHeads()));
      for (const { position, wallMs, key, value, hash } of await wait(subject.storage.events("audit", { partition }))) {
        verifier.add({ ...position, wallMs, key, text: JSON.stringify(value), hash: hash ?? "" });
      }
      return { entries: verifier.entries, problems: verifier.end() };
    };

    it("within their partition, across groups, refused changes, lost commits and restarts", async () => {
      await commit(audited("a", { n: 1 }), event("a", "no audit"), audited("b", "ünïcode \u2028"));
      await commit(put("taken", 1));
      const { results } = await commit(put("taken", 2, 0), audited("a", "not done", 0), audited("a", null));
      expect(results.map(({ kind }) => kind)).toEqual(["conflict", "skipped", "recorded"]);
      await wait(subject.storage.commit([audited("z", 1)], { partition: 9, epoch: 1 }));
      const stale = subject.storage.commit([audited("a", "stale")], { partition: 7, epoch: 0 });
      await wait(subject.storage.claim([7]));
      await wait(stale.catch(() => undefined));
      subject = await subject.reopen();
      await wait(subject.storage.commit([audited("a", 4)], { partition: 7, epoch: 9 }));
      expect(await verify(7)).toMatchObject({ problems: [] });
      expect(await verify(9)).toEqual({ entries: 1, problems: [] });
      const heads = await wait(subject.storage.auditHeads());
      const events = await wait(subject.storage.events("audit", { partition: 7 }));
      expect(heads.find(({ partition }) => partition === 7)).toEqual({
        ...events.at(-1)?.position,
        hash: events.at(-1)?.hash,
      });
      expect((await wait(subject.storage.events("timeline", {})))[0]).not.toHaveProperty("hash");
    });

    it("and reads them by time over all partitions, a page at a time", async () => {
      for (const [at, partition] of [7, 3, 7, 200].entries()) {
        await wait(subject.storage.commit([audited("a", at), event("a", at)], { partition, epoch: 1 }));
        await subject.clock.advance(10);
      }
      const page = await wait(subject.storage.events("audit", { byTime: {}, limit: 3 }));
      expect(page.map(({ value }) => value)).toEqual([3, 2, 1]);
      const { position, wallMs } = page.at(-1)!;
      const rest = await wait(subject.storage.events("audit", { byTime: { before: { ...position, wallMs } } }));
      expect(rest.map(({ value }) => value)).toEqual([0]);
    });
  });

  it("lists in key order, by prefix, after a key, bounded, one table at a time", async () => {
    await commit(...["b", "a/2", "a/1", "a-", "c"].map((key) => put(key, key)));
    await commit({ ...put("a/1", "other"), table: "update" });
    const keys = async (range?: Parameters<typeof subject.storage.list>[1]) =>
      (await wait(subject.storage.list("node", range))).map(({ key }) => key);
    expect(await keys()).toEqual(["a-", "a/1", "a/2", "b", "c"]);
    expect(await keys({ prefix: "a/" })).toEqual(["a/1", "a/2"]);
    expect(await keys({ after: "a/1", limit: 2 })).toEqual(["a/2", "b"]);
    expect(await keys({ prefix: "a/", after: "a/2" })).toEqual([]);
  });

  it("keeps what was receipted across a restart", async () => {
    await commit(put("a", { text: "ünïcode \u0000 \u2028", n: 1.5, yes: true, nothing: null }));
    subject = await subject.reopen();
    expect((await wait(subject.storage.get("node", "a")))?.value).toEqual({
      text: "ünïcode \u0000 \u2028",
      n: 1.5,
      yes: true,
      nothing: null,
    });
  });
});

function cyclic(): unknown {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}

/** The bad change stands second, so an index it names moves by one. */
function shift(change: Change): Change {
  return change.onlyWith === undefined ? change : { ...change, onlyWith: change.onlyWith + 1 };
}
