import type { SiteState } from "../model/site-state.ts";
import type { Texts } from "../texts/en.ts";

/** `Pack 3` by its place on the bus where that is known, else by the end of its hardware number. */
export function packName(site: SiteState, node: string, texts: Texts): string {
  const pack = site.packs[node];
  const canNode = pack?.telemetry?.value.canNode ?? pack?.identity?.canNode;
  return canNode === undefined ? `${texts.packs.nameless} ${node.slice(-4)}` : texts.packs.name(canNode);
}
