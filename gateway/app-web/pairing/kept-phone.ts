import type { SiteInvitation } from "../../../schemas/generated/types.ts";
import { type HomeAddress, readHomeAddress } from "./home-address.ts";
import { isInvitation } from "./is-invitation.ts";

/** Who the phone is, as it stays there. */
export interface KeptPhone {
  readonly invitation: SiteInvitation;
  readonly homes: readonly HomeAddress[];
  readonly language?: string;
}

/** What was kept, if it is a phone of a household; another version of the app, or another page, may have left something else. */
export function readKeptPhone(kept: unknown): KeptPhone | undefined {
  if (typeof kept !== "object" || kept === null) return undefined;
  const { invitation, homes, language } = kept as Partial<Record<keyof KeptPhone, unknown>>;
  if (!isInvitation(invitation)) return undefined;
  const good = Array.isArray(homes) ? homes.filter(isHomeAddress) : [];
  return { invitation, homes: good, ...(typeof language === "string" ? { language } : {}) };
}

function isHomeAddress(value: unknown): value is HomeAddress {
  if (typeof value !== "object" || value === null) return false;
  const { label, base } = value as Partial<Record<keyof HomeAddress, unknown>>;
  return typeof label === "string" && typeof base === "string" && readHomeAddress(base, "https:") === base;
}
