import { describe, expect, test } from "vitest";
import { isChildOf, nodeId } from "../../schemas/wire/node-id.ts";
import { Authoriser, boundBy, type Principal } from "./authoriser.ts";
import { type NodeLabels, noLabels } from "./node-labels.ts";
import { type ActionName, type Permission, permissionOf, permissions } from "./permissions.ts";
import { type Role, reaches, roles } from "./role.ts";
import type { Scope } from "./scope.ts";

const labels: Readonly<Record<string, NodeLabels>> = {
  crane: { site: "harbour", tags: ["heavy"] },
  lamp: { site: "pier", tags: [] },
};
const authoriser = new Authoriser({ labelsOf: (node) => labels[node] ?? noLabels });
const actions = Object.keys(permissions) as ActionName[];

const ann = (role: Role, ...scopes: Scope[]): Principal => ({ id: "ann", role, scopes });

describe.each(actions)("%s", (action) => {
  const permission: Permission = permissionOf(action);
  const needed = permission.operators;

  test.each(roles)("as its row says for a %s of the whole fleet", (role) => {
    const isReached = needed !== "none" && reaches(role, needed);
    expect(authoriser.operator(ann(role), permission, "crane")).toBe(isReached ? "allowed" : "role");
  });

  test("an admin of one site doesn't reach another, a node that nobody put anywhere, or what concerns everybody", () => {
    const local = ann("admin", ["site:harbour"]);
    const answer = (node?: string): string => authoriser.operator(local, permission, node);
    if (needed === "none") {
      expect(answer("crane")).toBe("role");
      return;
    }
    const isAnywhere = permission.scope === "any" || permission.scope === "filtered";
    expect(answer("lamp")).toBe(isAnywhere ? "allowed" : "scope");
    expect(answer("newcomer")).toBe(isAnywhere ? "allowed" : "scope");
    expect(answer()).toBe(isAnywhere ? "allowed" : "scope");
    expect(answer("crane")).toBe(permission.scope === "whole" ? "scope" : "allowed");
  });

  test("a node does to itself, a gateway to its children, what the row says, and nothing to others", () => {
    const { nodes } = permission;
    expect(authoriser.node(permission, "gw", "gw")).toBe(nodes !== "none");
    expect(authoriser.node(permission, "gw", "gw.0a")).toBe(nodes === "own-and-children" || nodes === "any");
    for (const other of [
      "crane",
      "gw2",
      "gw2.0a",
      "gw.0a.0b",
      "gw.",
      "gw.xyz",
      "gw.0A",
      "g",
      "",
      `gw.${"0".repeat(33)}`,
    ]) {
      expect(authoriser.node(permission, "gw", other), other).toBe(nodes === "any");
    }
    expect(authoriser.node(permission, "gw.0a", "gw")).toBe(nodes === "any");
  });
});

test("only what a row says is open to strangers, and that changes nothing but what a household's gateway says of its home", () => {
  const open = actions.filter((each) => permissionOf(each).strangers);
  expect(open).toEqual(["console.load", "session.begin", "artifact.fetch", "authority.read", "site.follow"]);
});

test("whose child somebody is, is told as the protocol's own rule tells it", () => {
  const gateway = nodeId("gw-1");
  const report = permissionOf("node.report");
  for (const child of [
    "gw-1.0a",
    "gw-1.g",
    "gw-1.",
    "gw-1",
    "gw-10.0a",
    "gw-1.0a.0b",
    "gw-1-0a",
    `gw-1.${"f".repeat(32)}`,
  ]) {
    expect(authoriser.node(report, gateway, child), child).toBe(child === gateway || isChildOf(nodeId(child), gateway));
  }
});

describe("scopes", () => {
  const steer = permissionOf("node.steer");
  const may = (principal: Principal, node: string): boolean =>
    authoriser.operator(principal, steer, node) === "allowed";
  test("of several words one is enough; of an owner and his token both must hold", () => {
    expect(may(ann("operator", ["site:pier", "tag:heavy"]), "crane")).toBe(true);
    expect(may(ann("operator", ["site:pier", "tag:heavy"]), "lamp")).toBe(true);
    const token = boundBy(ann("operator", ["site:harbour"]), "admin", ["tag:heavy"]);
    expect([token.role, may(token, "crane"), may(token, "lamp")]).toEqual(["operator", true, false]);
    expect(may(boundBy(ann("admin", ["site:pier"]), "operator", ["site:harbour"]), "crane")).toBe(false);
    expect(boundBy(ann("admin"), "viewer", []).role).toBe("viewer");
  });
  test("a site isn't a tag of the same name", () => {
    expect(may(ann("operator", ["tag:harbour"]), "crane")).toBe(false);
    expect(may(ann("operator", ["site:heavy"]), "crane")).toBe(false);
    expect(authoriser.sees(ann("viewer", ["site:harbour"]), "crane")).toBe(true);
    expect(authoriser.sees(ann("viewer", ["site:harbour"]), "lamp")).toBe(false);
    expect(authoriser.sees(ann("viewer"), "anything")).toBe(true);
  });
});
