// The dialog with everything about one node.
import { agoText, clockText, sizeText, toneOf } from "./fleet.js";
import { el } from "./view.js";

const commands = [
  ["identify", "Identify"],
  ["query-status", "Ask for status"],
  ["restart", "Restart"],
];

/** Fills the dialog; `send(command)` resolves with words about what came of it, and is absent for who may not send any. */
export function drawDetails(dialog, { details, timeline }, send) {
  const { node, health, telemetry, attempts, actions } = details;
  const { manifest, presence } = node;
  const said = el("output", {});
  const buttons = (send === undefined ? [] : commands).map(([command, label]) =>
    el(
      "button",
      { class: "button", type: "button", onclick: async () => (said.textContent = await send(command)) },
      label,
    ),
  );
  const body = el(
    "div",
    { class: "body" },
    send === undefined ? "" : el("div", { class: "actions" }, ...buttons, said),
    facts("About", [
      [
        "presence",
        `${presence.state}${presence.heardAgoMs === undefined ? "" : `, heard ${agoText(presence.heardAgoMs)}`}`,
      ],
      ["health", health?.value.status && `${health.value.status}, ${agoText(health.ageMs)} by ${health.way}`],
      ["phase", node.phase],
      ["model", manifest.model],
      ["hardware", manifest.hw],
      ["site", node.labels?.site ?? manifest.site],
      ["tags", [...(node.labels?.tags ?? []), ...(manifest.tags ?? [])].join(", ")],
      ["version", manifest.version],
      ["running", manifest.digest],
      ["slot", manifest.slot && `${manifest.slot}${manifest.confirmed === false ? ", on trial" : ""}`],
      ["rolled back", manifest.rolledBack && `${manifest.rolledBack.digest} ${manifest.rolledBack.reason ?? ""}`],
      ["capabilities", manifest.caps?.join(", ")],
      ["address", `${node.path.address} port ${node.path.port}`],
      ["identity", node.identity === "address" ? "unauthenticated address identity" : node.identity],
      ["broker", node.isConnectedToBroker ? "connected" : "not connected"],
      ["registered", `${new Date(node.registeredAtMs).toLocaleDateString("sv-SE")} ${clockText(node.registeredAtMs)}`],
    ]),
    facts(
      "Last report",
      Object.entries(health?.value ?? {}).filter(([name, value]) => typeof value !== "object" && name !== "status"),
    ),
    facts(
      "Telemetry",
      telemetry.map((each) => [each.series, `${each.value} ${each.unit ?? ""}`]),
    ),
    facts(
      "Attempts",
      attempts.map(({ attempt, bytesByWay, resumes }) => [attempt.update, attemptText(attempt, bytesByWay, resumes)]),
    ),
    facts(
      "Waiting for it",
      actions.map(({ rev, action, state }) => [`rev ${rev}`, `${action.kind}, ${state}`]),
    ),
    facts(
      "Timeline",
      timeline.map(({ wallMs, what, data }) => [clockText(wallMs), `${what} ${data ? plain(data) : ""}`]),
    ),
  );
  const close = el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close");
  const tone = el("span", { class: "badge", "data-tone": toneOf(presence.state) }, presence.state);
  dialog.replaceChildren(el("header", {}, el("h2", { id: "details-title" }, node.id), tone, close), body);
}

function facts(title, pairs) {
  const shown = pairs.filter(([, value]) => value !== undefined && value !== "" && value !== null);
  if (shown.length === 0) return undefined;
  const list = el("dl", {});
  for (const [name, value] of shown) list.append(el("dt", {}, String(name)), el("dd", {}, String(value)));
  return el("section", {}, el("h3", {}, title), list);
}

function attemptText(attempt, bytesByWay, resumes) {
  const ways = Object.entries(bytesByWay ?? {}).map(([way, bytes]) => `${sizeText(bytes)} by ${way}`);
  return [
    attempt.state,
    attempt.reason,
    ...ways,
    resumes > 0 ? `resumed ${resumes === 1 ? "once" : `${resumes} times`}` : undefined,
  ]
    .filter(Boolean)
    .join(", ");
}

function plain(data) {
  return Object.entries(data)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}
