import { type Digest, digestFromHex, digestHex } from "./digest.ts";
import { isNodeId, type NodeId } from "./node-id.ts";

/** Where a node fetches an image, with what the manager needs to see who fetched which range in which attempt. */
export interface ArtifactUri {
  readonly scheme: "http" | "https" | "coap" | "coaps";
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly digest: Digest;
  /** Of CoAP alone; by HTTP the attempt says it. */
  readonly node?: NodeId;
  readonly attempt: string;
}

/** `http://HOST:PORT/artifacts/<hex>?attempt=A`, and `coap://HOST:PORT/artifacts/<hex>?ep=ID&attempt=A`. */
export function artifactUri({ scheme, host, port, digest, node, attempt }: ArtifactUri): string {
  const authority = host.includes(":") ? `[${host}]` : host;
  const who = scheme.startsWith("coap") && node !== undefined ? `ep=${node}&` : "";
  return `${scheme}://${authority}:${port}/artifacts/${digestHex(digest)}?${who}attempt=${attempt}`;
}

const pattern =
  /^(https?|coaps?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})\/artifacts\/([0-9a-f]{64})\?(?:ep=([^&]+)&)?attempt=([a-z0-9-]{1,24})(?:&t=[A-Za-z0-9_-]{1,32})?$/;

/** The parts of a text that `artifactUri` wrote; undefined for any other. */
export function parseArtifactUri(text: string): ArtifactUri | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, scheme, address, name, port, hex = "", node, attempt = ""] = match;
  const digest = digestFromHex(hex);
  if (digest === undefined || (node !== undefined && !isNodeId(node))) return undefined;
  return {
    scheme: scheme as ArtifactUri["scheme"],
    host: address ?? name ?? "",
    port: Number(port),
    digest,
    ...(node !== undefined && { node }),
    attempt,
  };
}
