import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { coxswain } from "../../tools/demo/programs.ts";
import {
  buildFolder,
  imagePath,
  requireBuild,
  SupervisedNode,
  sha256,
  stamp,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

/** Signed updates from the command line to nodes that install them, by each variant. */
const folder = temporaryFolder();
const file = (name: string): string => join(folder, name);
const image = join(buildFolder, "cxnode-node");
const nodes: SupervisedNode[] = [];
let manager: RealManager;
let sequence = 10;

beforeAll(async () => {
  requireBuild();
  manager = await RealManager.start(folder);
  await coxswain(manager.urls, "update", "keygen", file("vendor.pem"));
  await coxswain(manager.urls, "update", "anchors", "add", file("vendor.pub.pem"), "--name", "vendor");
  await coxswain(manager.urls, "update", "anchors", "export", "--out", file("anchors.cbor"));
  writeFileSync(file("payload.key"), systemEntropy.bytes(16), { mode: 0o600 });
});

afterAll(async () => {
  for (const node of nodes) {
    node.signal("SIGKILL");
    await node.exit;
  }
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startNode(id: string, ...flags: readonly string[]): Promise<SupervisedNode> {
  const all = ["--id", id, "--model", "m", "--image", image, "--anchors", file("anchors.cbor"), ...flags];
  const node = new SupervisedNode(join(folder, id), [...all, "--manager", manager.urls.coap]);
  nodes.push(node);
  await node.line(/registered as/);
  return node;
}

/** Makes a version of the node's program, signs it on the command line and starts it. */
async function update(node: string, version: string, ...flags: readonly string[]): Promise<string> {
  const made = stamp(image, version, folder);
  const id = `to-${version}`;
  const all = ["--id", id, "--model", "m", "--version", version, "--sequence", `${++sequence}`, ...flags];
  await coxswain(manager.urls, "update", "create", made, ...all, "--key", file("vendor.pem"));
  await manager.startUpdate(id, [node]);
  return id;
}

/** What the attempt moved, as a share of the image. */
async function moved(id: string, node: string): Promise<number> {
  const { bytesByWay } = await manager.untilAttempt(id, node, ["succeeded"]);
  const bytes = Object.values(bytesByWay).reduce((sum, each) => sum + each, 0);
  expect(bytes).toBeGreaterThan(0);
  return bytes / statSync(image).size;
}

test("a node without the key of an encrypted update refuses it by name, and nothing of it is fetched", async () => {
  await startNode("keyless");
  const id = await update("keyless", "9.9.9", "--encrypt", file("payload.key"));
  const { attempt, bytesByWay } = await manager.untilAttempt(id, "keyless", ["failed"]);
  expect(attempt.reason).toBe("no-payload-key");
  expect(Object.values(bytesByWay).every((bytes) => bytes === 0)).toBe(true);
});

test.each([
  ["that others may read", 0o644, 16, /--payload-keys: .*can be read by others/],
  ["of a wrong size", 0o600, 24, /--payload-keys: .*has 24 bytes; it holds 1 to 4 keys of 16/],
])("payload keys %s aren't taken", async (_, mode, size, said) => {
  writeFileSync(file(`${size}.key`), systemEntropy.bytes(size), { mode });
  const flags = ["--image", image, "--payload-keys", file(`${size}.key`)];
  const node = new SupervisedNode(join(folder, `refused-${size}`), flags);
  await node.line(said);
  expect(await node.exit).toBe(64);
});

test("a node takes the delta from the image it runs, then deflate, then an encrypted one, and runs each", async () => {
  await startNode("varied", "--payload-keys", file("payload.key"));
  const delta = await update("varied", "2.0.0", "--delta-from", image, imagePath("one-line"));
  expect(await moved(delta, "varied")).toBeLessThan(0.1);
  const deflate = await update("varied", "2.1.0", "--delta-from", image);
  expect(await moved(deflate, "varied")).toBeLessThan(0.6);
  const previous = file("stamped-2.1.0");
  const both = await update("varied", "2.2.0", "--delta-from", previous, "--encrypt", file("payload.key"));
  expect(await moved(both, "varied")).toBeLessThan(0.1);
  const encrypted = await update("varied", "2.3.0", "--no-deflate", "--encrypt", file("payload.key"));
  expect(await moved(encrypted, "varied")).toBeGreaterThan(0.99);
  const { digest } = (await manager.manifest("varied")) as { readonly digest?: string };
  expect(digest).toBe(`sha256:${sha256(file("stamped-2.3.0"))}`);
});
