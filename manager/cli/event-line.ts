import type { LiveEvent } from "../app/api/watching.ts";
import { printableLine } from "./printable.ts";
import { byteCount } from "./table.ts";

/** A live event as one line for people; undefined for those that only programs need. */
export function eventLine(event: LiveEvent): string | undefined {
  const words = wordsOf(event);
  return words === undefined ? undefined : printableLine(words);
}

function wordsOf(event: LiveEvent): string | undefined {
  switch (event.kind) {
    case "registered":
      return `${event.node} ${event.isNew ? "registered" : "registered again"}`;
    case "removed":
      return `${event.node} was removed`;
    case "presence":
      return `${event.node} is ${event.to} (was ${event.from})`;
    case "presence-many":
      return `${event.count} nodes are ${event.to}`;
    case "health":
      return `${event.node} says it is ${event.status}`;
    case "observing":
      return `${event.node} ${event.isObserving ? "is observed" : "is no longer observed"}`;
    case "mode":
      return `${event.node} has another mode`;
    case "update":
      return `update ${event.update} changed${event.nodes.length > 0 ? ` for ${event.nodes.join(", ")}` : ""}`;
    case "attempt":
      return `${event.node} ${event.update}: ${event.state}${progress(event)}${event.reason ? ` (${event.reason})` : ""}`;
    case "fetch":
      return `${event.node} ${event.isResume ? "resumes" : "begins"} its download by ${event.way} at ${byteCount(event.offset)}`;
    case "action":
      return `${event.node} action ${event.rev} ${event.what}: ${event.state}${event.reason ? ` (${event.reason})` : ""}`;
    case "alert":
      return `${event.state === "raised" ? "ALERT" : "cleared"} ${event.alert.severity} ${event.alert.node}: ${event.alert.text}`;
    case "rollout":
      return `rollout ${event.rollout}: ${event.status}, wave ${event.wave} of ${event.waves}, ${event.counts["succeeded"] ?? 0} of ${event.members} done${event.reason ? ` (${event.reason})` : ""}`;
    case "broker":
      return `${event.node} ${event.state === "connected" ? "connected to" : `${event.state} from`} the broker`;
    case "artifact":
      return `artifact ${event.digest.slice(0, 19)}... stored, ${byteCount(event.size)}`;
    case "metrics":
    case "services":
    case "logs":
    case "telemetry":
      return undefined;
  }
}

function progress({ percent, bytes, total }: { percent?: number; bytes?: number; total?: number }): string {
  if (percent === undefined) return "";
  return bytes === undefined
    ? ` ${percent} %`
    : ` ${percent} % (${byteCount(bytes)}${total ? ` of ${byteCount(total)}` : ""})`;
}
