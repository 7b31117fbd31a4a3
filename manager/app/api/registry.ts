import type { NodeManifest, RegistrationAnswer } from "../../../schemas/generated/types.ts";
import type { NodeLabels } from "../../domain/node-labels.ts";
import type { NodePath } from "../../ports/node-caller.ts";

/** Who is registered, where they are, and what we heard of them. */
export interface Registry {
  /** Resolves after the receipt: an answered registration survives a power cut. Idempotent. Rejects when storage failed. */
  register(input: RegisterInput): Promise<RegisterOutcome>;
  /**
   * An authenticated datagram of the node arrived: renews presence and registration. Synchronous, no allocation.
   * `path` follows a node whose NAT gave it a new port: only with a heartbeat, since a node may fetch from another socket. False: not registered (or its lifetime is over).
   */
  heard(node: string, path?: NodePath): boolean;
  isRegistered(node: string): boolean;
  /** The Content-Format of the node's registration: what it gets when it doesn't say what it wants. */
  contentFormat(node: string): 50 | 60 | undefined;
  find(node: string): Promise<NodeView | undefined>;
  /** One page, and how many match in all: looks at every node in many small turns, for people who leaf through a small fleet. */
  list(query?: NodeQuery): Promise<NodePage>;
  /** The next nodes that match after a key, in order of their ids: what it costs doesn't depend on how many there are. */
  walk(query?: NodeWalkQuery): Promise<NodeWalk>;
  /** Counts by presence, synchronous; of part of the fleet every node is looked at. */
  counts(within?: (node: string) => boolean): PresenceCounts;
  remove(node: string, by: Actor): Promise<"removed" | "unknown-node">;
}

/** Who caused a change: an operator's name, a node id, or the manager itself. */
export interface Actor {
  readonly kind: "operator" | "node" | "manager";
  readonly id: string;
  /** The address that the request came from, for the audit. */
  readonly from?: string | undefined;
}

export interface RegisterInput {
  /** Validated by the schemas; `id` is a valid node id that the caller matched with the credential. */
  readonly manifest: NodeManifest;
  /** `lt` as asked, seconds; undefined: the default of the face. Outside the limits it is clamped, and the answer says so. */
  readonly lifetimeSeconds?: number | undefined;
  readonly path: NodePath;
  /** How we know who it is: a secure association, its own claim (only under --insecure), or its address. */
  readonly identity: "credential" | "claimed" | "address";
  /** Content-format of the registration; actions to the node use it. 50 JSON, 60 CBOR. */
  readonly contentFormat?: number | undefined;
  /** By `rd` nothing is said of the node but its name: what its manifest said stays. */
  readonly face: "register" | "rd" | "legacy";
  readonly rd?: RdPart | undefined;
  /** Changes what is registered (RFC 9176 section 5.3.1): what isn't said stays as it was. */
  readonly isRdUpdate?: boolean | undefined;
  /** For a child: the registered gateway that speaks for it (the credential's node). */
  readonly gateway?: string | undefined;
}

/** What RFC 9176 adds to a registration. */
export interface RdPart {
  readonly base?: string;
  /** By which it was asked for: of the base where none is given. */
  readonly scheme?: "coap" | "coaps";
  readonly sector?: string;
  /** What else the query of the registration said: endpoint attributes, `et` among them. */
  readonly attributes?: readonly RdAttribute[];
  readonly links?: readonly RdLink[];
  /** By a simple registration (section 5.1): it goes when its lifetime is over. */
  readonly isSimple?: boolean;
}

/** `true` for a name without a value. */
export type RdAttribute = readonly [name: string, value: string | true];

export interface RdLink {
  readonly href: string;
  readonly attributes: readonly RdAttribute[];
}

export type RegisterOutcome =
  | { readonly kind: "created"; readonly node: string; readonly answer: RegistrationAnswer }
  | { readonly kind: "renewed"; readonly node: string; readonly answer: RegistrationAnswer }
  | {
      readonly kind: "refused";
      /** "full" -> 5.03; "child-id", "unknown-gateway" -> 4.03; "other-sector" -> 4.09; "unknown-registration" -> 4.04. */
      readonly reason: "full" | "child-id" | "unknown-gateway" | "other-sector" | "unknown-registration";
      readonly message: string;
    };

export type PresenceState = "online" | "late" | "offline" | "unknown";

export interface PresenceView {
  readonly state: PresenceState;
  /** Milliseconds since the last authenticated datagram; undefined: never heard since it is known. */
  readonly heardAgoMs?: number;
}

export type PresenceCounts = Readonly<Record<PresenceState | "registered", number>>;

export interface NodeView {
  readonly id: string;
  readonly presence: PresenceView;
  /** The last health it reported; undefined before the first. */
  readonly health?: HealthSummary;
  readonly phase?: string;
  readonly manifest: NodeManifest;
  /** What operators said of it, and of its gateway. */
  readonly labels: NodeLabels;
  readonly identity: RegisterInput["identity"];
  readonly face: RegisterInput["face"];
  readonly path: NodePath;
  readonly registeredAtMs: number;
  readonly renewedAtMs: number;
  readonly lifetimeSeconds: number;
  readonly pollSeconds: number;
  readonly liveness: "observe" | "beat";
  /** Highest rev given out, and the highest the node said it finished. */
  readonly rev: number;
  readonly lastRev: number;
  readonly waitingActions: number;
  readonly attempt?: {
    readonly update: string;
    readonly attempt: string;
    readonly state: string;
    readonly percent?: number;
  };
  readonly mode: "operational" | "maintenance";
  readonly isConnectedToBroker: boolean;
  readonly rd?: RdPart;
}

export interface HealthSummary {
  readonly status: string;
  readonly ageMs: number;
}

export interface NodeFilter {
  readonly model?: string;
  /** By what operators said, or the node itself. */
  readonly tag?: string;
  readonly phase?: string;
  readonly presence?: string;
  /** As `tag`. */
  readonly site?: string;
  /** Prefix of the id. */
  readonly idPrefix?: string;
  readonly parent?: string;
  /** Others are left out, and not counted: what the asker may see. */
  readonly within?: ((node: string) => boolean) | undefined;
}

export interface NodeWalkQuery extends NodeFilter {
  /** Ids strictly after this one; default from the beginning. */
  readonly after?: string;
  /** Default 100, at most 1000. */
  readonly limit?: number;
}

export interface NodeWalk {
  readonly nodes: readonly NodeView[];
  /** Where to go on, a node that the asker sees; undefined: that was all. With a filter that few match, `nodes` may be fewer than asked and still more follow. */
  readonly next?: string;
}

export interface NodeQuery extends NodeFilter {
  /** From 0. */
  readonly page?: number;
  /** Default 100, at most 1000. */
  readonly count?: number;
}

export interface NodePage {
  readonly nodes: readonly NodeView[];
  /** How many match in all. */
  readonly total: number;
  readonly page: number;
}
