import type { Link } from "../../../coap/link-format.ts";
import type { NodeView, RdAttribute } from "../../app/api/registry.ts";
import { scopeOf, withoutZone } from "./link-scope.ts";

const defaultPorts = { coap: 5683, coaps: 5684 } as const;
export type CoapScheme = keyof typeof defaultPorts;

/** The link to a node's registration (RFC 9176 section 6.4). */
export function endpointLink(node: NodeView, scheme: CoapScheme): Link {
  const attributes: RdAttribute[] = [
    ["ep", node.id],
    ["base", baseOf(node, scheme)],
    ["rt", "core.rd-ep"],
  ];
  if (node.rd?.sector !== undefined) attributes.push(["d", node.rd.sector]);
  attributes.push(...(node.rd?.attributes ?? []));
  return { target: `/rd/${node.id}`, attributes };
}

/** The node's links, with targets and anchors that need nothing else (RFC 9176 section 6.1). */
export function resourceLinks(node: NodeView, scheme: CoapScheme): Link[] {
  const base = baseOf(node, scheme);
  return (node.rd?.links ?? []).map(({ href, attributes }) => ({
    target: resolved(base, href),
    attributes: attributes.map(([name, value]) =>
      name === "anchor" && value !== true ? [name, resolved(base, value)] : [name, value],
    ),
  }));
}

/** False when the address that it registered from is another node's now: links to it would lead there. */
export function hasBase({ rd, path }: NodeView): boolean {
  return rd?.base !== undefined || path.port !== 0;
}

/** The link on which alone the node may be seen; undefined: everywhere. */
export function scopeOfNode(node: NodeView): string | undefined {
  const host = /^[^:]+:\/\/(\[[^\]]*\]|[^:/]*)/.exec(node.rd?.base ?? "")?.[1] ?? node.path.address;
  // A link-local base is on the link that it was registered from; when the node was heard from elsewhere since, nobody knows which.
  return scopeOf(host) === undefined ? undefined : (scopeOf(node.path.address) ?? "unknown");
}

/** The base as given, else where the node was heard; `scheme` is what it speaks when the directory wasn't told. */
function baseOf({ rd, path }: NodeView, scheme: CoapScheme): string {
  if (rd?.base !== undefined) return rd.base;
  const spoken = rd?.scheme ?? scheme;
  const address = withoutZone(path.address);
  const host = path.family === 6 ? `[${address}]` : address;
  return `${spoken}://${host}${path.port === defaultPorts[spoken] ? "" : `:${path.port}`}`;
}

/** RFC 3986 section 5.2 for what the directory takes: a URI, a path from the root, or nothing. */
function resolved(base: string, reference: string): string {
  if (reference === "") return base;
  if (!reference.startsWith("/")) return reference;
  const [origin = ""] = /^[^:]+:\/\/[^/]*/.exec(base) ?? [];
  const [, path = "", rest = ""] = /^([^?#]*)(.*)$/s.exec(reference) ?? [];
  return `${origin}${withoutDots(path)}${rest}`;
}

/** RFC 3986 section 5.2.4. */
function withoutDots(path: string): string {
  if (!path.includes("/.")) return path;
  const segments: string[] = [];
  const parts = path.split("/").slice(1);
  for (const [i, part] of parts.entries()) {
    if (part === "..") segments.pop();
    if (part !== "." && part !== "..") segments.push(part);
    else if (i === parts.length - 1) segments.push("");
  }
  return `/${segments.join("/")}`;
}
