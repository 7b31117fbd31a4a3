import type { CoapRequest } from "../../../coap/route.ts";
import type { RdAttribute, RdPart } from "../../app/api/registry.ts";
import { scopeOf } from "./link-scope.ts";
import { queryInteger } from "./request-input.ts";

/** What the query of a registration says, but for `ep`: RFC 9176 section 5. */
export interface RdParameters {
  readonly lifetimeSeconds: number | undefined;
  readonly rd: Pick<RdPart, "base" | "sector" | "attributes">;
}

const maxLifetimeSeconds = 0xffff_ffff;
const maxNameBytes = 63;
/** Further attributes of one registration; each is an option, so of at most 255 bytes. */
const maxAttributes = 16;
/** `as` says who asks under `--insecure`. */
const own: ReadonlySet<string> = new Set(["ep", "d", "lt", "base", "as"]);
/** They would say something else of the link to the registration. */
const misleading: ReadonlySet<string> = new Set(["href", "rt", "rel", "rev", "anchor", "page", "count"]);

/** The parameters, or the rule that they break. `accepts` without `base`: simple registration has none; without `d`: updates have none. */
export function rdParameters(request: CoapRequest, accepts: { base: boolean; d: boolean }): RdParameters | string {
  const lifetimeSeconds = queryInteger(request, "lt", 1, maxLifetimeSeconds);
  if (lifetimeSeconds === "bad") return `lt is a number of seconds from 1 to ${maxLifetimeSeconds}`;
  const base = request.query("base");
  if (base !== undefined) {
    if (!accepts.base) return "a simple registration has no base";
    const rule = brokenBaseRule(base, request);
    if (rule !== undefined) return rule;
  }
  const sector = request.query("d");
  if (sector !== undefined) {
    if (!accepts.d) return "the sector of a registration doesn't change";
    if (!isName(sector)) return `d has 1 to ${maxNameBytes} bytes and no control characters`;
  }
  const attributes = attributesOf(request);
  if (typeof attributes === "string") return attributes;
  return {
    lifetimeSeconds,
    rd: {
      ...(base === undefined ? {} : { base }),
      ...(sector === undefined ? {} : { sector }),
      ...(attributes.length === 0 ? {} : { attributes }),
    },
  };
}

function attributesOf(request: CoapRequest): RdAttribute[] | string {
  const attributes: RdAttribute[] = [];
  for (const query of request.queries) {
    const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(query) ?? [];
    if (own.has(name)) continue;
    if (misleading.has(name)) return `${name} is no attribute of an endpoint`;
    // RFC 9176 section 9.3: a key of a query and a token.
    if (!/^[A-Za-z0-9!$&'*+\-.^_`|~]+$/.test(name)) return "names of attributes are tokens";
    attributes.push([name, value ?? true]);
  }
  return attributes.length > maxAttributes ? `at most ${maxAttributes} further attributes` : attributes;
}

/** `scheme://host[:port][/path]`: a base for paths, without what a reference would drop. */
const basePattern = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(:[0-9]{1,5})?(\/[^\s?#<>"]*)?$/;

function brokenBaseRule(base: string, request: CoapRequest): string | undefined {
  const host = basePattern.exec(base)?.[1];
  if (host === undefined || !URL.canParse(base)) {
    return "base is scheme://host[:port] without query, fragment and zone";
  }
  // Whether somebody else's link-local address is on the link of the request can't be told from any other source.
  const isLocal = scopeOf(host) !== undefined;
  if (isLocal && scopeOf(request.peer.address) === undefined) {
    return "a link-local base is taken from a link-local address only";
  }
  return undefined;
}

function isName(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  // U+0000 to U+001F and U+007F to U+009F.
  return bytes.length >= 1 && bytes.length <= maxNameBytes && !/\p{Cc}/u.test(text);
}
