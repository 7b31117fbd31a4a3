import { describe, expect, it } from "vitest";
import type { Clock } from "../../kernel/clock.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { TwinContent, TwinStorage } from "../../manager/adapters/storage/twin-storage.ts";
import type { NodeView, NodeWalk } from "../../manager/app/api/registry.ts";
import { FleetTable } from "../../manager/app/fleet-table.ts";
import { nodeTable } from "../../manager/app/node-record.ts";
import { NodeSearch } from "../../manager/app/node-search.ts";

const fleetSize = 11_000;
const rare = (node: string): boolean => node.endsWith("77");

function build(): { search: NodeSearch; wait<T>(promise: Promise<T>): Promise<T>; mostInOneTurn(): number } {
  const content = new TwinContent();
  const fleet = new FleetTable({ capacity: fleetSize, hashSeed: 1 });
  const rows = new Map<string, { revision: number; text: string }>();
  for (let n = 0; n < fleetSize; n++) {
    const id = `n${String(n).padStart(5, "0")}`;
    rows.set(id, { revision: n + 1, text: JSON.stringify({ manifest: { model: rare(id) ? "rare" : "sensor" } }) });
    fleet.rows.insert(id);
  }
  content.tables.set(nodeTable, rows);
  const virtual = new VirtualClock();
  const storage = new TwinStorage({ clock: virtual, entropy: seededEntropy(1), maxDelayMs: 0, content });
  let looked = 0;
  let most = 0;
  const clock: Clock = {
    monotonicMs: () => virtual.monotonicMs(),
    wallMs: () => virtual.wallMs(),
    after(delayMs, callback) {
      looked = 0;
      return virtual.after(delayMs, callback);
    },
  };
  const search = new NodeSearch({
    ...{ storage, fleet, clock },
    view(id, { manifest }) {
      most = Math.max(most, ++looked);
      return { id, manifest, labels: { tags: [] } } as unknown as NodeView;
    },
  });
  const wait = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const settled = promise.finally(() => {
      isOver = true;
    });
    for (let i = 0; i < 1_000 && !isOver; i++) await virtual.advance(1);
    looked = 0;
    return await settled;
  };
  return { search, wait, mostInOneTurn: () => most };
}

describe("a search through a large fleet", () => {
  it("looks at a few hundred nodes in one turn, by page and by walk, whatever matches", async () => {
    const { search, wait, mostInOneTurn } = build();
    const { nodes, total } = await wait(search.list({ model: "rare", page: 1, count: 20 }));
    expect([nodes.length, total, nodes[0]?.id]).toEqual([20, 110, "n02077"]);
    const step = await wait(search.walk({ model: "none" }));
    expect(step).toEqual({ nodes: [], next: "n09999" });
    expect(await wait(search.walk({ model: "none", after: "n09999" }))).toEqual({ nodes: [] });
    expect(mostInOneTurn()).toBeGreaterThan(0);
    expect(mostInOneTurn()).toBeLessThanOrEqual(500);
  });

  it("names no node that its asker doesn't see, nor does it look at one", async () => {
    const { search, wait } = build();
    const asked = { model: "sensor", within: rare };
    expect(await wait(search.walk(asked))).toEqual({ nodes: [] });
    const half = (node: string): boolean => Number(node.slice(1)) % 2 === 0;
    const all = new Set<string>();
    for (let after: string | undefined = ""; after !== undefined; ) {
      const step: NodeWalk = await wait(search.walk({ model: "sensor", within: half, limit: 1000, after }));
      if (step.next !== undefined) expect(half(step.next)).toBe(true);
      for (const { id } of step.nodes) all.add(id);
      after = step.next;
    }
    expect(all.size).toBe(fleetSize / 2);
    const tail = (node: string): boolean => node >= "n00500";
    expect((await wait(search.walk({ model: "none", within: tail }))).next).toBe("n10499");
    expect(await wait(search.list({ within: tail, count: 1 }))).toMatchObject({ total: 10_500 });
  });
});
