import {
  cutInternet,
  missMaster,
  settleDown,
  shedLoads,
  unplugMaster,
  updatePack,
  useSun,
  useUpImport,
} from "./site-scenes.ts";
import { homes, SiteStage } from "./site-stage.ts";
import { Story } from "./story.ts";

/** How often the sun and the houses are told of. */
const tellEveryMs = 15_000;

export interface SiteJobOptions {
  readonly folder: string;
  /** End after the day, and print the counts as one line of JSON. */
  readonly isEnding: boolean;
  readonly signal: AbortSignal;
}

/** Plays a day of an energy site. `incomplete`: a step wasn't seen, and the timeline says which. */
export async function playSite(options: SiteJobOptions): Promise<"complete" | "incomplete" | "interrupted"> {
  const story = new Story();
  const stage = new SiteStage({ folder: options.folder, signal: options.signal, story });
  let telling: ReturnType<typeof setInterval> | undefined;
  try {
    story.chapter("The manager, a bus with three packs, and their gateway");
    await stage.startManager();
    const can = await stage.startPacks();
    await stage.startGateway(can);
    await settleDown(stage);
    telling = setInterval(() => tellDay(stage), tellEveryMs);
    const handoversBefore = await unplugMaster(stage);
    // Two minutes pass before a silent master is missed: the rest of the day goes on meanwhile.
    const missing = missMaster(stage, handoversBefore);
    missing.catch(() => {}); // It is awaited below.
    await shedLoads(stage);
    await useUpImport(stage);
    await cutInternet(stage);
    const canUpdates = await updatePack(stage);
    await useSun(stage);
    story.chapter("The day goes on, and the master is missed");
    await missing;
    await stage.until("all three packs are there", () => stage.tally.counts.packs === 3);
    const { packs, mastersAtEnd, handovers, lockouts, shed, reconnects } = stage.tally.counts;
    const counts = { packs, mastersAtEnd, handovers, canUpdates, lockouts, shed, reconnects };
    const missed = Object.entries(counts).filter(([, count]) => count === 0);
    if (missed.length > 0 || mastersAtEnd !== 1 || packs !== 3)
      throw new Error(`not all was seen: ${JSON.stringify(counts)}`);
    story.chapter("Done: one master, and everything else that a day may bring.");
    if (options.isEnding) console.log(JSON.stringify(counts));
    else await stayUp(stage);
    return "complete";
  } catch (error) {
    if (options.signal.aborted) return "interrupted";
    for (const line of (error as Error).message.split("\n")) story.tell("demo", line, "bad");
    return "incomplete";
  } finally {
    clearInterval(telling);
    await stage.stop();
  }
}

function tellDay({ homes: running, options: { story } }: SiteStage): void {
  const minute = Math.floor(running.minute);
  const two = (value: number): string => String(value).padStart(2, "0");
  const parts = Object.values(homes).map(({ name }) => {
    const { charge, flow } = running.house(name);
    const kilowatts = (watts: number): string => (watts / 1000).toFixed(1);
    return `${name} ${Math.round(charge * 100)} % sun ${kilowatts(flow.sun)} grid ${kilowatts(flow.grid)} kW`;
  });
  story.tell(`${two(Math.floor(minute / 60))}:${two(minute % 60)}`, parts.join(" | "));
}

async function stayUp({ options: { signal }, manager }: SiteStage): Promise<void> {
  console.log("\nThe household is live (Ctrl-C ends it).");
  console.log(`Try: npm run coxswain -- --url ${manager.https} --data-dir ${manager.dataDir} nodes`);
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
