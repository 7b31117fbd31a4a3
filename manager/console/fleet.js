// What the page knows of the fleet, changed by events alone. No DOM here.

export const finishedStates = new Set(["succeeded", "failed", "rolled-back", "cancelled", "expired"]);
const feedLength = 200;

export function emptyFleet() {
  return {
    nodes: new Map(),
    alerts: new Map(),
    updates: [],
    rollouts: [],
    feed: [],
    ended: new Map(),
    points: new Map(),
    system: undefined,
    total: 0,
    isWhole: true,
  };
}

/** The tone in which a state is shown: good, warn, bad, busy or quiet. */
export function toneOf(state) {
  if (["healthy", "succeeded", "operational", "online", "done"].includes(state)) return "good";
  if (["unhealthy", "failed", "rolled-back", "offline", "safe", "critical"].includes(state)) return "bad";
  if (["degraded", "late", "warning", "deferred", "boot", "discovery"].includes(state)) return "warn";
  if (["maintenance", "downloading", "verifying", "staged", "trial", "offered", "accepted", "restart"].includes(state))
    return "busy";
  return "quiet";
}

const successShownMs = 60_000;

/** The attempt that a node's card shows: the open one, else the last that ended; a success only for a while. */
export function shownAttempt(fleet, node, nowMs) {
  if (node.attempt !== undefined) return node.attempt;
  const ended = fleet.ended.get(node.id);
  return ended?.state === "succeeded" && nowMs - ended.atMs > successShownMs ? undefined : ended;
}

export function isUpdating(node) {
  return node.attempt !== undefined && !finishedStates.has(node.attempt.state);
}

/**
 * Applies one event. Returns what has to be loaded anew, since an event says that something changed, not all that it is:
 * `{node}` ids and `updates: true`.
 */
export function applyEvent(fleet, kind, data, nowMs) {
  const node = data.node === undefined ? undefined : fleet.nodes.get(data.node);
  addToFeed(fleet, kind, data, nowMs);
  switch (kind) {
    case "registered":
      return { node: data.node };
    case "removed":
      fleet.nodes.delete(data.node);
      return {};
    case "presence":
      if (node) node.presence = { ...node.presence, state: data.to };
      return {};
    case "presence-many":
      return { all: true };
    case "health":
      if (node) {
        const changed = node.health?.status !== data.status;
        node.health = { status: data.status, ageMs: 0 };
        node.heardAtMs = nowMs;
        return changed ? { node: data.node } : {};
      }
      return {};
    case "attempt": {
      const isStep = node?.attempt?.state !== data.state;
      if (node) {
        node.attempt = { ...data };
        if (finishedStates.has(data.state)) fleet.ended.set(data.node, { ...data, atMs: nowMs });
        else fleet.ended.delete(data.node);
      }
      // With a step its phase changes too, and with the last one its version.
      return { updates: true, node: isStep ? data.node : undefined };
    }
    case "telemetry":
      for (const id of Object.keys(data.nodes)) {
        const sender = fleet.nodes.get(id);
        if (sender) sender.telemetryAtMs = nowMs;
      }
      return {};
    case "alert":
      if (data.state === "raised") fleet.alerts.set(data.alert.id, data.alert);
      else fleet.alerts.delete(data.alert.id);
      return {};
    case "broker":
      if (node) node.isConnectedToBroker = data.state === "connected";
      return {};
    case "update":
    case "rollout":
      return { updates: true };
    case "mode":
    case "action":
      return { node: data.node };
    default:
      return {};
  }
}

/** Adds the event to the timeline, if it has words for it. */
export function addToFeed(fleet, kind, data, atMs) {
  const line = feedLine(kind, data);
  if (line === undefined) return;
  fleet.feed.unshift({ atMs, ...line });
  fleet.feed.length = Math.min(fleet.feed.length, feedLength);
}

/** An event in words for the timeline; undefined for those that would only make noise. */
function feedLine(kind, data) {
  const line = (text, tone = "quiet") => ({ text, tone, node: data.node });
  switch (kind) {
    case "registered":
      return line(`${data.node} ${data.isNew ? "registered" : "is back"}`, data.isNew ? "good" : "quiet");
    case "removed":
      return line(`${data.node} was removed`);
    case "presence":
      return line(`${data.node} is ${data.to}`, toneOf(data.to));
    case "presence-many":
      return line(`${data.count} nodes are ${data.to}`, toneOf(data.to));
    case "observing":
      return data.isObserving ? line(`${data.node}: health is observed`) : undefined;
    case "attempt": {
      const isStep = data.state !== "downloading" || data.percent === undefined || data.percent === 0;
      const reason = data.reason ? `: ${data.reason}` : "";
      return isStep
        ? line(`${data.node} ${stateWords[data.state] ?? data.state}${reason}`, toneOf(data.state))
        : undefined;
    }
    case "fetch":
      return data.isResume ? line(`${data.node} resumes its download at ${sizeText(data.offset)}`, "busy") : undefined;
    case "action":
      // What an update does, its attempt tells in more words.
      if (data.what === "update") return undefined;
      return line(
        `${data.node}: ${data.what} ${data.state}${data.reason ? ` (${data.reason})` : ""}`,
        toneOf(data.state),
      );
    case "alert":
      return line(
        `${data.alert.node}: ${data.alert.text}${data.state === "raised" ? "" : " is over"}`,
        data.state === "raised" ? "bad" : "good",
      );
    case "broker":
      return line(
        `${data.node} ${data.state === "connected" ? "joined" : data.state === "lost" ? "was lost by" : "left"} the broker`,
      );
    case "artifact":
      return line(`an image of ${sizeText(data.size)} was stored`);
    default:
      return undefined;
  }
}

export const stateWords = {
  offered: "is offered the update",
  accepted: "takes the update",
  deferred: "puts the update off",
  downloading: "downloads the update",
  verifying: "verifies the image",
  staged: "is ready to restart into the new image",
  trial: "tries the new image",
  succeeded: "runs the new image, confirmed",
  failed: "failed to update",
  "rolled-back": "went back to its previous image",
  cancelled: "gave the update up",
  expired: "ran out of time for the update",
};

export function sizeText(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

const unitTexts = { Cel: "°C", "%RH": "% RH", "%EL": "% battery", dBm: "dBm" };

/** The last values of a node in one line; texts and what doesn't fit a line are left out. */
export function measuredText(points) {
  return (points ?? [])
    .filter(({ value }) => typeof value === "number")
    .slice(0, 3)
    .map(({ series, value, unit }) => {
      const digits = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : 1;
      const amount = value.toFixed(digits);
      // A share says nothing without its name.
      if (unit === undefined || unit === "/" || unit === "/100")
        return `${series} ${amount}${unit === "/100" ? " %" : ""}`;
      return `${amount} ${unitTexts[unit] ?? unit}`;
    })
    .join(" · ");
}

/** A time of day on a 24-hour clock whatever the browser's language, which is as wide as its column: `22:09:53`. */
export function clockText(wallMs) {
  return new Date(wallMs).toLocaleTimeString("en-GB");
}

export function agoText(ms) {
  if (ms < 3000) return "just now";
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s ago`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return `${Math.floor(ms / 86_400_000)} d ago`;
}
