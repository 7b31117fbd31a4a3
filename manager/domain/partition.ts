/** Into how many shares nodes are divided; a process owns shares, never single nodes. Fixed for ever: it is in stored positions. */
export const partitionCount = 256;

/** The share a node (or an update) belongs to: FNV-1a over its characters, folded to 8 bits. Stable across versions. */
export function partitionOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  return (hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24)) & 0xff;
}
