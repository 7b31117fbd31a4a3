import { routeActions as coapActions } from "./adapters/coap/route-actions.ts";
import { routeActions as httpActions } from "./adapters/http/route-actions.ts";
import { commandActions } from "./cli/command-actions.ts";
import { type ActionName, type Permission, permissionOf, permissions } from "./domain/permissions.ts";

const scopeWords: Readonly<Record<Permission["scope"], string>> = {
  node: "the node must be in it",
  filtered: "what is outside is left out, or refused where it is named",
  whole: "refused with any scope",
  any: "no matter",
};
const nodeWords: Readonly<Record<Permission["nodes"], string>> = {
  none: "",
  own: "itself",
  "own-and-children": "itself; a gateway its children",
  any: "any",
};

/** The reference page of who may do what, from the table that is asked. */
export function permissionsPage(): string {
  const actions = Object.keys(permissions) as ActionName[];
  const rows = actions.map((action) => {
    const { words, operators, scope, nodes, strangers, enrolments } = permissionOf(action);
    const who = strangers ? "anybody" : operators === "none" ? "" : operators;
    const scoped = operators === "none" ? "" : scopeWords[scope];
    return `| \`${action}\` | ${words} | ${who} | ${scoped} | ${enrolments ? "who enrols" : nodeWords[nodes]} |`;
  });
  const faces = actions.map(
    (action) =>
      `| \`${action}\` | ${listOf(httpActions, action)} | ${listOf(coapActions, action)} | ${listOf(commandActions, action)} |`,
  );
  return [
    "# Who may do what",
    "",
    "<!-- Rendered from manager/domain/permissions.ts and the tables of routes and commands by a test; change it there. -->",
    "",
    "Operators have a role: an `operator` may do what a `viewer` may, an `admin` what both may. They have a scope too: words like `site:harbour` and `tag:pump`, of which a",
    "node must have one; without any it is the whole fleet. Where a node is, operators say (`coxswain node label`); what a node says of itself doesn't count. A child is where",
    "its gateway is. An API token has a role and a scope of its own, and never more than its owner has at that moment.",
    "",
    "A node is who its credential says, and a child of the gateway `gw` is called `gw.` and its hardware number in hexadecimal. HTTP, CoAP and the command line ask this one table; a",
    "route that isn't in it is refused to everybody.",
    "",
    "| action | what it is | operators, at least | their scope | nodes: on whom |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
    "## Where it is asked",
    "At the broker a node publishes and subscribes under its own id, a gateway under its children's too: `node.report`.",
    "",
    "| action | HTTP | CoAP | `coxswain` |",
    "| --- | --- | --- | --- |",
    ...faces,
    "",
  ].join("\n");
}

function listOf(table: Readonly<Record<string, ActionName | readonly ActionName[]>>, action: ActionName): string {
  return Object.entries(table)
    .filter(([, actions]) => actions === action || (Array.isArray(actions) && actions.includes(action)))
    .map(([name]) => `\`${name}\``)
    .join(", ");
}
