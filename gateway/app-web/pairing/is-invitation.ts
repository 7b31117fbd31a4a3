import { validateSiteInvitation } from "../../../schemas/generated/raw-validators.ts";
import type { SiteInvitation } from "../../../schemas/generated/types.ts";

/** What was read from an address or from the phone's memory is an invitation. */
export function isInvitation(value: unknown): value is SiteInvitation {
  return validateSiteInvitation(value);
}
