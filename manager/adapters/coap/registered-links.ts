import { parseLinks } from "../../../coap/link-format.ts";
import type { RdLink } from "../../app/api/registry.ts";

/** Most links and attributes that one registration may carry; more is refused. */
export const linkLimits = { links: 64, attributes: 16, textLength: 256 } as const;

export type RegisteredLinks =
  | { readonly ok: true; readonly links: readonly RdLink[] }
  | { readonly ok: false; readonly rule: string };

const tooMuch = `at most ${linkLimits.links} links, each with ${linkLimits.attributes} attributes and texts of ${linkLimits.textLength} characters`;

/** The body of a registration: link format in UTF-8 (RFC 6690), in the limited form of RFC 9176 appendix C. */
export function registeredLinks(payload: Uint8Array): RegisteredLinks {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return { ok: false, rule: "link format is UTF-8" };
  }
  const parsed = parseLinks(text);
  if (parsed === undefined) return { ok: false, rule: "no link format: <target>;name=value,..." };
  const isTooMuch = parsed.some(
    ({ target, attributes }) =>
      attributes.length > linkLimits.attributes ||
      [target, ...attributes.flat()].some((each) => each !== true && each.length > linkLimits.textLength),
  );
  if (isTooMuch || parsed.length > linkLimits.links) return { ok: false, rule: tooMuch };
  const bad = parsed.find((link) => !isLimited(link.target) || !link.attributes.every(isLimitedAnchor));
  if (bad !== undefined) {
    return { ok: false, rule: `targets and anchors begin with a scheme or one slash: <${bad.target}>` };
  }
  return { ok: true, links: parsed.map(({ target, attributes }) => ({ href: target, attributes })) };
}

/** A reference that means the same wherever its base's path is: a URI, or a path from the root. */
function isLimited(reference: string): boolean {
  return /^([A-Za-z][A-Za-z0-9+.-]*:|\/(?!\/))/.test(reference);
}

/** An empty anchor is the base itself (RFC 9176 section 5). */
function isLimitedAnchor([name, value]: readonly [string, string | true]): boolean {
  return name !== "anchor" || value === "" || (value !== true && isLimited(value));
}
