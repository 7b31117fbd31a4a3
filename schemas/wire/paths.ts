import { type Digest, digestFromHex, digestHex, parseDigest } from "./digest.ts";
import { isNodeId, type NodeId } from "./node-id.ts";

/*
 * Every CoAP path of the device protocol, written once as a template. `:name` is one segment, `*` the rest. Paths are lists
 * of decoded segments, never joined strings: a segment may hold a slash.
 */

/** What the manager serves. */
export const managerPaths = {
  wellKnownCore: "/.well-known/core",
  wellKnownRd: "/.well-known/rd",
  register: "/register",
  rd: "/rd",
  rdEntry: "/rd/:registration",
  rdLookupEndpoints: "/rd-lookup/ep",
  rdLookupResources: "/rd-lookup/res",
  environment: "/environment",
  status: "/status",
  updates: "/updates",
  update: "/updates/:update",
  updateManifest: "/updates/:update/manifest",
  updateDownload: "/updates/:update/download",
  updateInstall: "/updates/:update/install",
  updateStatus: "/updates/:update/status",
  artifact: "/artifacts/:digest",
  nodes: "/nodes",
  node: "/nodes/:node",
  nodeHealth: "/nodes/:node/health",
  nodeMetrics: "/nodes/:node/metrics",
  nodeTelemetry: "/nodes/:node/telemetry",
  nodeServices: "/nodes/:node/services",
  nodeLogs: "/nodes/:node/logs",
  nodeMode: "/nodes/:node/mode",
  nodeCommands: "/nodes/:node/commands",
  nodeCommand: "/nodes/:node/commands/:command",
  nodeProxy: "/nodes/:node/proxy/*",
  alerts: "/alerts",
  systemRestart: "/system/restart",
  systemShutdown: "/system/shutdown",
  systemConfig: "/system/config",
  earlyRegister: "/device/register",
  earlyHeartbeat: "/device/heartbeat",
} as const;

/** What a node serves; a gateway serves the same for each child under `/nodes/<child>`. */
export const nodePaths = {
  wellKnownCore: "/.well-known/core",
  health: "/health",
  metrics: "/metrics",
  services: "/services",
  logs: "/logs",
  mode: "/mode",
  update: "/update",
  environment: "/environment",
  systemRestart: "/system/restart",
  systemShutdown: "/system/shutdown",
  systemConfig: "/system/config",
} as const;

/** Names in the query of a request. */
export const queryNames = {
  /** The last finished action, of a heartbeat. */
  rev: "r",
  /** The child that a gateway speaks for. */
  child: "child",
  /** Who is asking, where no association says so. */
  endpoint: "ep",
  /** Lifetime of a registration, seconds. */
  lifetime: "lt",
  /** What a client without identity wants to be seen as. */
  as: "as",
  /** The attempt a download belongs to. */
  attempt: "attempt",
  /** That whoever has the link may fetch it. */
  token: "t",
} as const;

export type Path = readonly string[];
export type ManagerResource = keyof typeof managerPaths;
export type NodeResource = keyof typeof nodePaths;

interface Segments {
  readonly node: NodeId;
  readonly update: string;
  readonly digest: Digest;
  readonly registration: string;
  readonly command: string;
}

type NamesIn<T extends string> = T extends `${infer Head}/${infer Rest}`
  ? NamesIn<Head> | NamesIn<Rest>
  : T extends `:${infer Name}`
    ? Name
    : never;
type RestIn<T extends string> = T extends `${string}*` ? { readonly rest: Path } : unknown;

/** The variable parts of a resource's path. */
export type PathParts<R extends ManagerResource> = {
  readonly [N in NamesIn<(typeof managerPaths)[R]> & keyof Segments]: Segments[N];
} & RestIn<(typeof managerPaths)[R]>;

/** A parsed path: the resource and its variable parts. */
export type ManagerPath = {
  [R in ManagerResource]: { readonly resource: R; readonly parts: PathParts<R> };
}[ManagerResource];
export type NodePath = { readonly resource: NodeResource; readonly child: NodeId | undefined };

type PartsArgument<R extends ManagerResource> = object extends PathParts<R> ? [] : [PathParts<R>];

/** The path to a resource of the manager: `managerPath("nodeHealth", { node })` is `["nodes", node, "health"]`. */
export function managerPath<R extends ManagerResource>(resource: R, ...[parts]: PartsArgument<R>): Path {
  const values = (parts ?? {}) as Readonly<Record<string, string>> & { rest?: Path };
  return split(managerPaths[resource]).flatMap((segment) => {
    if (segment === "*") return values.rest ?? [];
    if (!segment.startsWith(":")) return segment;
    const value = values[segment.slice(1)] ?? "";
    return segment === ":digest" ? digestHex(value as Digest) : value;
  });
}

/** The path to a resource of a node, or of a gateway's child. */
export function nodePath(resource: NodeResource, child?: NodeId): Path {
  const path = split(nodePaths[resource]);
  return child === undefined ? path : ["nodes", child, ...path];
}

/** Which resource of the manager a path means; undefined when none, also when an id in it can't be one. */
export function parseManagerPath(path: Path): ManagerPath | undefined {
  for (const [resource, template] of managerTemplates) {
    const parts = match(template, path);
    if (parts) return { resource, parts } as unknown as ManagerPath;
  }
  return undefined;
}

/** Which resource of a node, or of a gateway's child, a path means. */
export function parseNodePath(path: Path): NodePath | undefined {
  const [first, child, ...rest] = path;
  const isChild = first === "nodes" && child !== undefined && isNodeId(child);
  const own = isChild ? rest : path;
  for (const [resource, template] of nodeTemplates)
    if (match(template, own)) return { resource, child: isChild ? child : undefined };
  return undefined;
}

function split(template: string): string[] {
  return template.split("/").slice(1);
}

const managerTemplates = Object.entries(managerPaths).map(
  ([resource, template]) => [resource as ManagerResource, split(template)] as const,
);
const nodeTemplates = Object.entries(nodePaths).map(
  ([resource, template]) => [resource as NodeResource, split(template)] as const,
);

function match(template: readonly string[], path: Path): Record<string, string | Path> | undefined {
  const hasRest = template.at(-1) === "*";
  const fixed = hasRest ? template.length - 1 : template.length;
  if (hasRest ? path.length < fixed : path.length !== fixed) return undefined;
  const parts: Record<string, string | Path> = {};
  for (let i = 0; i < fixed; i++) {
    const expected = template[i] ?? "";
    const segment = path[i] ?? "";
    if (!expected.startsWith(":")) {
      if (segment !== expected) return undefined;
      continue;
    }
    const value = readSegment(expected.slice(1), segment);
    if (value === undefined) return undefined;
    parts[expected.slice(1)] = value;
  }
  if (hasRest) parts["rest"] = path.slice(fixed);
  return parts;
}

const updateId = /^[a-z0-9._-]{1,48}$/;
const registrationId = /^[A-Za-z0-9._-]{1,64}$/;

function readSegment(name: string, segment: string): string | undefined {
  switch (name) {
    case "node":
      return isNodeId(segment) ? segment : undefined;
    case "update":
      return updateId.test(segment) ? segment : undefined;
    case "digest":
      return digestFromHex(segment) ?? parseDigest(segment);
    default:
      return registrationId.test(segment) ? segment : undefined;
  }
}
