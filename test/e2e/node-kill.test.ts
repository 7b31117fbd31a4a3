import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import {
  buildFolder,
  readState,
  requireBuild,
  SupervisedNode,
  sha256,
  stamp,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const oldImage = join(buildFolder, "cxnode-node");
const step = 64 * 1024;
const durableBlock = 16 * 1024;
/** Bytes a second; a start may take a second's worth at once, which must be less than a step. */
const downloadRate = "50000";
/** Room for ten steps: what follows a program in its file is part of the image and of its digest. */
const imageSize = 10 * step + 1234;

const folder = temporaryFolder();
let manager: RealManager;
let newImage: string;
let newDigest: string;
let secondDigest: string;
const oldDigest = `sha256:${sha256(oldImage)}`;
const running = new Set<SupervisedNode>();

beforeAll(async () => {
  requireBuild();
  newImage = join(folder, "new");
  const program = readFileSync(stamp(oldImage, "1.1.0", folder));
  writeFileSync(newImage, Buffer.concat([program, Buffer.alloc(imageSize - program.length, "padding")]));
  newDigest = `sha256:${sha256(newImage)}`;
  manager = await RealManager.start(folder);
  await manager.createUpdate({ id: "next", model: "kill", version: "1.1.0", file: newImage });
  const second = stamp(oldImage, "1.2.0", folder);
  secondDigest = await manager.createUpdate({ id: "second", model: "kill", version: "1.2.0", file: second });
});

afterAll(async () => {
  for (const node of running) await kill(node);
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Way = "http" | "coap";

function start(id: string, way: Way, flags: readonly string[] = []): SupervisedNode {
  const all = ["--id", id, "--model", "kill", "--image", oldImage, "--prefer", way, "--interface", "lo"];
  const node = new SupervisedNode(join(folder, id), [...all, "--manager", manager.urls.coap, ...flags]);
  running.add(node);
  return node;
}

/** Supervisor and node together, as if their machine lost power. */
async function kill(node: SupervisedNode): Promise<void> {
  const children = childrenOf(node.pid);
  node.signal("SIGKILL");
  for (const pid of children) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It died with its supervisor.
    }
  }
  await node.exit;
  running.delete(node);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** The digest of what really runs under this supervisor. */
function runningDigest(node: SupervisedNode): string {
  const [pid] = childrenOf(node.pid);
  return `sha256:${sha256(`/proc/${pid}/exe`)}`;
}

/** It is back: registered, and what runs is one of the two images, whole. */
async function expectBack(node: SupervisedNode): Promise<void> {
  await node.line(/registered as/);
  const digest = runningDigest(node);
  expect([oldDigest, newDigest, secondDigest]).toContain(digest);
  expect((await manager.manifest(node.folder.split("/").at(-1) ?? ""))?.["digest"]).toBe(digest);
}

/** Bytes of the download in the slot that doesn't run, as the file system sees them. */
function bytesInSlot(id: string): number {
  return Math.max(...["slot-a", "slot-b"].map((slot) => sizeOf(join(folder, id, slot), statSync(oldImage).size)));
}

function sizeOf(path: string, notThis: number): number {
  try {
    const { size } = statSync(path);
    return size === notThis && path.endsWith("slot-a") ? 0 : size;
  } catch {
    return 0;
  }
}

/** Each download after a kill went on where the last block of 16 KiB was durable before it. */
function expectResumes(since: number, attempt: string): void {
  const offsets = manager.seen
    .slice(since)
    .flatMap((event) => (event.kind === "fetch" && event.attempt === attempt && event.isResume ? [event.offset] : []));
  expect(offsets.length).toBeGreaterThanOrEqual(Math.floor(imageSize / step) - 1);
  for (const [index, offset] of offsets.entries()) {
    expect(offset % durableBlock).toBe(0);
    expect(offset).toBeGreaterThanOrEqual((index + 1) * step - durableBlock);
  }
}

async function until(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`it didn't come to that: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** The machine of the manager stands still: nobody answers, and nothing is lost. */
async function whileManagerSleeps(work: () => Promise<void>): Promise<void> {
  process.kill(manager.pid, "SIGSTOP");
  try {
    await work();
  } finally {
    process.kill(manager.pid, "SIGCONT");
  }
}

describe.each(["http", "coap"] as const)("kill -9 of the whole node, with an update by %s", (way) => {
  const id = `n-${way}`;
  const attemptIs = (states: readonly string[], since: number) => {
    const isIt = (event: LiveEvent) => event.kind === "attempt" && event.node === id && states.includes(event.state);
    return manager.event(`${id} is ${states.join(" or ")}`, isIt, since);
  };

  it("in every state and at every 64 KiB: it boots one of the two images, and the next try completes", {
    timeout: 180_000,
  }, async () => {
    // BOOT: at several moments from before the image is installed until the node runs.
    for (const delayMs of [0, 3, 8, 20, 40]) {
      const dying = start(id, way);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await kill(dying);
      const back = start(id, way);
      await expectBack(back);
      await kill(back);
    }
    // DISCOVERY: nobody answers.
    await whileManagerSleeps(async () => {
      const searching = start(id, way);
      await searching.line(/boot -> discovery/);
      await kill(searching);
    });
    // OPERATIONAL.
    const first = start(id, way);
    await expectBack(first);
    await first.line(/discovery -> operational/);
    await kill(first);

    // MAINTENANCE, downloading: at every 64 KiB.
    const since = manager.seen.length;
    let node = start(id, way, ["--download-rate", downloadRate]);
    await expectBack(node);
    await manager.startUpdate("next", [id]);
    for (let at = step; at < imageSize; at += step) {
      await until(`${at} bytes of ${id}`, () => bytesInSlot(id) >= at);
      await kill(node);
      node = start(id, way, ["--download-rate", downloadRate]);
      await expectBack(node);
      expect(runningDigest(node)).toBe(oldDigest);
    }
    // Verifying, staged: each state is said as it is entered. Of a staged image the word may be overtaken by the restart that follows.
    for (const states of [["verifying"], ["staged", "trial", "succeeded"]]) {
      await attemptIs(states, since);
      await kill(node);
      node = start(id, way);
      await expectBack(node);
    }
    await manager.untilAttempt("next", id, ["succeeded"]);
    expect(runningDigest(node)).toBe(newDigest);
    expectResumes(since, (await manager.attempt("next", id))?.attempt.id ?? "");

    // RESTART, and the trial: before it is confirmed, and right after.
    await manager.startUpdate("second", [id]);
    await node.line(/maintenance -> restart/);
    await kill(node);
    await whileManagerSleeps(async () => {
      const onTrial = start(id, way);
      await onTrial.line(/boot -> discovery/);
      expect(runningDigest(onTrial)).toBe(secondDigest);
      await kill(onTrial);
    });
    node = start(id, way);
    await node.line(/the image is confirmed/);
    await kill(node);
    node = start(id, way);
    await expectBack(node);
    await manager.untilAttempt("second", id, ["succeeded"]);
    expect(runningDigest(node)).toBe(secondDigest);
    await kill(node);
    expect(readState(join(folder, id))).toMatchObject({ trial: "none", rolledBack: "none" });
  });
});
