import type { NodeWalk, Registry } from "./api/registry.ts";
import type { ModelFacts } from "./envelope-check.ts";

const pageSize = 1000;

/** Looks at every registered node of the model: once for each upload, page by page. */
export async function modelFacts(registry: Pick<Registry, "walk">, model: string): Promise<ModelFacts> {
  let slotSize: number | undefined;
  // A fleet runs few different images; of each the highest number is enough.
  const highest = new Map<string | undefined, number>();
  for (let after: string | undefined = ""; after !== undefined; ) {
    const step: NodeWalk = await registry.walk({ model, after, limit: pageSize });
    for (const { manifest } of step.nodes) {
      if (manifest.slotSize !== undefined) slotSize = Math.max(slotSize ?? 0, manifest.slotSize);
      if (manifest.seq !== undefined)
        highest.set(manifest.digest, Math.max(highest.get(manifest.digest) ?? 0, manifest.seq));
    }
    after = step.next;
  }
  return { slotSize, running: [...highest].map(([digest, sequence]) => ({ digest, sequence })) };
}
