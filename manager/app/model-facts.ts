import type { NodeManifest } from "../../schemas/generated/types.ts";
import type { NodeWalk, Registry } from "./api/registry.ts";
import type { ModelFacts } from "./envelope-check.ts";

const pageSize = 1000;

/** Looks at every registered node of the model, or at these alone: once for each upload, page by page. */
export async function modelFacts(
  registry: Pick<Registry, "walk" | "find">,
  model: string,
  nodes?: readonly string[],
): Promise<ModelFacts> {
  let slotSize: number | undefined;
  let smallestSlot: number | undefined;
  let count = 0;
  // A fleet runs few different images; of each the highest number is enough.
  const highest = new Map<string | undefined, number>();
  const look = ({ slotSize: room, seq, digest }: NodeManifest): void => {
    count++;
    if (room !== undefined) {
      slotSize = Math.max(slotSize ?? 0, room);
      smallestSlot = Math.min(smallestSlot ?? room, room);
    }
    if (seq !== undefined) highest.set(digest, Math.max(highest.get(digest) ?? 0, seq));
  };
  for (const node of nodes ?? []) {
    const found = await registry.find(node);
    if (found !== undefined) look(found.manifest);
  }
  for (let after: string | undefined = nodes === undefined ? "" : undefined; after !== undefined; ) {
    const step: NodeWalk = await registry.walk({ model, after, limit: pageSize });
    for (const { manifest } of step.nodes) look(manifest);
    after = step.next;
  }
  return {
    nodes: count,
    slotSize,
    smallestSlot,
    running: [...highest].map(([digest, sequence]) => ({ digest, sequence })),
  };
}
