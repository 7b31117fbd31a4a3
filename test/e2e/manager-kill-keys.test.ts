import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { type ManagerUrls, type Program, startManager } from "../../tools/demo/programs.ts";
import { type TestKeys, TestPeer } from "../integration/manager-harness.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

const seed = process.env["SEED"] ?? `${systemEntropy.uint32()}`;
const rounds = 15;
const lanes = 8;

/** Keys as the node has them: those that the manager answered with. It keeps the old ones until the new ones were answered. */
interface Holder {
  readonly id: string;
  current: TestPeer | undefined;
  trial: TestPeer | undefined;
  /** An operator asked for other ones and had no answer: whether those on trial were replaced isn't known. */
  isReplacing: boolean;
}

const folder = mkdtempSync(join(tmpdir(), "coxswain-kill-keys-"));
const peers: TestPeer[] = [];
const counts = { issued: 0, rotated: 0, used: 0, cutInIssue: 0, cutInUse: 0 };
let ports: OwnPorts;
/** The one that runs, or ran last: a test that fails leaves none behind. */
let current: Program | undefined;

beforeAll(async () => {
  ports = await ownPorts();
});
afterAll(async () => {
  for (const peer of peers) await peer.end();
  await current?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it(`leaves every node one working credential over ${rounds} kills in issue and rotation (SEED=${seed})`, {
  timeout: 300_000,
}, async () => {
  console.log(`manager-kill-keys: SEED=${seed}`);
  const entropy = seededEntropy(seed);
  const holders = Array.from({ length: lanes }, (_, lane): Holder => {
    return { id: `lane-${lane}`, current: undefined, trial: undefined, isReplacing: false };
  });
  for (let round = 0; round <= rounds; round++) {
    const { program, urls } = await startManager(folder, { ports, isSecure: true, flags: ["--no-mdns"] });
    current = program;
    await Promise.all(holders.map((holder) => expectLetIn(holder, round)));
    if (round === rounds) {
      for (const { id } of holders)
        expect((await stateOf(urls, id)).filter((each) => each === "active")).toEqual(["active"]);
      await program.stop();
      break;
    }
    const stop = new AbortController();
    const work = Promise.all(holders.map((holder) => rotateUntil(stop.signal, urls, holder)));
    await new Promise((resolve) => setTimeout(resolve, 5 + entropy.fraction() * 245));
    await program.cut();
    stop.abort(new Error("the manager was killed"));
    await work;
  }
  console.log(`manager-kill-keys: ${JSON.stringify(counts)}`);
  // Else it has shown nothing.
  expect(Math.min(counts.rotated, counts.used, counts.cutInIssue)).toBeGreaterThan(0);
});

/** New keys and their first use, one after the other, until the manager is gone. */
async function rotateUntil(signal: AbortSignal, urls: ManagerUrls, holder: Holder): Promise<void> {
  while (!signal.aborted) {
    const isRotation = holder.current !== undefined;
    holder.isReplacing = true;
    const keys = await issue(urls, holder.id, isRotation).catch(() => undefined);
    if (keys === undefined) {
      counts.cutInIssue++;
      return;
    }
    counts[isRotation ? "rotated" : "issued"]++;
    holder.trial = await peerWith(keys);
    holder.isReplacing = false;
    const isUsed = await isLetIn(holder.trial, holder.id, signal).catch(() => undefined);
    if (isUsed === undefined) {
      counts.cutInUse++;
      return;
    }
    expect(isUsed, `${holder.id} was given keys that aren't taken`).toBe(true);
    counts.used++;
    holder.current = holder.trial;
    holder.trial = undefined;
  }
}

/** As a node does after it was cut off: the keys on trial, and when they are refused those before. */
async function expectLetIn(holder: Holder, round: number): Promise<void> {
  const { id, trial, current: before, isReplacing } = holder;
  holder.trial = undefined;
  holder.isReplacing = false;
  if (trial === undefined && before === undefined) return;
  if (trial !== undefined && (await isLetIn(trial, id))) {
    holder.current = trial;
    return;
  }
  if (trial !== undefined) expect(isReplacing, `round ${round}: ${id} was promised keys that are gone`).toBe(true);
  if (before === undefined) return;
  expect(await isLetIn(before, id), `round ${round}: ${id} is left without a working credential`).toBe(true);
}

async function isLetIn(peer: TestPeer, id: string, signal?: AbortSignal): Promise<boolean> {
  const body = JSON.stringify({ id, model: "kill" });
  try {
    const { code } = await peer.ask("POST", "/register", body, 50, signal === undefined ? {} : { signal });
    return code === "2.01" || code === "2.04";
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return false;
  }
}

async function peerWith(keys: TestKeys): Promise<TestPeer> {
  const peer = await TestPeer.start(ports.coap, [], keys);
  peers.push(peer);
  return peer;
}

const tokenOf = ({ dataDir }: ManagerUrls): string => readFileSync(join(dataDir, "admin-token"), "utf8").trim();

async function issue(urls: ManagerUrls, id: string, rotate: boolean): Promise<TestKeys> {
  const response = await fetch(`${urls.http}/api/v1/nodes/${id}/credentials`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${tokenOf(urls)}` },
    body: JSON.stringify({ rotate }),
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return ((await response.json()) as { credentials: { oscore: TestKeys } }).credentials.oscore;
}

async function stateOf(urls: ManagerUrls, id: string): Promise<readonly string[]> {
  const response = await fetch(`${urls.http}/api/v1/nodes/${id}/credentials`, {
    headers: { authorization: `Bearer ${tokenOf(urls)}` },
  });
  return ((await response.json()) as { credentials: { state: string }[] }).credentials.map(({ state }) => state);
}
