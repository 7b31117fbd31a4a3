import type { SiteState } from "../model/site-state.ts";

/** Who should answer a command to `node`, or to all packs. */
export function onlineNodes(site: SiteState, node: string | undefined): string[] {
  if (node !== undefined) return [node];
  return Object.entries(site.packs)
    .filter(([, { telemetry }]) => telemetry?.value.online === true)
    .map(([each]) => each);
}
