/** For whom a rollout is: a list, or what a node must be. An empty query is everything of the update's model. */
export type RolloutTargets =
  | { readonly kind: "nodes"; readonly nodes: readonly string[] }
  | { readonly kind: "query"; readonly query: TargetQuery };

export interface TargetQuery {
  readonly model?: string;
  /** All of them. */
  readonly tags?: readonly string[];
  readonly site?: string;
  readonly phase?: string;
  readonly presence?: string;
  /** The version that it runs now. */
  readonly version?: string;
  /** The digest that it runs now: a revert is for who runs the update. */
  readonly digest?: string;
}

/** What targets look at. Tags and site are what operators said of the node, or else the node itself. */
export interface TargetNode {
  readonly id: string;
  readonly model: string;
  readonly tags: readonly string[];
  readonly site?: string | undefined;
  readonly phase?: string | undefined;
  readonly presence: string;
  readonly version?: string | undefined;
  readonly digest?: string | undefined;
  /** Room in a slot, bytes. */
  readonly slotSize?: number | undefined;
  /** Sequence number of the update manifest that it runs. */
  readonly sequence?: number | undefined;
}

/** What of an update decides who can have it. */
export interface TargetImage {
  readonly digest: string;
  readonly size: number;
  readonly model?: string | undefined;
  readonly sequence?: number | undefined;
}

export type Exclusion =
  | "not-listed"
  | "other-model"
  | "unknown-model"
  | "other-tag"
  | "other-site"
  | "other-phase"
  | "other-presence"
  | "other-version"
  | "other-digest"
  | "already-running"
  | "image-too-large"
  | "newer-sequence";

/** Tells why a node isn't a member; undefined: it is. The first reason that holds, those of the query before those of the image. */
export function exclusionRule(
  targets: RolloutTargets,
  image: TargetImage,
): (node: TargetNode) => Exclusion | undefined {
  const isNamed = targets.kind === "nodes";
  // Lists have thousands of names, and every node of the fleet is asked about.
  const listed = new Set(isNamed ? targets.nodes : []);
  return (node) => {
    const outside = isNamed ? !listed.has(node.id) && "not-listed" : outsideOf(targets.query, node);
    return outside || unfitFor(image, node, isNamed);
  };
}

function outsideOf(query: TargetQuery, node: TargetNode): Exclusion | undefined {
  const { model, tags = [], site, phase, presence, version, digest } = query;
  if (model !== undefined && node.model !== model) return "other-model";
  if (tags.some((tag) => !node.tags.includes(tag))) return "other-tag";
  if (site !== undefined && node.site !== site) return "other-site";
  if (phase !== undefined && node.phase !== phase) return "other-phase";
  if (presence !== undefined && node.presence !== presence) return "other-presence";
  if (version !== undefined && node.version !== version) return "other-version";
  if (digest !== undefined && node.digest !== digest) return "other-digest";
  return undefined;
}

/** A node that doesn't say what it is gets an image only when it is named. */
function unfitFor(image: TargetImage, node: TargetNode, isNamed: boolean): Exclusion | undefined {
  if (node.model === "unknown" && !isNamed) return "unknown-model";
  if (image.model !== undefined && node.model !== "unknown" && node.model !== image.model) return "other-model";
  if (node.digest === image.digest) return "already-running";
  if (node.slotSize !== undefined && node.slotSize > 0 && image.size > node.slotSize) return "image-too-large";
  if (node.sequence !== undefined && image.sequence !== undefined && node.sequence > image.sequence)
    return "newer-sequence";
  return undefined;
}
