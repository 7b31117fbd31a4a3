import type { Role } from "./role.ts";

/** Who may do one thing. */
export interface Permission {
  /** What it is, for people. */
  readonly words: string;
  /** The least role of an operator; `none`: no operator, whatever he is. */
  readonly operators: Role | "none";
  /**
   * What an operator's scope means for it. `node`: the node that it is about must be in it. `filtered`: whatever is outside is left out, or refused
   * where it is named. `whole`: it concerns everybody, so only who has no scope may. `any`: it concerns no node.
   */
  readonly scope: "node" | "filtered" | "whole" | "any";
  /** Of nodes: `own`, on itself; `own-and-children`, a gateway for its children too; `any`, on others; `none`. */
  readonly nodes: "own" | "own-and-children" | "any" | "none";
  /** Without having proven who he is. */
  readonly strangers: boolean;
  /** Of who has nothing but a claim code or a batch's key; absent: not of him. */
  readonly enrolments?: boolean;
}

function operators(role: Role, scope: Permission["scope"], words: string): Permission {
  return { words, operators: role, scope, nodes: "none", strangers: false };
}

function nodes(which: "own" | "own-and-children", words: string): Permission {
  return { words, operators: "none", scope: "node", nodes: which, strangers: false };
}

/**
 * The one table of who may do what. Every HTTP route, CoAP resource and CLI command names a row of it; one that names none is refused to
 * everybody, and fails a test.
 */
export const permissions = {
  "console.load": {
    ...operators("viewer", "any", "Load the files of the console and of the household's app, which hold no secret"),
    strangers: true,
  },
  "session.begin": { ...operators("viewer", "any", "Sign in"), strangers: true },
  "artifact.fetch": {
    ...operators("viewer", "any", "Fetch an artifact; by HTTP with the token of the node's link, or as an operator"),
    nodes: "any",
    strangers: true,
  },

  "authority.read": {
    ...operators("viewer", "any", "Fetch the CA's certificate and its revocation list"),
    nodes: "any",
    strangers: true,
  },

  "node.enrol": {
    ...nodes("own", "Get its credentials by a claim code or a batch's key"),
    nodes: "none",
    enrolments: true,
  },
  "node.register": nodes("own-and-children", "Register, renew the registration, leave"),
  "node.beat": nodes("own-and-children", "Say that it lives, and hear what to do"),
  "node.report": nodes("own-and-children", "Report health, metrics, services, logs, telemetry"),
  "attempt.report": nodes("own-and-children", "Report how its update goes"),
  "environment.read": nodes("own", "Get its environment, with its password at the broker"),
  "directory.look-up": { ...operators("viewer", "filtered", "Look nodes up in the directory"), nodes: "any" },

  "nodes.list": operators("viewer", "filtered", "List nodes, and what they measured last"),
  "node.read": {
    ...operators("viewer", "node", "See all that is known of a node"),
    nodes: "own-and-children",
  },
  "node.history": operators(
    "viewer",
    "node",
    "See a node's timeline, commands, credentials without their secrets, labels",
  ),
  "events.follow": operators("viewer", "filtered", "Follow what happens, and see what is wrong"),
  "metrics.read": operators("viewer", "whole", "Read everything that is counted, as Prometheus does"),
  "system.read": operators(
    "viewer",
    "filtered",
    "See the manager, how many nodes there are, and the fleet's settings without secrets",
  ),
  "update.read": {
    ...operators("viewer", "filtered", "See updates, their manifests and how they go"),
    nodes: "own-and-children",
  },
  "anchor.read": operators("viewer", "any", "See by which keys update manifests are trusted"),
  "rollout.read": operators(
    "viewer",
    "filtered",
    "See rollouts and their members, preview and forecast a plan; with a scope those alone that can't leave it",
  ),
  "quarantine.read": operators("viewer", "any", "List images that are quarantined"),
  "artifact.read": operators("viewer", "any", "List what artifacts are stored"),

  "node.steer": operators("operator", "node", "Command a node, set its mode and configuration, cancel its update"),
  "nodes.ask": operators("operator", "filtered", "Ask nodes for their status now"),
  "node.call": operators("operator", "node", "Pass a request of one's own to a node"),
  "node.remove": operators("operator", "node", "Remove a node"),
  "credential.change": operators("operator", "node", "Issue, rotate and revoke credentials of a node"),
  "enrolment.change": operators(
    "operator",
    "whole",
    "Make, list and revoke claim codes and keys of batches, let a device enrol once more",
  ),
  "update.start": {
    ...operators("operator", "filtered", "Start an update on nodes; a node: ask for its own"),
    nodes: "own-and-children",
  },
  "rollout.change": operators(
    "operator",
    "filtered",
    "Make, start, approve, pause, resume, abort, revert and retry rollouts; with a scope, in it alone",
  ),
  "quarantine.lift": operators("operator", "whole", "Let a quarantined image be offered again"),
  "update.change": operators("operator", "whole", "Make and withdraw updates, upload and delete artifacts"),
  "site.read": operators("viewer", "filtered", "List households and their phones"),
  "site.change": operators(
    "operator",
    "filtered",
    "Add, change and remove households, invite and remove phones, link gateways; with a scope, those of its `site:NAME` alone",
  ),
  "site.export": operators("admin", "whole", "Get every household's access rules and password hashes, for Mosquitto"),
  "site.follow": {
    ...operators("viewer", "any", "Get a household's phones; as its gateway, by the secret of its link"),
    strangers: true,
  },
  "node.label": operators("operator", "whole", "Say at which site a node is, and which tags it has"),

  "self.change": operators("viewer", "any", "One's own password, sessions and tokens"),
  "operator.change": operators("admin", "whole", "Add and remove operators, change their roles, give them credentials"),
  "settings.change": operators("admin", "whole", "Change the fleet's settings"),
  "system.stop": operators("admin", "whole", "Restart or end the manager"),
  "audit.read": operators("admin", "whole", "Read and verify the audit"),
  "anchor.change": operators("admin", "whole", "Say by which keys update manifests are trusted"),
  "authority.change": operators("admin", "whole", "Issue and revoke certificates of the manager's CA"),
} as const satisfies Readonly<Record<string, Permission>>;

export type ActionName = keyof typeof permissions;

/** The row of an action, as rows are. */
export function permissionOf(action: ActionName): Permission {
  return permissions[action];
}
