import type { SiteInvitation } from "../../../schemas/generated/types.ts";
import { fromBase64Url } from "../../../schemas/wire/base64url.ts";
import { type CborKey, readCbor } from "../../../schemas/wire/cbor.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import { isInvitation } from "./is-invitation.ts";

/**
 * The CBOR keys of an invitation. `schemas/wire/site-invitation.ts` reads any message and brings all of their schemas, a
 * seventh of what a phone would have to load; a test holds this table against it.
 */
const names = ["site", "title", "phone", "name", "server", "serverPassword", "home", "homePassword", "ca"] as const;

/** "none": the address holds no invitation. "broken": it was cut short or isn't one. */
export type InvitationRead =
  | { readonly kind: "none" }
  | { readonly kind: "broken" }
  | { readonly kind: "invitation"; readonly invitation: SiteInvitation };

/** Base64url of the longest invitation. */
const fragmentMax = 700;

/** What the fragment of a page's address (`location.hash`), a whole link, or the bare code of one invites to. */
export function readInvitation(text: string): InvitationRead {
  const fragment = text.trim().replace(/^[^#]*#/, "");
  const part = fragment.split("&").find((each) => each.startsWith("invite="));
  if (part === undefined) return { kind: "none" };
  if (part.length > fragmentMax) return { kind: "broken" };
  const bytes = fromBase64Url(part.slice("invite=".length));
  const item = bytes === undefined ? undefined : readCbor(bytes);
  if (!item?.ok || !(item.value instanceof Map)) return { kind: "broken" };
  const members = item.value as ReadonlyMap<CborKey, unknown>;
  const value: Record<string, unknown> = {};
  for (const [index, name] of names.entries()) {
    const member = members.get(index + 1);
    if (member !== undefined) value[name] = member instanceof Uint8Array ? `sha256:${toHex(member)}` : member;
  }
  return isInvitation(value) ? { kind: "invitation", invitation: value } : { kind: "broken" };
}
