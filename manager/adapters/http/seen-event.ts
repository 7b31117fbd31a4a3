import type { LiveEvent } from "../../app/api/watching.ts";

/** What of an event somebody may see who sees part of the fleet; undefined: nothing. */
export function seenEvent(event: LiveEvent, sees: (node: string) => boolean): LiveEvent | undefined {
  switch (event.kind) {
    case "alert":
      return sees(event.alert.node) ? event : undefined;
    case "update": {
      const nodes = event.nodes.filter(sees);
      return nodes.length === event.nodes.length ? event : { ...event, nodes };
    }
    case "presence-many":
    case "rollout":
      // It counts nodes that he doesn't see.
      return undefined;
    case "artifact":
      return event;
    default:
      return sees(event.node) ? event : undefined;
  }
}
