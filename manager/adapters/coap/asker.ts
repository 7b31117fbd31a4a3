import type { CoapRequest } from "../../../coap/route.ts";
import { type NodeId, nodeId, parseNodeId } from "../../../schemas/wire/node-id.ts";
import { queryNames } from "../../../schemas/wire/paths.ts";
import type { Actor, Registry } from "../../app/api/registry.ts";
import type { Authoriser, Principal } from "../../domain/authoriser.ts";
import { type Permission, permissionOf } from "../../domain/permissions.ts";
import type { Refusal } from "./refusal.ts";

/** Who a request is from, and how that is known. */
export type Asker = AskingNode | AskingOperator | NotServed;

export interface AskingNode {
  readonly kind: "node";
  readonly node: NodeId;
  readonly how: "credential" | "claimed";
  /** The gateway that asks for its child. */
  readonly gateway?: NodeId;
}
export interface AskingOperator {
  readonly kind: "operator";
  readonly actor: Actor;
  /** What he may do. */
  readonly principal: Principal;
}
export interface NotServed {
  readonly kind: "refused";
  readonly refusal: Refusal;
  readonly detail: string;
}

/** Who acts on CoAP under `--insecure` without naming a node. */
const localOperator: Principal = { id: "local", role: "admin", scopes: [] };

const operatorFrom = ({ peer }: CoapRequest, principal: Principal): AskingOperator => ({
  kind: "operator",
  actor: { kind: "operator", id: principal.id, from: peer.address },
  principal,
});

const read = permissionOf("node.read");
const report = permissionOf("node.report");

const refused = (refusal: Refusal, detail = ""): NotServed => ({ kind: "refused", refusal, detail });

export interface AskerRulesOptions {
  readonly isInsecure: boolean;
  readonly authoriser: Pick<Authoriser, "node">;
  /** What an operator with a credential may do now; undefined: he is none any more. */
  principalOf(operator: string): Principal | undefined;
  /** A node with a proven identity named another; told of each time. */
  claimedAnother?(node: string, claimed: string): void;
}

/**
 * The identity rules of the protocol page, in one place.
 *
 * Over a secure association the identity is the credential's; a body or `ep` that says otherwise is 4.03. Without one everything
 * is 4.01, unless `--insecure`: then a node is who its body or `?ep=ID` says, and an operator is whoever names no node and
 * sits on this machine.
 */
export class AskerRules {
  readonly #isInsecure: boolean;
  readonly #authoriser: AskerRulesOptions["authoriser"];
  readonly #principalOf: (operator: string) => Principal | undefined;
  readonly #claimedAnother: (node: string, claimed: string) => void;

  constructor(options: AskerRulesOptions) {
    this.#isInsecure = options.isInsecure;
    this.#authoriser = options.authoriser;
    this.#principalOf = options.principalOf.bind(options);
    this.#claimedAnother = options.claimedAnother?.bind(options) ?? (() => undefined);
  }

