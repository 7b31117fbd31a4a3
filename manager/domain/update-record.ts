import type { Update } from "../../schemas/generated/types.ts";

/** An update as it is stored. */
export interface UpdateRecord {
  readonly body: Update;
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Rows of before signatures were checked may have an envelope that nobody checked, and no `signed`. */
  readonly hasManifest: boolean;
  /** What its envelope says, whose signature was checked; absent: it is unsigned. */
  readonly signed?: SignedUpdate;
  readonly isWithdrawn: boolean;
}

/** Of a checked envelope what is asked for often. */
export interface SignedUpdate {
  /** `boot-previous` and `anchors` bring no image; absent in rows of before there were those. */
  readonly kind?: "install" | "boot-previous" | "anchors";
  readonly sequence: number;
  /** Who signed it, 16 hexadecimal digits. */
  readonly keyId: string;
  /** Digests of the artifacts it can be fetched as, with their kind and size, in the order in which nodes try them. */
  readonly payloads: readonly { readonly kind: string; readonly digest: string; readonly size: number }[];
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
