import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setDefaultCACertificates } from "node:tls";
import { hearAnnouncement } from "./announcement.ts";
import { BrokerWatch, type Sight } from "./broker-watch.ts";
import { DisplayWatch } from "./display-watch.ts";
import { Evidence } from "./evidence.ts";
import { fleet, type Member } from "./fleet.ts";
import { LiveEvents } from "./live-events.ts";
import { Narration } from "./narration.ts";
import { makeOperator } from "./operators.ts";
import { coxswain, firmware, type Program, stampImage, startManager } from "./programs.ts";
import { createUpdate, trustReleaseKey } from "./signing-steps.ts";
import { nodeImage, Stage } from "./stage.ts";
import { Story } from "./story.ts";
import { Tally } from "./tally.ts";
import {
  checkBroker,
  checkSchemes,
  labelFleet,
  makeKeys,
  revokeNode,
  rotateKeys,
  tryForbiddenThings,
  verifyAudit,
} from "./trust-steps.ts";

/** How far the download is that is cut in the middle. */
const cutAtPercent = 40;
const away = only(({ told }) => told === "heartbeat");
const cut = only(({ isCut }) => isCut === true);
const rotated = only(({ scheme, isCut, isBroken }) => scheme === "oscore" && !isCut && !isBroken);
const broken = only(({ isBroken }) => isBroken === true);

export interface MainJobOptions {
  readonly folder: string;
  /** End after the cycle, and print the counts as one line of JSON. */
  readonly isEnding: boolean;
  readonly signal: AbortSignal;
}

/** Plays the whole cycle. `incomplete`: a step wasn't seen, and the timeline says which. */
export async function playMainJob(options: MainJobOptions): Promise<"complete" | "incomplete" | "interrupted"> {
  const story = new Story();
  const programs = new Map<string, Program>();
  const watches: { stop(): void | Promise<void> }[] = [];
  try {
    const stage = await setTheStage(options, story, programs, watches);
    await labelFleet(stage);
    await tryForbiddenThings(stage);
    await trustReleaseKey(stage);
    await makeKeys(stage);
    await bringUpNodes(stage);
    await updateFleet(stage);
    await verifyAudit(stage);
    const counts = stage.options.tally.counts();
    story.chapter(`Done: ${counts.updated} nodes run the new image, ${counts.rolledBack} went back by itself.`);
    if (options.isEnding) console.log(JSON.stringify({ ...counts, seconds: Number(story.seconds().toFixed(1)) }));
    else await stayUp(stage);
    return "complete";
  } catch (error) {
    if (options.signal.aborted) return "interrupted";
    for (const line of (error as Error).message.split("\n")) story.tell("demo", line, "bad");
    return "incomplete";
  } finally {
    for (const watch of watches) await watch.stop();
    // Nodes first, at once: then nobody misses a manager.
    const [manager, ...nodes] = programs.values();
    await Promise.all(nodes.map((node) => node.stop()));
    await manager?.stop();
  }
}

async function setTheStage(
  { folder, signal }: MainJobOptions,
  story: Story,
  programs: Map<string, Program>,
  watches: { stop(): void | Promise<void> }[],
): Promise<Stage> {
  story.chapter("The manager starts, with its broker");
  const password = randomUUID();
  const flags = ["--tls-mode", "on", "--https-port", "0", "--mqtts-port", "0"];
  const environment = { COXSWAIN_MQTT_OBSERVER_PASSWORD: password };
  const { program, urls } = await startManager(folder, { isSecure: true, demandsSignatures: true, flags, environment });
  programs.set("manager", program);
  const { coap, coaps = "", mqtts = "", https = "" } = urls;
  story.tell("manager", `for nodes ${coap}, ${coaps}`, "good");
  story.tell("manager", `by TLS ${mqtts}, ${https}`, "good");
  if ([coaps, mqtts, https].includes("")) throw new Error("the manager speaks no DTLS or no TLS: see manager.log");
  const coapPort = Number(new URL(urls.coap).port);
  const announced = await hearAnnouncement(coapPort, 10_000);
  story.tell("manager", `announced by mDNS as ${announced}`, "good");

  const tally = new Tally();
  const evidence = new Evidence();
  const narration = new Narration(story, evidence);
  const displays = new DisplayWatch(folder);
  const ca = readFileSync(join(urls.dataDir, "ca.pem"), "utf8");
  setDefaultCACertificates([ca]);
  const tokens = await makeOperator(urls, story);
  const events = new LiveEvents(https, tokens.site);
  watches.push(events);
  events.subscribe((event) => tally.take(event));
  events.subscribe((event) => narration.take(event));
  events.subscribe((event) => {
    if (event.kind !== "attempt" || event.state !== "downloading" || !displays.isFrozen(event.node)) return;
    if (evidence.saw(event.node, "frozen display")) story.tell(event.node, "its display stands still: Updating...");
  });
  await events.start();
  const broker = new BrokerWatch({ url: mqtts, ca, password, seen: (sight) => noteSight(sight, evidence, story) });
  watches.push(broker);
  await broker.start();
  return new Stage({
    folder,
    signal,
    story,
    tally,
    evidence,
    narration,
    displays,
    programs,
    events,
    manager: urls,
    tokens,
    coapPort,
  });
}

/** What the observer at the broker saw. */
function noteSight(sight: Sight, evidence: Evidence, story: Story): void {
  if (sight.kind === "start" && evidence.saw(sight.node, "told by mqtt"))
    story.tell(sight.node, "told by MQTT: ota/start", "good");
  if (sight.kind !== "availability" || sight.value !== "maintenance" || !sight.isRetained) return;
  if (evidence.saw(sight.node, "maintenance"))
    story.tell(sight.node, "MAINTENANCE: MQTT stopped, `maintenance` retained at the broker");
}