  /** A node must be asking. `claimed` is the id that the body carries, if any. */
  node(request: CoapRequest, claimed?: string): AskingNode | NotServed {
    const { identity } = request.peer;
    const ep = request.query("ep");
    if (identity.kind === "node") {
      const other = [ep, claimed].find((each) => each !== undefined && each !== identity.id);
      if (other === undefined) return { kind: "node", node: nodeId(identity.id), how: "credential" };
      this.#claimedAnother(identity.id, other);
      return refused("other-identity");
    }
    if (identity.kind === "operator") return refused("no-node-id");
    if (identity.kind === "enrolment") return refused("enrolment-only");
    if (!this.#isInsecure) return refused("no-identity");
    if (ep !== undefined && claimed !== undefined && ep !== claimed) return refused("other-identity");
    const text = ep ?? claimed;
    if (text === undefined) return refused("no-node-id");
    const parsed = parseNodeId(text);
    return parsed.ok ? { kind: "node", node: parsed.id, how: "claimed" } : refused("bad-node-id", parsed.rule);
  }

  /** As `node`, or the child that it asks for, by `?child=ID`. */
  nodeOrChild(request: CoapRequest, permission: Permission): AskingNode | NotServed {
    return this.#forChild(this.node(request), request, permission);
  }

  /** As `either`, or the child that a gateway asks for. */
  eitherOrChild(request: CoapRequest, permission: Permission): Asker {
    return this.#forChild(this.either(request), request, permission);
  }

  /** The node of `node` where it is beyond question whose request it is, whether or not it is registered; undefined: ask `node`. */
  steadyNode(request: CoapRequest): string | undefined {
    const { identity } = request.peer;
    if (identity.kind === "node") return request.query("ep") === undefined ? identity.id : undefined;
    return identity.kind === "none" && this.#isInsecure ? request.query("ep") : undefined;
  }

  /** Whether nobody on the way can read the answer: a secure association, or this machine under `--insecure`. */
  mayHearSecrets(request: CoapRequest): boolean {
    const { identity, isLoopback } = request.peer;
    return (
      (identity.kind !== "none" && identity.kind !== "enrolment") ||
      (this.#isInsecure && isLoopback && identity.kind === "none")
    );
  }

  /** An operator must be asking. */
  operator(request: CoapRequest): AskingOperator | NotServed {
    const { identity } = request.peer;
    if (identity.kind === "operator") return this.#known(request, identity.id);
    if (identity.kind === "enrolment") return refused("enrolment-only");
    if (identity.kind === "node" || request.query("ep") !== undefined) return refused("operators-only");
    if (!this.#isInsecure) return refused("no-identity");
    return request.peer.isLoopback ? operatorFrom(request, localOperator) : refused("operator-elsewhere");
  }

  /** Either may ask: a node names itself, and who doesn't is an operator. */
  either(request: CoapRequest): Asker {
    const { identity } = request.peer;
    const isNode = identity.kind === "node" || (identity.kind === "none" && request.query("ep") !== undefined);
    return isNode ? this.node(request) : this.operator(request);
  }

  /** Either may ask, but who names no node must say `?as=operator`: a forgetful node shall not see everything. */
  eitherByName(request: CoapRequest): Asker {
    const isNamed = request.peer.identity.kind !== "none" || request.query("as") === "operator";
    return isNamed ? this.either(request) : this.node(request);
  }

  /** A lookup in the directory: `ep` is what is looked for, not who asks, and nodes may look others up. */
  lookup(request: CoapRequest): Asker {
    const { identity } = request.peer;
    if (identity.kind === "node") return { kind: "node", node: nodeId(identity.id), how: "credential" };
    if (identity.kind === "operator") return this.#known(request, identity.id);
    if (identity.kind === "enrolment") return refused("enrolment-only");
    if (!this.#isInsecure) return refused("no-identity");
    return request.peer.isLoopback ? operatorFrom(request, localOperator) : refused("operator-elsewhere");
  }

  /**
   * Who writes below `/nodes/{owner}/`: the node itself or the gateway whose child it is. Under `--insecure` the path alone
   * is enough of a claim. What the body says of the id must agree.
   */
  writer(request: CoapRequest, owner: string, claimed?: string): AskingNode | NotServed {
    const { identity } = request.peer;
    if (claimed !== undefined && claimed !== owner) {
      if (identity.kind === "node") this.#claimedAnother(identity.id, claimed);
      return refused("other-identity");
    }
    if (identity.kind === "none" && request.query("ep") === undefined) return this.node(request, owner);
    return this.#owned(this.node(request), owner, report);
  }

  /** Who reads below `/nodes/{owner}/`: the node itself, its gateway, or an operator. */
  reader(request: CoapRequest, owner: string): Asker {
    return this.#owned(this.either(request), owner, read);
  }

  #forChild<A extends Asker>(asker: A, request: CoapRequest, permission: Permission): A | AskingNode | NotServed {
    const text = request.query(queryNames.child);
    if (text === undefined || asker.kind !== "node") return asker;
    const { node: gateway, how } = asker;
    const child = parseNodeId(text);
    const isIts = child.ok && child.id !== gateway && this.#authoriser.node(permission, gateway, child.id);
    if (isIts) return { kind: "node", node: child.id, how, gateway };
    if (how === "credential") this.#claimedAnother(gateway, text);
    return refused("child-id");
  }

  #known(request: CoapRequest, operator: string): AskingOperator | NotServed {
    const principal = this.#principalOf(operator);
    return principal === undefined ? refused("no-identity") : operatorFrom(request, principal);
  }

  #owned<A extends Asker>(asker: A, owner: string, permission: Permission): A | NotServed {
    if (asker.kind !== "node" || this.#authoriser.node(permission, asker.node, owner)) return asker;
    if (asker.how === "credential") this.#claimedAnother(asker.node, owner);
    return refused("not-your-resource");
  }
}

/**
 * Marks who spoke as heard: a gateway, where it spoke for its child. That the gateway asks says nothing of the child, which may have been
 * silent for long. False: the node isn't registered.
 */
export function heardOf(registry: Pick<Registry, "heard" | "isRegistered">, { node, gateway }: AskingNode): boolean {
  return gateway === undefined ? registry.heard(node) : registry.heard(gateway) && registry.isRegistered(node);
}
