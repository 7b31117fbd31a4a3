import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Subject, startKernelAlone, startManager, startPeer } from "./coap-subjects.ts";
import { endpoints, Heartbeats } from "./heartbeats.ts";
import { buildLoadTools } from "./load-tools.ts";
import { peerNames, peerServers } from "./peer-servers.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

const subjectName = "coxswain";
/** No rival: what is left to gain for anybody. */
const kernelAlone = "kernel-alone";
/** No further round begins after that. */
const quickMs = 35_000;
const notMeasured: Record<string, string> = {};

/**
 * Heartbeats: `POST /status` with a status report in CBOR, no two alike, from 1 200 nodes with an address each. The manager answers with its
 * real handler and registry; peers keep the report in a map by node, but for libcoap's example server, which replaces the body of
 * one resource (PUT, since it takes no POST). `kernel-alone` reads nothing of what comes and answers in batches, from C. All servers are up at
 * once, each on the second core, and take turns.
 */
export const heartbeatBench: Bench = {
  subject: subjectName,
  peers: [...peerNames, kernelAlone],
  rivals: peerNames,
  compared: {
    requests: "higher",
    cpu_per_request: "lower",
    cpu_64_endpoints: "lower",
    cpu_open_loop: "lower",
    block2_1MiB: "lower",
  },
  leftOutWhenQuick: [
    "three of the five rounds of heartbeats, four when they take long, and most of each round's length",
    "the loop of 64 nodes",
    "the minute at an even rate after which memory is looked at",
    "peers that aren't built yet",
  ],
  run: runHeartbeatBench,
  notMeasured: () => notMeasured,
};

async function runHeartbeatBench(options: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const subjects: Subject[] = [];
  try {
    const { load, kernelAlone: echo } = buildLoadTools(folder);
    const { peers, missing } = await peerServers(!options.isQuick);
    Object.assign(notMeasured, missing);
    subjects.push(await startManager(subjectName, folder, endpoints));
    subjects.push(await startKernelAlone(kernelAlone, echo));
    for (const peer of peers) {
      const started = await orReason(peer.name, () => startPeer(peer, folder));
      if (started !== undefined) subjects.push(started);
    }
    return await measureAll(new Heartbeats(load, folder, options.isQuick ? 0.7 : 4), subjects, options);
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureAll(
  heartbeats: Heartbeats,
  subjects: readonly Subject[],
  { isQuick }: BenchOptions,
): Promise<Measurement[]> {
  const all: Measurement[] = [];
  const each = async (measure: (subject: Subject) => Promise<readonly Measurement[]>): Promise<void> => {
    for (const subject of subjects) {
      if (subject.name in notMeasured) continue;
      const measured = await orReason(subject.name, () => measure(subject));
      if (measured !== undefined) all.push(...measured);
    }
  };
  await each((subject) => heartbeats.rssBefore(subject));
  // Before the many come: a peer whose cost grows with the addresses that it knows doesn't forget them soon.
  for (let round = 0; round < (isQuick ? 0 : 4); round++) {
    await each((subject) => (round === 0 ? heartbeats.warmUpFew(subject) : heartbeats.fewEndpoints(subject)));
  }
  await each((subject) => heartbeats.warmUp(subject));
  const began = performance.now();
  for (let round = 0; round < (isQuick ? 2 : 5); round++) {
    if (isQuick && performance.now() - began > quickMs) break;
    await each((subject) => heartbeats.closedLoop(subject));
    const isOther = isQuick ? round === 0 : round % 2 === 0;
    if (isOther) await each((subject) => heartbeats.openLoop(subject));
    if (isOther) await each((subject) => heartbeats.block2(subject));
  }
  await each((subject) => heartbeats.rssAfter(subject));
  if (!isQuick) await each((subject) => heartbeats.minute(subject));
  return all;
}

/** A peer that breaks is out of the run, with its reason, and the run goes on; of our own subject it is an error. */
async function orReason<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (name === subjectName) throw error;
    notMeasured[name] = `broke: ${error instanceof Error ? error.message : String(error)}`;
    return undefined;
  }
}
