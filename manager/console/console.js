// The live page: loads the fleet once, then follows the manager's events.
import { drawAccount } from "./account.js";
import { drawDetails } from "./details.js";
import { addToFeed, applyEvent, emptyFleet } from "./fleet.js";
import { change, loadSession, may, whoIs } from "./session.js";
import { askWho, useLink } from "./sign-in.js";
import { drawAlerts, drawCards, drawFeed, drawLink, drawSystem, drawTiles, drawUpdates, shownIds } from "./view.js";

const fleet = emptyFleet();
const view = { filter: "all", search: "", open: openDetails };
const eventKinds = [
  "registered",
  "removed",
  "presence",
  "presence-many",
  "health",
  "observing",
  "metrics",
  "services",
  "logs",
  "mode",
  "update",
  "attempt",
  "fetch",
  "action",
  "alert",
  "telemetry",
  "broker",
  "artifact",
];
const refreshMs = 10_000;
const pageSize = 1000;
const maxSteps = 20;
const drawEveryMs = 120;
const telemetryEveryMs = 2_000;
const telemetryCards = 60;

async function get(path) {
  const response = await fetch(`/api/v1${path}`);
  if (response.status === 401 && (await signedIn())) return await get(path);
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.error.message} ${answer.error.next}`);
  return answer;
}

let signingIn;

/** Asks who it is once, however many requests were refused. */
async function signedIn() {
  if (signingIn === undefined) drawLink("signed-out");
  signingIn ??= askWho(linkProblem).finally(() => {
    signingIn = undefined;
    linkProblem = "";
    drawLink("connecting");
    drawAccount();
  });
  await signingIn;
  return true;
}

let linkProblem = "";

/** A fleet larger than a page is filtered by the manager: by presence, and by the beginning of the id. */
function nodeQuery() {
  const query = new URLSearchParams({ limit: String(pageSize) });
  if (fleet.isWhole) return query;
  if (["online", "late", "offline", "unknown"].includes(view.filter)) query.set("presence", view.filter);
  if (/^[a-z0-9][a-z0-9._-]*$/.test(view.search)) query.set("prefix", view.search);
  return query;
}

/** With a filter that few match a step may bring fewer nodes than asked, and more follow. */
async function loadNodes() {
  const query = nodeQuery();
  const nodes = [];
  for (let step = 0; step < maxSteps && nodes.length < pageSize; step++) {
    const found = await get(`/nodes?${query}`);
    nodes.push(...found.nodes);
    if (found.next === undefined) break;
    query.set("after", found.next);
  }
  return nodes.slice(0, pageSize);
}

async function load() {
  const [system, nodes, alerts] = await Promise.all([get("/system"), loadNodes(), get("/alerts"), loadUpdates()]);
  fleet.system = system;
  // The manager's counts are of the whole fleet; who sees a part of it has what he was given.
  fleet.total = whoIs().scopes.length === 0 ? system.counts.registered : nodes.length;
  fleet.isWhole = fleet.total <= pageSize;
  fleet.alerts = new Map(alerts.alerts.map((alert) => [alert.id, alert]));
  const before = fleet.nodes;
  fleet.nodes = new Map(nodes.map((node) => [node.id, { ...node, telemetryAtMs: before.get(node.id)?.telemetryAtMs }]));
  drawSystem(system);
  draw();
}

// One redraw a frame and one request a kind, however many events arrive together.
const wanted = { nodes: new Set(), updates: false, all: false };
let isDrawing = false;
let drawnAtMs = 0;
let isLoading = false;

function draw() {
  if (isDrawing) return;
  isDrawing = true;
  // In a storm of events a few pictures a second are enough, and leave the page usable.
  setTimeout(() => requestAnimationFrame(drawNow), Math.max(0, drawnAtMs + drawEveryMs - performance.now()));
}

function drawNow() {
  isDrawing = false;
  drawnAtMs = performance.now();
  drawTiles(fleet, view.filter, selectFilter);
  drawCards(fleet, view);
  drawAlerts(fleet);
  drawUpdates(fleet);
  drawFeed(fleet);
}

function selectFilter(filter) {
  view.filter = filter;
  draw();
  if (!fleet.isWhole) void load().catch(() => {});
}

function want({ node, updates, all }) {
  if (node !== undefined) wanted.nodes.add(node);
  wanted.updates ||= updates === true;
  wanted.all ||= all === true;
  if (!isLoading && (wanted.nodes.size > 0 || wanted.updates || wanted.all)) {
    isLoading = true;
    setTimeout(loadWanted, 150);
  }
}

async function loadWanted() {
  const { updates, all } = wanted;
  const nodes = [...wanted.nodes];
  wanted.nodes.clear();
  wanted.updates = wanted.all = false;
  try {
    if (all || nodes.length > 20) await load();
    else await Promise.all([...nodes.map(loadNode), updates ? loadUpdates() : undefined]);
  } catch {
    // The stream tells when the manager is gone; the next full load repairs the rest.
  }
  isLoading = false;
  draw();
  want({});
}

async function loadNode(id) {
  const response = await fetch(`/api/v1/nodes/${encodeURIComponent(id)}`);
  if (response.status === 404) fleet.nodes.delete(id);
  if (!response.ok) return;
  const { node } = await response.json();
  fleet.nodes.set(id, { ...node, telemetryAtMs: fleet.nodes.get(id)?.telemetryAtMs });
}

async function loadUpdates() {
  const [{ updates }, { rollouts }] = await Promise.all([get("/updates"), get("/rollouts")]);
  Object.assign(fleet, { updates, rollouts });
}

/** What the nodes on top measured last; asked for at most every two seconds, and only when something came in. */
async function loadTelemetry() {
  const ids = shownIds().slice(0, telemetryCards);
  if (ids.length === 0) return;
  const { nodes } = await get(`/telemetry/latest?nodes=${ids.join(",")}`);
  for (const [id, points] of Object.entries(nodes)) fleet.points.set(id, points);
  draw();
}

let isTelemetryDue = false;

function wantTelemetry() {
  if (isTelemetryDue || document.visibilityState !== "visible") return;
  isTelemetryDue = true;
  setTimeout(() => {
    isTelemetryDue = false;
    void loadTelemetry().catch(() => {});
  }, telemetryEveryMs);
}

/** What happened before the page was opened, as far as the manager keeps it. */
async function loadFeed() {
  const { events } = await get("/events/recent?limit=150&without=metrics,services,logs,health");
  for (const { kind, data, atMs } of events.reverse()) addToFeed(fleet, kind, data, atMs);
}

function follow() {
  const source = new EventSource("/api/v1/events");
  let wasCut = false;
  source.addEventListener("open", () => {
    drawLink("live");
    if (wasCut) void load().catch(() => {});
    wasCut = false;
  });
  source.addEventListener("error", () => {
    wasCut = true;
    drawLink("cut");
    // A browser gives up when it was refused, not only cut off.
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
  });
  source.addEventListener("reset", () => void load().catch(() => {}));
  for (const kind of eventKinds) {
    source.addEventListener(kind, (event) => {
      if (kind === "telemetry") wantTelemetry();
      want(applyEvent(fleet, kind, JSON.parse(event.data), Date.now()));
      draw();
    });
  }
}

const dialog = document.getElementById("details");

async function openDetails(id) {
  const path = `/nodes/${encodeURIComponent(id)}`;
  const [details, { entries }] = await Promise.all([get(path), get(`${path}/timeline?limit=40`)]);
  const send = may("node.steer") ? (command) => sendCommand(id, command) : undefined;
  drawDetails(dialog, { details, timeline: entries }, send);
  if (!dialog.open) dialog.showModal();
}

async function sendCommand(id, command) {
  try {
    const { rev } = await change("POST", `/nodes/${encodeURIComponent(id)}/commands`, { command });
    return `${command} is on its way (rev ${rev}).`;
  } catch (error) {
    return error.message;
  }
}

document.getElementById("search").addEventListener("input", (event) => {
  view.search = event.target.value;
  draw();
  if (!fleet.isWhole) void load().catch(() => {});
});
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
setInterval(() => {
  if (document.visibilityState === "visible") void load().catch(() => {});
}, refreshMs);

drawLink("connecting");
await useLink().catch((error) => {
  linkProblem = error.message;
});
await loadSession().catch(() => {});
drawAccount();
await loadFeed().catch(() => {});
await load().catch(() => drawLink("cut"));
setTimeout(() => void loadTelemetry().catch(() => {}), telemetryEveryMs / 4);
follow();
