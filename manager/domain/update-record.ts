import type { Update } from "../../schemas/generated/types.ts";

/** An update as it is stored. */
export interface UpdateRecord {
  readonly body: Update;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly hasManifest: boolean;
  readonly isWithdrawn: boolean;
}

/** What the operator said, without what only the manager says; targets are a set. */
export function updateBody(update: Update): Update {
  const { state: _, created: __, manifest: ___, targets, ...body } = update;
  return { ...body, ...(targets !== undefined && { targets: [...new Set(targets)].sort() }) };
}

/** Whether two bodies ask for the same, whatever the order of their properties and targets. */
export function isSameUpdate(a: Update, b: Update): boolean {
  return canonical(updateBody(a)) === canonical(updateBody(b));
}

/** Whether the update is meant for a node: named, or of its model when nobody is named. A node of unknown model only when named. */
export function isTarget({ targets, model }: Update, node: { readonly id: string; readonly model: string }): boolean {
  if (targets !== undefined) return (targets as readonly string[]).includes(node.id);
  return model !== undefined && model === node.model && node.model !== "unknown";
}

/** Whether the model forbids it: only where both sides name one. */
export function isWrongModel({ model }: Update, node: { readonly model: string }): boolean {
  return model !== undefined && node.model !== "unknown" && model !== node.model;
}

function canonical(body: Update): string {
  return JSON.stringify(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));
}
