import type { Update } from "../../schemas/generated/types.ts";

/** An update without the targets that somebody doesn't see. */
export function seenUpdate(update: Update, sees: (node: string) => boolean): Update {
  const { targets } = update;
  return targets === undefined ? update : { ...update, targets: targets.filter(sees) };
}
