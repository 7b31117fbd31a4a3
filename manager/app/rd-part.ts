import type { RdAttribute, RdPart, RegisterInput } from "./api/registry.ts";

/** What the directory holds of a node after a registration or an update (RFC 9176 sections 5, 5.3.1). */
export function rdPart({ rd, isRdUpdate = false }: RegisterInput, known: RdPart | undefined): RdPart | undefined {
  // A registration that isn't the directory's own says nothing of what was registered there.
  if (rd === undefined) return known;
  if (!isRdUpdate) return rd;
  return { ...known, ...rd, attributes: overridden(known?.attributes ?? [], rd.attributes ?? []) };
}

/** Attributes of the same name give way, whatever their number. */
function overridden(before: readonly RdAttribute[], after: readonly RdAttribute[]): RdAttribute[] {
  const names = new Set(after.map(([name]) => name));
  return [...before.filter(([name]) => !names.has(name)), ...after];
}