async function bringUpNodes(stage: Stage): Promise<void> {
  const { story, tally, evidence } = stage.options;
  story.chapter("Five nodes look for a manager by multicast, in the clear; nothing else they say is");
  for (const { id } of fleet) stage.powerOn(id);
  await stage.until("all nodes register", () => tally.counts().registered === fleet.length);
  await stage.until("the manager observes the health of all nodes", () => tally.counts().observed === fleet.length);
  const areSending = () => fleet.every(({ id }) => evidence.has(id, "telemetry"));
  await stage.until("telemetry of every node arrives", areSending);
  await checkSchemes(stage);
  story.tell("broker", "telemetry of all five nodes flows", "good");
}

async function updateFleet(stage: Stage): Promise<void> {
  const { story, tally, evidence, programs } = stage.options;
  story.chapter("The operator makes three updates; one of the images is broken, and nobody knows yet");
  const image = await stampImage(nodeImage, "1.1.0", stage.imagePath("cxnode-1.1.0.bin"));
  const models = [...new Set(fleet.map((each) => each.model))];
  const create = async (model: string): Promise<[string, string]> => {
    const file = model === broken.model ? firmware("images/silent-sensor") : image;
    return [model, await createUpdate(stage, model, file)];
  };
  const updates = new Map(await Promise.all(models.map(create)));
  await programs.get(away.id)?.stop();
  story.tell(away.id, "is switched off, so it can't be called");

  story.chapter("Nodes are told, stop what they do, and download");
  const cutting = cutInTheMiddle(stage);
  await Promise.all([startUpdates(stage, updates), cutting]);
  const rotating = rotateKeys(stage, rotated.id);
  const revoking = stage
    .until("the broken image is rolled back", () => tally.rolledBack.has(broken.id))
    .then(() => revokeNode(stage, broken.id));
  for (const each of [rotating, revoking]) each.catch(() => {}); // Both are awaited below.
  await stage.until("four nodes are confirmed on the new image", () => tally.succeeded.size === fleet.length - 1);
  await stage.until("the cut download is resumed", () => tally.resumed.has(cut.id));
  const missing = evidence.missing(fleet);
  if (missing.length > 0) throw new Error(missing.join("\n"));
  await Promise.all([rotating, revoking]);
  await confirmByManager(stage);
  await checkBroker(stage);
  const { nodes } = (await stage.coxswain("site", "nodes")) as { nodes: readonly unknown[] };
  if (nodes.length !== fleet.length) throw new Error(`coxswain nodes lists ${nodes.length} nodes`);
}

/** The node that is away comes back when the others are at it, and learns what it missed. */
async function startUpdates(stage: Stage, updates: ReadonlyMap<string, string>): Promise<void> {
  const begin = async ([model, update]: readonly [string, string]): Promise<void> => {
    for (const told of ["call", "mqtt", "heartbeat"] as const) {
      const nodes = fleet.filter((each) => each.model === model && each.told === told).map(({ id }) => id);
      const via = told === "mqtt" ? ["--via", "mqtt"] : [];
      if (nodes.length > 0) await stage.coxswain("site", "update", "start", update, ...via, "--node", ...nodes);
    }
  };
  await Promise.all([...updates].map(begin));
  stage.options.story.tell(away.id, "is switched on again");
  stage.powerOn(away.id);
}

/** A power failure in the middle of one download: the process is killed, and started again a second later. */
async function cutInTheMiddle(stage: Stage): Promise<void> {
  const { story } = stage.options;
  await stage.untilEvent(`${cut.id} is in the middle of its download`, (event) => {
    return event.kind === "attempt" && event.node === cut.id && (event.percent ?? 0) >= cutAtPercent;
  });
  await stage.powerOff(cut.id);
  story.tell(cut.id, "its power fails in the middle of the download", "bad");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  stage.powerOn(cut.id);
  story.tell(cut.id, "power is back");
}

/** Success is what the registry holds: the new digest running, confirmed; and the old one where the image was broken. */
async function confirmByManager(stage: Stage): Promise<void> {
  const { story, tally } = stage.options;
  const manifests = await stage.manifests();
  for (const { id } of fleet) {
    const { version, confirmed, seq } = manifests.get(id) ?? {};
    const isNew = version === "1.1.0" && confirmed === true && seq === 2;
    if (isNew === (id === broken.id)) throw new Error(`${id} runs ${String(version)} after all`);
  }
  story.tell("manager", `knows why ${broken.id} went back: ${tally.rolledBack.get(broken.id)}`, "good");
}

async function stayUp({ options: { manager, signal } }: Stage): Promise<void> {
  // By HTTP, which operators may use on loopback: a browser doesn't know the CA.
  const { http, dataDir } = manager;
  const { link } = (await coxswain({ http, dataDir }, "sign-in")) as { link: string };
  console.log("\nThe fleet is live (Ctrl-C ends it). This link signs you in as admin, once:");
  console.log(`  ${link}`);
  console.log(`Try: npm run coxswain -- --url ${manager.https} --data-dir ${dataDir} nodes`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  console.log("\nEnding: nodes, then the manager.");
}

function only(isMeant: (member: Member) => boolean): Member {
  const [found, ...others] = fleet.filter(isMeant);
  if (found === undefined || others.length > 0) throw new Error("the demo's fleet must have exactly one such node");
  return found;
}
