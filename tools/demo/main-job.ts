import { statSync } from "node:fs";
import { join } from "node:path";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { hearAnnouncement } from "./announcement.ts";
import { LiveEvents } from "./live-events.ts";
import { narrate } from "./narration.ts";
import { coxswain, firmware, type NodePlan, type Program, stampImage, startManager, startNode } from "./programs.ts";
import { Story } from "./story.ts";
import { Tally } from "./tally.ts";

const stepTimeoutMs = 90_000;
/** How far the download is that is cut in the middle. */
const cutAtPercent = 40;
/** How long a download takes, so that it can be watched. */
const downloadSeconds = 6;

const plans: readonly NodePlan[] = [
  { id: "sensor-1", profile: "sensor", model: "sensor-board", prefer: "http" },
  { id: "sensor-2", profile: "sensor", model: "sensor-board", prefer: "coap" },
  { id: "sensor-3", profile: "sensor", model: "sensor-board", prefer: "http" },
  { id: "linux-1", profile: "linux", model: "linux-board", prefer: "coap" },
  { id: "sensor-x", profile: "sensor", model: "prototype", prefer: "http" },
];
const cutNode = "sensor-3";
const brokenNode = "sensor-x";

export interface MainJobOptions {
  readonly folder: string;
  /** End after the cycle, and print the counts as one line of JSON. */
  readonly isEnding: boolean;
  readonly signal: AbortSignal;
}

/** What the steps of the job share. */
interface Stage {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly story: Story;
  readonly tally: Tally;
  readonly programs: Map<string, Program>;
  readonly events: LiveEvents;
  readonly http: string;
  readonly coapPort: number;
}

/** Plays the whole cycle; true when the manager saw every step of it. */
export async function playMainJob(options: MainJobOptions): Promise<boolean> {
  const story = new Story();
  const programs = new Map<string, Program>();
  try {
    const stage = await setTheStage(options, story, programs);
    await bringUpNodes(stage);
    await updateFleet(stage);
    const counts = stage.tally.counts();
    story.chapter(`Done: ${counts.updated} nodes run the new image, ${counts.rolledBack} went back by itself.`);
    if (options.isEnding) console.log(JSON.stringify({ ...counts, seconds: Number(story.seconds().toFixed(1)) }));
    else await stayUp(stage);
    stage.events.stop();
    return true;
  } catch (error) {
    if (!options.signal.aborted) story.tell("demo", (error as Error).message, "bad");
    return false;
  } finally {
    for (const program of [...programs.values()].reverse()) await program.stop();
  }
}

async function setTheStage(options: MainJobOptions, story: Story, programs: Map<string, Program>): Promise<Stage> {
  story.chapter("The manager starts, with its broker");
  const { program, urls } = await startManager(options.folder);
  programs.set("manager", program);
  story.tell("manager", `${urls.coap}  ${urls.mqtt}  ${urls.http}`, "good");
  const coapPort = Number(new URL(urls.coap).port);
  const announced = await hearAnnouncement(coapPort, 10_000);
  story.tell("manager", `announced by mDNS as ${announced}`, "good");
  const events = new LiveEvents(urls.http);
  const tally = new Tally();
  events.subscribe((event) => tally.take(event));
  events.subscribe((event) => narrate(event, story));
  await events.start();
  const { folder, signal } = options;
  return { folder, signal, story, tally, programs, events, http: urls.http, coapPort };
}

async function bringUpNodes(stage: Stage): Promise<void> {
  stage.story.chapter("Five nodes look for a manager by multicast, register, and are watched");
  for (const plan of plans) stage.programs.set(plan.id, powerOn(stage, plan));
  const all = plans.length;
  await until(stage, "all nodes register", () => stage.tally.counts().registered === all);
  await until(stage, "the manager observes the health of all nodes", () => stage.tally.counts().observed === all);
  const sending = new Set<string>();
  await untilEvent(stage, "telemetry of every node arrives", (event) => {
    if (event.kind === "telemetry") sending.add(event.node);
    return sending.size === all;
  });
  stage.story.tell("broker", "telemetry of all five nodes flows", "good");
}

function powerOn(stage: Stage, plan: NodePlan): Program {
  const downloadRate = Math.ceil(statSync(firmware("cxnode-node")).size / downloadSeconds);
  return startNode({ ...plan, downloadRate }, stage.coapPort, stage.folder);
}

