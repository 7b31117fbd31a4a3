// Draws what fleet.js knows. Text from the fleet only ever becomes text, never markup.
import {
  agoText,
  clockText,
  finishedStates,
  isUpdating,
  measuredText,
  shownAttempt,
  sizeText,
  stateWords,
  toneOf,
} from "./fleet.js";

const maxCards = 500;

export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "share") node.style.setProperty("--share", `${value}%`);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((each) => each !== undefined && each !== ""));
  return node;
}

const byId = (id) => document.getElementById(id);

export const filters = {
  all: { label: "nodes", passes: () => true },
  online: { label: "online", passes: (node) => node.presence.state === "online" },
  late: { label: "late", passes: (node) => node.presence.state === "late" },
  offline: { label: "offline", passes: (node) => node.presence.state === "offline" },
  unknown: { label: "unheard", passes: (node) => node.presence.state === "unknown" },
  updating: { label: "updating", passes: isUpdating },
};

const tiles = new Map();

/** Made once and changed in place, so that whoever stands on one by keyboard stays there. */
export function drawTiles(fleet, selected, select) {
  const nodes = [...fleet.nodes.values()];
  // Of a fleet larger than a page the manager counts, and only what is under way is counted from what was loaded.
  const counts = fleet.isWhole ? {} : { ...fleet.system?.counts, all: fleet.system?.counts.registered };
  for (const [kind, { label, passes }] of Object.entries(filters)) {
    const tile = tiles.get(kind) ?? newTile(kind, label, select);
    const count = counts[kind] ?? nodes.filter(passes).length;
    tile.dataset.empty = String(count === 0);
    tile.setAttribute("aria-pressed", String(kind === selected));
    tile.firstChild.textContent = String(count);
  }
}

function newTile(kind, label, select) {
  const properties = { class: "tile", type: "button", "data-kind": kind, onclick: () => select(kind) };
  const tile = el("button", properties, el("b"), el("span", {}, label));
  tiles.set(kind, tile);
  byId("tiles").append(tile);
  return tile;
}

const cards = new Map();

/** Cards stay the same elements while a node lives, so that focus and running transitions survive a redraw. */
export function drawCards(fleet, { filter, search, open }) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [...fleet.nodes.values()]
    .filter((node) => filters[filter].passes(node) && words.every((word) => searchText(node).includes(word)))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const shown = wanted.slice(0, maxCards);
  const list = byId("cards");
  const ids = new Set(shown.map((node) => node.id));
  for (const [id, card] of cards) if (!ids.has(id)) forget(id, card);
  shown.forEach((node, index) => {
    const card = cards.get(node.id) ?? newCard(node, open);
    fillCard(card, node, shownAttempt(fleet, node, Date.now()), measuredText(fleet.points.get(node.id)));
    if (list.children[index] !== card.item) list.insertBefore(card.item, list.children[index] ?? null);
  });
  const isFiltered = filter !== "all" || words.length > 0;
  byId("shown").textContent = isFiltered || wanted.length > maxCards ? `${shown.length} of ${fleet.total}` : "";
  drawEmpty(fleet, wanted.length === 0);
}

/** Ids of the cards that are there, in their order. */
export function shownIds() {
  return [...cards.keys()].sort((a, b) => (a < b ? -1 : 1));
}

function forget(id, card) {
  card.item.remove();
  cards.delete(id);
}

function searchText({ id, manifest, labels, phase }) {
  const tags = [...(labels?.tags ?? []), ...(manifest.tags ?? [])];
  return [id, manifest.model, manifest.version, labels?.site, manifest.site, phase, ...tags].join(" ").toLowerCase();
}

function newCard(node, open) {
  const title = el("button", { class: "open", type: "button", onclick: () => open(node.id) }, node.id);
  const presence = el("span", { class: "presence" });
  const facts = el("p", { class: "facts" });
  const badges = el("p", { class: "badges" });
  const progress = el("div", { class: "progress" });
  const item = el("li", { class: "card" }, el("div", { class: "head" }, title, presence), facts, badges, progress);
  const card = { item, presence, facts, badges, progress, drawn: "", telemetryAtMs: 0 };
  cards.set(node.id, card);
  return card;
}

