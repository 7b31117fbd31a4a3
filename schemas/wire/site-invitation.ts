import type { SiteInvitation } from "../generated/types.ts";
import { fromBase64Url, toBase64Url } from "./base64url.ts";
import { cborFormat, decode, encodeCbor, type Sendable } from "./codec.ts";
import type { MessageResult } from "./message-fault.ts";

const name = "invite";

/** As many characters fit a QR code that a terminal of 80 columns shows. */
export const longestLink = 458;

/**
 * The link of an invitation: `https://gateway.local:8443/app/#invite=...`. `base` is scheme, host and port of the gateway or the manager, which
 * serve the same app. What is in a fragment is never sent to a server; as CBOR it fits a QR code that a terminal can show. Where it wouldn't, it has fewer of
 * the addresses at home, the best first.
 */
export function invitationLink(base: string, invitation: Sendable<SiteInvitation>): string {
  const link = `${base}/app/#${name}=${toBase64Url(encodeCbor("site-invitation", invitation))}`;
  const { home = [] } = invitation;
  if (link.length <= longestLink || home.length < 2) return link;
  return invitationLink(base, { ...invitation, home: home.slice(0, -1) });
}

/** The invitation in the fragment of a page's address (`location.hash`), with or without its `#`; undefined: it has none. */
export function invitationIn(fragment: string): MessageResult<SiteInvitation> | undefined {
  const part = fragment
    .replace(/^#/, "")
    .split("&")
    .find((each) => each.startsWith(`${name}=`));
  if (part === undefined) return undefined;
  const bytes = fromBase64Url(part.slice(name.length + 1));
  if (bytes !== undefined) return decode("site-invitation", bytes, cborFormat);
  return { ok: false, fault: { code: "malformed", path: "", rule: "must be base64url" } };
}
