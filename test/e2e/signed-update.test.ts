import { execFile } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { firmware, stampImage } from "../../tools/demo/programs.ts";
import {
  readState,
  requireBuild,
  SupervisedNode,
  sha256,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const folder = temporaryFolder();
const image = firmware("cxnode-node");
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const key = join(folder, "vendor.pem");
const anchors = join(folder, "anchors.cbor");
const nodes: SupervisedNode[] = [];
let manager: RealManager;

async function coxswain(...args: string[]): Promise<string> {
  const own = ["--url", manager.urls.http, "--data-dir", join(folder, "manager")];
  const isHere = args[1] === "keygen";
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, ...(isHere ? [] : own)], {
    cwd: folder,
  });
  return stdout;
}

async function startNode(id: string, flags: readonly string[]): Promise<SupervisedNode> {
  const all = ["--id", id, "--model", "m", "--image", image, "--manager", manager.urls.coap, ...flags];
  const node = new SupervisedNode(join(folder, id), all);
  nodes.push(node);
  await node.line(/registered as/);
  return node;
}

/** The state and reason in which the node's attempt ended. */
async function endOf(update: string, id: string): Promise<readonly [string | undefined, string | undefined]> {
  const ends = ["succeeded", "failed", "rolled-back", "cancelled", "expired"];
  await expect
    .poll(async () => (await manager.attempt(update, id))?.attempt.state, { timeout: 60_000, interval: 100 })
    .toSatisfy((state: string | undefined) => ends.includes(state ?? ""));
  const attempt = (await manager.attempt(update, id))?.attempt;
  return [attempt?.state, attempt?.reason];
}

beforeAll(async () => {
  requireBuild();
  manager = await RealManager.start(folder);
  await coxswain("update", "keygen", key);
  await coxswain("update", "anchors", "add", key, "--name", "release key");
  await coxswain("update", "anchors", "export", "--out", anchors);
}, 60_000);

afterAll(async () => {
  for (const node of nodes) {
    node.signal("SIGKILL");
    await node.exit;
  }
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["http", "coap"] as const)("a node with trust anchors, by %s", (way) => {
  const id = `signed-${way}`;

  it("installs what the CLI signed, by the smallest variant, and knows its sequence number from then on", async () => {
    await startNode(id, ["--anchors", anchors, "--prefer", way]);
    const next = await stampImage(image, `2.0.${way.length}`, join(folder, `${id}.bin`));
    const signing = [
      "--key",
      key,
      "--delta-from",
      image,
      "--id",
      `${id}-2`,
      "--sequence",
      way === "http" ? "20" : "30",
    ];
    await coxswain("update", "create", next, "--model", "m", "--version", `2.0.${way.length}`, ...signing);
    await coxswain("update", "start", `${id}-2`, "--node", id);
    expect(await endOf(`${id}-2`, id)).toEqual(["succeeded", undefined]);
    const bytes = (await manager.attempt(`${id}-2`, id))?.bytesByWay ?? {};
    // A new version in the descriptor is a patch of a few hundred bytes.
    expect(Object.values(bytes).reduce((sum, each) => sum + each, 0)).toBeLessThan(statSync(image).size * 0.1);
    await expect
      .poll(async () => (await manager.manifest(id))?.["seq"], { timeout: 20_000 })
      .toBe(way === "http" ? 20 : 30);
    expect(readState(join(folder, id)).trial).toBe("none");
  }, 120_000);

  it("refuses an image that nobody signed, and says so on the attempt", async () => {
    const next = await stampImage(image, `3.0.${way.length}`, join(folder, `${id}-3.bin`));
    const before = readFileSync(join(folder, id, "boot-0"));
    await coxswain(
      "update",
      "create",
      next,
      "--model",
      "m",
      "--version",
      `3.0.${way.length}`,
      "--id",
      `${id}-3`,
      "--sequence",
      "40",
    );
    await coxswain("update", "start", `${id}-3`, "--node", id);
    expect(await endOf(`${id}-3`, id)).toEqual(["failed", "manifest-unsigned"]);
    expect(readFileSync(join(folder, id, "boot-0"))).toEqual(before);
  }, 120_000);
});

it("a node boots its previous image where that was signed for it, and its anchors are replaced by who has the present key", async () => {
  const id = "signed-http";
  const back = ["--node", id, "--model", "m", "--version", "1.0.0", "--key", key, "--sequence", "60", "--id", "back"];
  await coxswain("update", "boot-previous", image, ...back);
  await coxswain("update", "start", "back", "--node", id);
  expect(await endOf("back", id)).toEqual(["succeeded", undefined]);
  expect((await manager.manifest(id))?.["digest"]).toBe(`sha256:${sha256(image)}`);
  await expect.poll(async () => (await manager.manifest(id))?.["seq"], { timeout: 20_000 }).toBe(60);

  const newKey = join(folder, "next.pem");
  await coxswain("update", "keygen", newKey);
  await coxswain("update", "anchors", "add", newKey, "--name", "next key");
  await coxswain(
    ...["update", "anchors", "replace", newKey, "--model", "m", "--key", key, "--sequence", "1", "--id", "keys"],
  );
  await coxswain("update", "start", "keys", "--node", id);
  expect(await endOf("keys", id)).toEqual(["succeeded", undefined]);
  const next = await stampImage(image, "7.0.0", join(folder, "seven.bin"));
  const create = ["update", "create", next, "--model", "m", "--version", "7.0.0"];
  await coxswain(...create, "--key", key, "--id", "old-key", "--sequence", "70");
  await coxswain("update", "start", "old-key", "--node", id);
  expect(await endOf("old-key", id)).toEqual(["failed", "unknown-signer"]);
  await coxswain(...create, "--key", newKey, "--id", "new-key", "--sequence", "71");
  await coxswain("update", "start", "new-key", "--node", id);
  expect(await endOf("new-key", id)).toEqual(["succeeded", undefined]);
}, 180_000);

it("a node that was given no anchors takes no update that is signed", async () => {
  const id = "untrusting";
  await startNode(id, []);
  await coxswain("update", "start", "signed-http-2", "--node", id);
  expect(await endOf("signed-http-2", id)).toEqual(["failed", "unknown-signer"]);
}, 120_000);
