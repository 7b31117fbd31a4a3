import fc from "fast-check";
import { expect, it } from "vitest";
import { RecentMap } from "./recent-map.ts";

it("keeps at least the half that was used last, never more than its capacity, and what it gives is what was set", () => {
  const key = fc.integer({ min: 0, max: 40 }).map(String);
  const steps = fc.array(fc.record({ kind: fc.constantFrom("set", "get", "delete"), key, value: fc.nat() }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), steps, (capacity, all) => {
      const map = new RecentMap<number>({ capacity });
      const model = new Map<string, number>();
      for (const step of all) {
        if (step.kind === "set") {
          map.set(step.key, step.value);
          model.delete(step.key);
          model.set(step.key, step.value);
        } else if (step.kind === "delete") {
          map.delete(step.key);
          model.delete(step.key);
          expect(map.get(step.key)).toBeUndefined();
        } else {
          const got = map.get(step.key);
          if (got !== undefined) {
            expect(got).toBe(model.get(step.key));
            model.delete(step.key);
            model.set(step.key, got);
          }
        }
        expect(map.size).toBeLessThanOrEqual(capacity);
        const newest = [...model.keys()].slice(-Math.floor(capacity / 2));
        for (const recent of newest) expect(map.has(recent)).toBe(true);
      }
    }),
  );
});
