/** A digest that rolled back on nodes of a model. Quarantined after enough of them: offered to nobody until a person lifts it. */
export interface QuarantineRecord {
  readonly digest: string;
  readonly model: string;
  /** Nodes on which it rolled back since it was last lifted; no more than are needed. */
  readonly nodes: readonly string[];
  readonly sinceMs?: number;
  readonly lifted?: { readonly by: string; readonly atMs: number };
}

export const quarantineAfter = 3;

export function isQuarantined({ sinceMs }: QuarantineRecord): boolean {
  return sinceMs !== undefined;
}

/**
 * Another node rolled the image back. The same record when that changes nothing: a node counts once, and `manager-unreachable` never, since it
 * says that we weren't there and nothing of the image.
 */
export function rolledBack(
  record: QuarantineRecord,
  node: string,
  reason: string | undefined,
  nowMs: number,
  after: number = quarantineAfter,
): QuarantineRecord {
  if (reason === "manager-unreachable" || isQuarantined(record) || record.nodes.includes(node)) return record;
  const nodes = [...record.nodes, node];
  return { ...record, nodes, ...(nodes.length >= after && { sinceMs: nowMs }) };
}

/** Counting begins anew: the same nodes may roll it back again. */
export function lifted({ digest, model }: QuarantineRecord, by: string, nowMs: number): QuarantineRecord {
  return { digest, model, nodes: [], lifted: { by, atMs: nowMs } };
}
