import type { Audited } from "./api/audit.ts";

/** What is stored of an audited action beside its subject and its time. */
export interface AuditValue {
  readonly what: string;
  readonly by: { readonly kind: string; readonly id: string };
  readonly from?: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

const secretName = /passw|secret|token|privatekey|psk|^key$|^pin$|claimcode/i;
const maxDepth = 8;
const maxText = 2048;

/**
 * The stored form of an entry. Secrets are left out by the names of their properties, as the last of several fences: who records
 * something gives no secrets. Texts are cut at 2048 characters.
 */
export function auditValue({ what, actor, from = actor.from, before, after }: Audited): AuditValue {
  return {
    what,
    by: { kind: actor.kind, id: actor.id },
    ...(from !== undefined && { from }),
    ...(before !== undefined && { before: told(before, 0) }),
    ...(after !== undefined && { after: told(after, 0) }),
  };
}

function told(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.length > maxText ? `${value.slice(0, maxText)}...` : value;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return "...";
  if (Array.isArray(value)) return value.map((each) => told(each, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, secretName.test(name) ? "(secret)" : told(each, depth + 1)]),
  );
}
