import type { Storage } from "../ports/storage.ts";
import type { HealthBook } from "./health-book.ts";
import { type NodeRecord, nodeTable } from "./node-record.ts";

export interface ImageOfParts {
  readonly isRegistered: (node: string) => boolean;
  readonly storage: Pick<Storage, "get">;
  readonly health: Pick<HealthBook, "latest">;
}

/** Which model a node is and which image it runs, by its last report or else by its manifest; undefined when that isn't known. */
export async function imageOf(
  node: string,
  { isRegistered, storage, health }: ImageOfParts,
): Promise<{ readonly model: string; readonly digest: string | undefined } | undefined> {
  if (!isRegistered(node)) return undefined;
  const stored = await storage.get(nodeTable, node);
  const { manifest } = (stored?.value ?? {}) as Partial<NodeRecord>;
  const digest = health.latest(node)?.value.digest ?? manifest?.digest;
  return manifest && { model: manifest.model ?? "unknown", digest };
}