async function updateFleet(stage: Stage): Promise<void> {
  stage.story.chapter("An operator makes three updates; one of the images is broken, and nobody knows yet");
  const sound = await stampImage(firmware("cxnode-node"), "1.1.0", join(stage.folder, "cxnode-1.1.0.bin"));
  const broken = firmware("images/silent-sensor");
  const updates = [
    await createUpdate(stage, "sensor-board", sound, "1.1.0"),
    await createUpdate(stage, "linux-board", sound, "1.1.0"),
    await createUpdate(stage, "prototype", broken, "1.1.0"),
  ];
  stage.story.chapter("Nodes are told, stop what they do, and download");
  const cut = cutInTheMiddle(stage);
  for (const update of updates) await coxswain(stage.http, "update", "start", update, "--all");
  await cut;
  await until(
    stage,
    "four nodes are confirmed on the new image",
    () => stage.tally.succeeded.size === plans.length - 1,
  );
  await until(stage, "the broken image is rolled back", () => stage.tally.rolledBack.has(brokenNode));
  await until(stage, "the cut download is resumed", () => stage.tally.resumed.has(cutNode));
  await confirmByManager(stage);
}

async function createUpdate(stage: Stage, model: string, image: string, version: string): Promise<string> {
  const flags = ["--model", model, "--version", version, "--sequence", "2"];
  const created = (await coxswain(stage.http, "update", "create", image, ...flags)) as { update: { id: string } };
  stage.story.tell("operator", `coxswain update create ${model} ${version} -> ${created.update.id}`);
  return created.update.id;
}

/** A power failure in the middle of one download: the process is killed, and started again a second later. */
async function cutInTheMiddle(stage: Stage): Promise<void> {
  await untilEvent(stage, `${cutNode} is in the middle of its download`, (event) => {
    return event.kind === "attempt" && event.node === cutNode && (event.percent ?? 0) >= cutAtPercent;
  });
  await stage.programs.get(cutNode)?.cut();
  stage.story.tell(cutNode, "power is cut in the middle of the download", "bad");
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const plan = plans.find((each) => each.id === cutNode)!;
  stage.programs.set(cutNode, powerOn(stage, plan));
  stage.story.tell(cutNode, "power is back");
}

/** Success is what the registry holds: the new digest running, confirmed; and the old one where the image was broken. */
async function confirmByManager(stage: Stage): Promise<void> {
  const response = await fetch(`${stage.http}/api/v1/nodes`);
  const { nodes } = (await response.json()) as { nodes: { id: string; manifest: Record<string, unknown> }[] };
  for (const plan of plans) {
    const manifest = nodes.find((each) => each.id === plan.id)?.manifest ?? {};
    const isNew = manifest["version"] === "1.1.0" && manifest["confirmed"] === true;
    if (isNew === (plan.id === brokenNode)) throw new Error(`${plan.id} runs ${String(manifest["version"])} after all`);
  }
  stage.story.tell("manager", `knows why ${brokenNode} went back: ${stage.tally.rolledBack.get(brokenNode)}`, "good");
}

async function stayUp({ http, signal }: Stage): Promise<void> {
  console.log(`\nThe fleet is live at ${http}/  (Ctrl-C ends it)`);
  console.log(`Try: npm run coxswain -- --url ${http} nodes`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function until(stage: Stage, what: string, isSeen: () => boolean): Promise<void> {
  return isSeen() ? Promise.resolve() : untilEvent(stage, what, isSeen);
}

/** Resolves when the condition holds after an event; rejects with what was awaited when it doesn't in time. */
function untilEvent(stage: Stage, what: string, isSeen: (event: LiveEvent) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(timer);
      unsubscribe();
      stage.signal.removeEventListener("abort", onAbort);
      if (error) reject(error);
      else resolve();
    };
    const onAbort = (): void => end(new Error("interrupted"));
    const timer = setTimeout(() => end(new Error(`not seen in ${stepTimeoutMs / 1000} s: ${what}`)), stepTimeoutMs);
    const unsubscribe = stage.events.subscribe((event) => {
      if (isSeen(event)) end();
    });
    stage.signal.addEventListener("abort", onAbort);
  });
}
