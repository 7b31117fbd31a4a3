import fc from "fast-check";
import { expect, it } from "vitest";
import { chainHash, chainStart } from "./audit-chain.ts";
import { AuditVerifier, type ChainHead, type HashedEntry } from "./audit-verifier.ts";

const partition = 5;

function chain(length: number): HashedEntry[] {
  const entries: HashedEntry[] = [];
  for (let sequence = 1; sequence <= length; sequence++) {
    const entry = { partition, sequence, wallMs: 1000 + sequence, key: `node/n${sequence}`, text: `{"n":${sequence}}` };
    entries.push({ ...entry, hash: chainHash(entries.at(-1)?.hash ?? chainStart, entry) });
  }
  return entries;
}

function rechained(entries: readonly HashedEntry[]): HashedEntry[] {
  const fresh: HashedEntry[] = [];
  for (const entry of entries) fresh.push({ ...entry, hash: chainHash(fresh.at(-1)?.hash ?? chainStart, entry) });
  return fresh;
}

const headOf = (entries: readonly HashedEntry[]): ChainHead => {
  const { sequence, hash } = entries.at(-1)!;
  return { partition, sequence, hash };
};

function problems(entries: readonly HashedEntry[], heads: readonly ChainHead[] = []): unknown {
  const verifier = new AuditVerifier(partition, heads);
  for (const entry of entries) verifier.add(entry);
  return verifier.end().map(({ partition: _, ...problem }) => problem);
}

const whole = chain(9);

it.each([
  ["its text", { text: '{"n":40}' }],
  ["its time", { wallMs: 1 }],
  ["its subject", { key: "node/other" }],
  ["its hash", { hash: "ab".repeat(32) }],
] satisfies [string, Partial<HashedEntry>][])("names the entry of which somebody altered %s", (_, change) => {
  const entries = whole.map((each) => (each.sequence === 4 ? { ...each, ...change } : each));
  expect(problems(entries)).toContainEqual({ kind: "altered", sequence: 4 });
});

it("names the entry alone when its text was altered, not those that follow", () => {
  const entries = whole.map((each) => (each.sequence === 4 ? { ...each, text: "1" } : each));
  expect(problems(entries)).toEqual([{ kind: "altered", sequence: 4 }]);
});

it("names the next one when text and hash were altered together", () => {
  const altered = rechained(whole.map((each) => (each.sequence === 4 ? { ...each, text: "1" } : each)))[3]!;
  expect(problems(whole.with(3, altered))).toEqual([{ kind: "altered", sequence: 5 }]);
});

it("names those that are missing in the middle and at the beginning", () => {
  expect(problems(whole.filter(({ sequence }) => sequence !== 4))).toEqual([{ kind: "missing", sequence: 4 }]);
  expect(problems(whole.slice(3))).toEqual([{ kind: "missing", sequence: 1, through: 3 }]);
});

it("names two that changed places, and where they belong", () => {
  const [fourth, fifth] = [whole[3]!, whole[4]!];
  const entries = whole.with(3, { ...fifth, sequence: 4 }).with(4, { ...fourth, sequence: 5 });
  expect(problems(entries)).toEqual([
    { kind: "reordered", sequence: 4, belongsAt: 5 },
    { kind: "reordered", sequence: 5, belongsAt: 4 },
  ]);
});

it("finds a cut tail and a chain made anew by a head that was written down, and not without one", () => {
  const cut = whole.slice(0, 6);
  expect(problems(cut, [headOf(whole)])).toEqual([{ kind: "cut", sequence: 7, through: 9 }]);
  const anew = rechained(whole.map((each) => (each.sequence === 2 ? { ...each, text: "1" } : each)));
  expect(problems(anew, [headOf(whole)])).toEqual([{ kind: "rewritten", sequence: 9 }]);
  expect(problems([], [headOf(whole)])).toEqual([{ kind: "cut", sequence: 1, through: 9 }]);
  expect(problems(cut)).toEqual([]);
  expect(problems(anew)).toEqual([]);
});

it("finds nothing in a chain that is whole, with every head that it ever had", () => {
  expect(problems(whole, [headOf(whole), headOf(whole.slice(0, 3))])).toEqual([]);
});

it("finds any one change of any entry", () => {
  const change = fc.record({ at: fc.nat(8), what: fc.constantFrom("text", "key", "hash") as fc.Arbitrary<"text"> });
  fc.assert(
    fc.property(change, fc.string({ minLength: 1 }), ({ at, what }, text) => {
      const entries = whole.with(at, { ...whole[at]!, [what]: `${whole[at]![what]}${text}` });
      expect(problems(entries, [headOf(whole)])).not.toEqual([]);
    }),
  );
});

it("hashes the same after a value was read from JSON and written again", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(JSON.stringify(JSON.parse(text))).toBe(text);
    }),
  );
});
