import { expect, test } from "vitest";
import type { Entropy } from "../../kernel/entropy.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { kidFor } from "../domain/node-credential.ts";
import { IssueGate } from "./issue-gate.ts";

/** Draws these numbers. */
function drawing(numbers: number[]): Entropy {
  return Object.assign(Object.create(seededEntropy(1)) as Entropy, { uint32: () => numbers.shift() ?? 0 });
}

const table = { find: (kid: number) => (kid === kidFor("a", 9) ? 3 : -1), has: () => false, nodes: 0, capacity: 10 };

test("two issues at once draw the same number, or one that is in use, and get kids of their own", async () => {
  const gate = new IssueGate({ table, entropy: drawing([7, 9, 7, 8]), atOnce: 2, maxWaiting: 0 });
  let end: () => void = () => {};
  const open = new Promise<void>((resolve) => {
    end = resolve;
  });
  const issue = async (kid: number) => {
    await open;
    return kid;
  };
  const both = [gate.run("a", issue), gate.run("a", issue)];
  end();
  expect(await Promise.all(both)).toEqual([kidFor("a", 7), kidFor("a", 8)]);
});

test("what failed to be issued takes no place and no kid", async () => {
  const gate = new IssueGate({
    table: { ...table, capacity: 1 },
    entropy: drawing([7, 7]),
    atOnce: 1,
    maxWaiting: 0,
  });
  await expect(gate.run("a", () => Promise.reject(new Error("disk")))).rejects.toThrow("disk");
  expect(await gate.run("a", (kid) => Promise.resolve(kid))).toBe(kidFor("a", 7));
});