function fillCard(card, node, attempt, measured) {
  const { manifest, presence, health, phase } = node;
  const site = node.labels?.site ?? manifest.site;
  if (node.telemetryAtMs !== undefined && node.telemetryAtMs !== card.telemetryAtMs) {
    card.telemetryAtMs = node.telemetryAtMs;
    const dot = card.badges.querySelector(".pulse");
    dot?.classList.remove("beat");
    requestAnimationFrame(() => dot?.classList.add("beat"));
  }
  const heard =
    presence.state === "online" || presence.heardAgoMs === undefined ? "" : `, ${agoText(presence.heardAgoMs)}`;
  const said = JSON.stringify([
    manifest.model,
    manifest.version,
    site,
    presence.state,
    heard,
    health?.status,
    phase,
    attempt,
    node.identity,
    node.mode,
    manifest.rolledBack,
    measured,
  ]);
  if (said === card.drawn) return;
  card.drawn = said;
  card.item.dataset.presence = presence.state;
  card.item.dataset.busy = String(isUpdating(node));
  card.presence.textContent = `${presence.state === "unknown" ? "not heard yet" : presence.state}${heard}`;
  card.facts.textContent =
    [manifest.model, manifest.version, site].filter(Boolean).join(" · ") || "says nothing about itself";
  card.badges.replaceChildren(
    ...[
      health && el("span", { class: "badge", "data-tone": toneOf(health.status) }, health.status),
      phase && el("span", { class: "badge", "data-tone": toneOf(phase) }, phase),
      node.mode === "maintenance" &&
        phase !== "maintenance" &&
        el("span", { class: "badge", "data-tone": "busy" }, "maintenance wanted"),
      manifest.rolledBack &&
        el(
          "span",
          { class: "badge", "data-tone": "bad" },
          `rolled back${manifest.rolledBack.reason ? `: ${manifest.rolledBack.reason}` : ""}`,
        ),
      node.identity === "address" &&
        el("span", { class: "badge", "data-tone": "warn" }, "unauthenticated address identity"),
      measured !== "" && el("span", { class: "measured" }, measured),
      el("span", { class: "pulse", title: "blinks when telemetry arrives" }),
    ].filter(Boolean),
  );
  drawProgress(card.progress, attempt);
}

function drawProgress(place, attempt) {
  place.hidden = attempt === undefined;
  if (attempt === undefined) return;
  const isOver = finishedStates.has(attempt.state);
  const percent =
    isOver || ["verifying", "staged", "trial"].includes(attempt.state) ? 100 : Math.round(attempt.percent ?? 0);
  place.dataset.tone = isOver ? toneOf(attempt.state) : "busy";
  const amount = attempt.state === "downloading" ? `${percent} %` : "";
  const words = `${stateWords[attempt.state] ?? attempt.state}${attempt.reason ? `: ${attempt.reason}` : ""}`;
  const bar = el("div", {
    class: "bar",
    role: "progressbar",
    "aria-valuenow": percent,
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-label": `update ${attempt.update}`,
  });
  const fill = place.querySelector(".bar i") ?? el("i");
  fill.style.setProperty("--share", `${percent}%`);
  bar.append(fill);
  place.replaceChildren(el("p", { class: "words" }, el("span", {}, words), el("span", {}, amount)), bar);
}

function drawEmpty(fleet, isEmpty) {
  const place = byId("empty");
  place.hidden = !isEmpty;
  if (!isEmpty) return;
  if (fleet.nodes.size > 0) return place.replaceChildren(el("p", {}, "No node matches."));
  if (fleet.system?.isInsecure === true) {
    const coap = fleet.system.urls?.coap ?? "coap://HOST";
    place.replaceChildren(
      el("p", {}, "No node has registered yet. Nodes find this manager by themselves, or are told where it is:"),
      el("code", {}, `cxnode --manager ${coap} --id my-first-node`),
    );
  } else {
    place.replaceChildren(
      el("p", {}, "No node has registered yet. Give one its keys; this prints them, and the command that starts it:"),
      el("code", {}, "coxswain node add my-first-node"),
    );
  }
}

