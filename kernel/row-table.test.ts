import fc from "fast-check";
import { expect, test } from "vitest";
import { RowTable } from "./row-table.ts";
import { TextRowTable } from "./text-row-table.ts";

const columns = { value: "f64", flags: "u8" } as const;

test.each([0, -1, 1.5, Number.NaN, 2 ** 28 + 1])("a capacity of %s is refused", (capacity) => {
  expect(() => new RowTable({ capacity, columns })).toThrow(RangeError);
});

test.each([-1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
  "a key of %s is refused on insertion and never found",
  (key) => {
    const table = new RowTable({ capacity: 4, columns });
    expect(() => table.insert(key)).toThrow(RangeError);
    expect(table.find(key)).toBe(-1);
  },
);

test("a full table says so, keeps what it has, and takes a new key after a removal", () => {
  const table = new RowTable({ capacity: 3, columns });
  for (const key of [1, 2, 3]) expect(table.insert(key)).not.toBe(-1);
  expect(table.isFull).toBe(true);
  expect(table.insert(4)).toBe(-1);
  expect(table.insert(2)).toBe(table.find(2));
  expect(table.remove(1)).toBe(true);
  expect(table.remove(1)).toBe(false);
  expect(table.insert(4)).not.toBe(-1);
  expect(table.size).toBe(3);
});

test("a row that is used again starts from 0", () => {
  const table = new RowTable({ capacity: 1, columns });
  const row = table.insert(7);
  table.columns.value[row] = 3.5;
  table.columns.flags[row] = 9;
  table.removeRow(row);
  expect(table.isLive(row)).toBe(false);
  expect(table.insert(8)).toBe(row);
  expect([table.columns.value[row], table.columns.flags[row]]).toEqual([0, 0]);
});

test("what isn't a live row can't be removed", () => {
  const table = new RowTable({ capacity: 4, columns });
  table.insert(1);
  for (const row of [-1, 1, 4, Number.NaN]) expect(table.removeRow(row)).toBe(false);
  expect(table.size).toBe(1);
});

test("a removed text key isn't kept alive", () => {
  const table = new TextRowTable({ capacity: 2, columns });
  const row = table.insert("node-1");
  table.remove("node-1");
  expect(table.keyOf(row)).toBeUndefined();
});

test("keys that differ in their upper half only are kept apart", () => {
  const table = new RowTable({ capacity: 64, columns });
  for (let i = 0; i < 64; i++) table.columns.value[table.insert(i * 2 ** 40)] = i;
  for (let i = 0; i < 64; i++) expect(table.columns.value[table.find(i * 2 ** 40)]).toBe(i);
});

interface AnyTable<Key> {
  size: number;
  columns: { value: Float64Array };
  find(key: Key): number;
  insert(key: Key): number;
  remove(key: Key): boolean;
  keyOf(row: number): Key | undefined;
  nextRow(row: number): number;
}

/** Plays any sequence of operations on a table and on a Map, and compares them after each. */
function behavesLikeMap<Key>(key: fc.Arbitrary<Key>, build: (capacity: number) => AnyTable<Key>): void {
  const operation = fc.tuple(fc.constantFrom("insert", "insert", "remove", "find"), key, fc.nat());
  fc.assert(
    fc.property(
      fc.constantFrom(1, 3, 8, 16, 32),
      fc.array(operation, { maxLength: 400, size: "max" }),
      (capacity, operations) => {
        const table = build(capacity);
        const model = new Map<Key, { row: number; value: number }>();
        for (const [kind, subject, value] of operations) {
          const known = model.get(subject);
          if (kind === "find") expect(table.find(subject)).toBe(known?.row ?? -1);
          if (kind === "remove") expect(table.remove(subject)).toBe(model.delete(subject));
          if (kind === "insert") {
            const row = table.insert(subject);
            if (known !== undefined) expect(row).toBe(known.row);
            else if (model.size === capacity) expect(row).toBe(-1);
            else expect(row).not.toBe(-1);
            if (row !== -1) {
              table.columns.value[row] = value;
              model.set(subject, { row, value });
            }
          }
          expect(table.size).toBe(model.size);
          for (const [each, { row, value: expected }] of model) {
            if (table.find(each) !== row || table.columns.value[row] !== expected) expect.fail(`lost ${String(each)}`);
          }
        }
        const walked: unknown[] = [];
        for (let row = table.nextRow(0); row !== -1; row = table.nextRow(row + 1)) walked.push(table.keyOf(row));
        expect(new Set(walked)).toEqual(new Set(model.keys()));
        expect(walked).toHaveLength(model.size);
      },
    ),
  );
}

test("numbers: behaves like a Map of fixed capacity, with rows that stay", () => {
  // Few distinct keys, close and far apart, so that runs form, wrap around and are broken up.
  const key = fc.oneof(fc.nat(40), fc.constantFrom(2 ** 32, 2 ** 32 + 1, 2 ** 40, 2 ** 53 - 1, 0xffff_ffff));
  behavesLikeMap(key, (capacity) => new RowTable({ capacity, columns, hashSeed: capacity }));
});

test("text: behaves like a Map of fixed capacity, with rows that stay", () => {
  const key = fc.oneof(
    fc.string({ maxLength: 2 }),
    fc.constantFrom("", "__proto__", "constructor", "node-1", "node-2", "\u{1F600}"),
  );
  behavesLikeMap(key, (capacity) => new TextRowTable({ capacity, columns, hashSeed: capacity }));
});

test("stays right when full and churned for long: no trace of the removed is left", () => {
  const table = new RowTable({ capacity: 1000, columns });
  for (let key = 0; key < 200_000; key++) {
    if (key >= 1000 && !table.remove(key - 1000)) expect.fail(`lost ${key - 1000}`);
    if (table.insert(key) === -1) expect.fail(`no room for ${key}`);
  }
  expect(table.size).toBe(1000);
  for (let key = 199_000; key < 200_000; key++) expect(table.find(key)).not.toBe(-1);
  expect(table.find(5)).toBe(-1);
});
