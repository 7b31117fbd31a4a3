/**
 * The durable name of a node. It is a path segment, a topic level, a Uri-Host, a PSK identity and part of a certificate's
 * name, so it keeps to what all of them take.
 */
export type NodeId = string & { readonly "~brand": "NodeId" };

/** What a node id must be, for people. Part of every refusal. */
export const nodeIdRule =
  "1 to 63 of a-z, 0-9, dot, underscore and hyphen, starting with a letter or digit, and none of the reserved words";

/** Words that mean something else where a node id could stand in a path or a topic. */
export const reservedNodeIds: ReadonlySet<string> = new Set([
  "fleet",
  "commands",
  "ack",
  "ota",
  "socket",
  "aggregate",
  "master",
]);

const pattern = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const hardwareNumber = /^[0-9a-f]{1,32}$/;

export type NodeIdResult = { readonly ok: true; readonly id: NodeId } | { readonly ok: false; readonly rule: string };

/** The node id in `text`, or the rule that it breaks. */
export function parseNodeId(text: string): NodeIdResult {
  if (!pattern.test(text)) return { ok: false, rule: nodeIdRule };
  if (reservedNodeIds.has(text)) return { ok: false, rule: `"${text}" is a reserved word; ${nodeIdRule}` };
  return { ok: true, id: text as NodeId };
}

export function isNodeId(text: string): text is NodeId {
  return pattern.test(text) && !reservedNodeIds.has(text);
}

/** The node id in a text that the program itself wrote; throws when it is none. */
export function nodeId(text: string): NodeId {
  const result = parseNodeId(text);
  if (!result.ok) throw new TypeError(`not a node id: ${JSON.stringify(text)}: ${result.rule}`);
  return result.id;
}

/** The id of a gateway's child: `<gateway>.<hardware number in lower-case hexadecimal>`. */
export function childNodeId(gateway: NodeId, hardware: string): NodeIdResult {
  if (!hardwareNumber.test(hardware)) return { ok: false, rule: "a hardware number is 1 to 32 of 0-9 and a-f" };
  return parseNodeId(`${gateway}.${hardware}`);
}

/** True when `child` is an id that `gateway` may register as its child. */
export function isChildOf(child: NodeId, gateway: NodeId): boolean {
  return child.startsWith(`${gateway}.`) && hardwareNumber.test(child.slice(gateway.length + 1));
}