export function drawAlerts(fleet) {
  const alerts = [...fleet.alerts.values()].sort((a, b) => b.raisedAtMs - a.raisedAtMs);
  byId("alerts-count").textContent = alerts.length === 0 ? "" : String(alerts.length);
  byId("alerts").replaceChildren(
    ...alerts
      .slice(0, 50)
      .map((alert) =>
        el(
          "li",
          { "data-severity": alert.severity },
          el("b", {}, alert.node),
          ` ${alert.text} `,
          el("small", {}, `${alert.severity}, ${agoText(Date.now() - alert.raisedAtMs)}`),
        ),
      ),
  );
  if (alerts.length === 0) byId("alerts").replaceChildren(el("li", { class: "none" }, "Nothing is wrong."));
}

export function drawUpdates(fleet) {
  const updates = [...fleet.updates].sort((a, b) => b.createdAtMs - a.createdAtMs).slice(0, 12);
  byId("updates").replaceChildren(...fleet.rollouts.slice(0, 6).map(rolloutItem), ...updates.map(updateItem));
  if (updates.length === 0) byId("updates").replaceChildren(el("li", { class: "none" }, "There is no update yet."));
}

const endTones = { succeeded: "good", had: "good", failed: "bad", waiting: "quiet" };

/** A rollout's bar is of its members; what closed its gate stands below. */
function rolloutItem({ id, update, status, members, counts, waves, plan, pause, waitsFor }) {
  const phases = Object.entries(counts);
  const stack = el(
    "div",
    { class: "stack" },
    ...phases.map(([name, count]) =>
      el("i", { "data-tone": endTones[name], share: (count / members) * 100, title: `${count} ${name}` }),
    ),
  );
  const words = phases.map(([name, count]) => `${count} ${name}`).join(", ");
  const why = pause?.why ?? (waitsFor && `waits for ${waitsFor}`);
  return el(
    "li",
    { class: "rollout" },
    el("b", {}, `rollout ${id}`),
    ` of ${update} `,
    el("small", {}, `${status}, wave ${waves.length} of ${plan.waves.length}`),
    members > 0 ? stack : undefined,
    el("small", {}, [words, why].filter(Boolean).join("; ") || "no members"),
  );
}

function updateItem({ update, state, counts }) {
  const states = Object.entries(counts?.states ?? {}).filter(([, count]) => count > 0);
  const total = states.reduce((sum, [, count]) => sum + count, 0);
  const stack = el(
    "div",
    { class: "stack" },
    ...states.map(([name, count]) =>
      el("i", { "data-tone": toneOf(name), share: (count / total) * 100, title: `${count} ${name}` }),
    ),
  );
  const words = states.map(([name, count]) => `${count} ${name}`).join(", ");
  const resumed = counts?.resumed ? `, ${counts.resumed} resumed` : "";
  return el(
    "li",
    {},
    el("b", {}, update.id),
    ` ${update.model ?? "any model"} → ${update.version} `,
    el("small", {}, `${sizeText(update.size)}, ${state}`),
    total > 0 ? stack : undefined,
    el("small", {}, total > 0 ? words + resumed : "not started"),
  );
}

export function drawFeed(fleet) {
  const place = byId("feed");
  place.replaceChildren(
    ...fleet.feed.map(({ atMs, text, tone }) =>
      el("li", { "data-tone": tone }, el("time", {}, clockText(atMs)), el("span", {}, text)),
    ),
  );
  if (fleet.feed.length === 0)
    place.replaceChildren(el("li", {}, el("time", {}, "–"), el("span", {}, "Waiting for something to happen.")));
}

export function drawSystem(system) {
  byId("system").textContent = `${system.version} · ${system.urls?.coap ?? ""} · ${system.urls?.mqtt ?? ""}`;
  byId("insecure").hidden = system.isInsecure !== true;
}

export function drawLink(state) {
  const words = {
    live: "live",
    connecting: "connecting",
    "signed-out": "signed out",
    cut: "connection lost, trying again",
  };
  byId("link").dataset.state = state;
  byId("link").textContent = words[state];
}
