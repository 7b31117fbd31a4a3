import type { NodeLabels } from "./node-labels.ts";
import type { Permission } from "./permissions.ts";
import { lesserRole, type Role, reaches } from "./role.ts";
import { isWithin, type Scope } from "./scope.ts";

/** An operator who proved who he is, with what he may do at most. */
export interface Principal {
  readonly id: string;
  readonly role: Role;
  /** A node must be in each of them; none: the whole fleet. A token has its own beside its owner's. */
  readonly scopes: readonly Scope[];
}

export type Verdict = "allowed" | "role" | "scope";

/**
 * The one place that decides who may do what, for operators, nodes and gateways alike. It stands on the table of permissions and on what
 * operators said of nodes; nothing that is asked in a request changes its mind.
 */
export class Authoriser {
  readonly #labelsOf: (node: string) => NodeLabels;

  constructor({ labelsOf }: { labelsOf(node: string): NodeLabels }) {
    this.#labelsOf = labelsOf;
  }

  /** Whether the operator may do it; `node` is the one that it is about, where it is about one. */
  operator({ role, scopes }: Principal, permission: Permission, node?: string): Verdict {
    const { operators, scope } = permission;
    if (operators === "none" || !reaches(role, operators)) return "role";
    if (scopes.length === 0 || scope === "any" || scope === "filtered") return "allowed";
    // A node that isn't named, or that nobody put anywhere, is in nobody's scope.
    return scope === "node" && node !== undefined && this.#isWithin(scopes, node) ? "allowed" : "scope";
  }

  /** Whether a node is in the operator's part of the fleet. */
  sees({ scopes }: Principal, node: string): boolean {
    return scopes.length === 0 || this.#isWithin(scopes, node);
  }

  /**
   * Whether the node `asking` may do it to `owner`: to itself, or to a child that its gateway speaks for. Nothing is allocated: every
   * heartbeat of every node comes by here.
   */
  node(permission: Permission, asking: string, owner: string): boolean {
    const { nodes } = permission;
    if (nodes === "none") return false;
    if (asking === owner || nodes === "any") return true;
    return nodes === "own-and-children" && isChildName(owner, asking);
  }

  /** Whether somebody may do it who has nothing but an enrolment key. */
  enrolment({ enrolments }: Permission): boolean {
    return enrolments === true;
  }

  #isWithin(scopes: readonly Scope[], node: string): boolean {
    const labels = this.#labelsOf(node);
    return scopes.every((scope) => isWithin(scope, labels));
  }
}

/** Who is bound by both: a token can do no more than its owner can, now. */
export function boundBy(owner: Principal, role: Role, scope: Scope): Principal {
  return {
    id: owner.id,
    role: lesserRole(owner.role, role),
    scopes: scope.length === 0 ? owner.scopes : [...owner.scopes, scope],
  };
}

const maxHardwareDigits = 32;

/** `<gateway>.<hardware number in lower-case hex>`, as the device protocol says; told without making a text of either part. */
function isChildName(child: string, gateway: string): boolean {
  const start = gateway.length + 1;
  const digits = child.length - start;
  if (digits < 1 || digits > maxHardwareDigits || child.charCodeAt(start - 1) !== 0x2e) return false;
  if (!child.startsWith(gateway)) return false;
  for (let i = start; i < child.length; i++) {
    const code = child.charCodeAt(i);
    const isHex = (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
    if (!isHex) return false;
  }
  return true;
}
