/**
 * What operators say of a node: where it is and what it is for. What a node says of itself in its manifest is shown beside it, and decides nothing
 * about who may steer it: a node can't put itself out of its operator's reach, or into another's.
 */
export interface NodeLabels {
  readonly site?: string;
  readonly tags: readonly string[];
}

export const noLabels: NodeLabels = { tags: [] };

/** A site's or a tag's name. */
export const labelRule = "1 to 63 of a-z, 0-9, dot, underscore and hyphen, beginning with a letter or digit";
export const maxTags = 16;

const pattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export function isLabel(value: unknown): value is string {
  return typeof value === "string" && pattern.test(value);
}

export type LabelsResult =
  | { readonly ok: true; readonly labels: NodeLabels }
  | { readonly ok: false; readonly path: string; readonly rule: string };

/** `{site, tags}` of a body; a site of "" or null is none. Tags come out sorted, each once. */
export function parseLabels(value: Readonly<Record<string, unknown>>): LabelsResult {
  const { site = null, tags = [] } = value;
  const unknown = Object.keys(value).find((each) => each !== "site" && each !== "tags");
  if (unknown !== undefined) return { ok: false, path: unknown, rule: "there are site and tags" };
  const isSite = site === null || site === "" || isLabel(site);
  if (!isSite) return { ok: false, path: "site", rule: `must be ${labelRule}` };
  if (!Array.isArray(tags) || tags.length > maxTags || !tags.every(isLabel)) {
    return { ok: false, path: "tags", rule: `must be at most ${maxTags} names, each ${labelRule}` };
  }
  const sorted = [...new Set(tags as string[])].toSorted((a, b) => (a < b ? -1 : 1));
  return { ok: true, labels: { ...(isLabel(site) && { site }), tags: sorted } };
}

/** A child is where its gateway is, unless somebody said otherwise, and has the gateway's tags beside its own. */
export function withGateway(own: NodeLabels, gateway: NodeLabels): NodeLabels {
  const site = own.site ?? gateway.site;
  return { ...(site !== undefined && { site }), tags: [...new Set([...own.tags, ...gateway.tags])] };
}
