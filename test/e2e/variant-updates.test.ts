import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { imagePath, SupervisedNode, sha256, stamp } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

/** Signed updates from the command line to nodes that install them, by each variant. */
const fleet = new RealFleet({ signs: true });
const { folder, image } = fleet;
const file = (name: string): string => join(folder, name);
let sequence = 10;

beforeAll(() => writeFileSync(file("payload.key"), systemEntropy.bytes(16), { mode: 0o600 }));

/** Makes a version of the node's program, signs it on the command line and starts it. */
async function update(node: string, version: string, ...flags: readonly string[]): Promise<string> {
  const made = stamp(image, version, folder);
  const id = `to-${version}`;
  await fleet.createSigned({ id, file: made, version, sequence: ++sequence, flags });
  await fleet.manager.startUpdate(id, [node]);
  return id;
}

/** What the attempt moved, as a share of the image. */
async function moved(id: string, node: string): Promise<number> {
  const { bytesByWay } = await fleet.manager.untilAttempt(id, node, ["succeeded"]);
  const bytes = Object.values(bytesByWay).reduce((sum, each) => sum + each, 0);
  expect(bytes).toBeGreaterThan(0);
  return bytes / statSync(image).size;
}

test("a node without the key of an encrypted update refuses it by name, and nothing of it is fetched", async () => {
  await fleet.node("keyless");
  const id = await update("keyless", "9.9.9", "--encrypt", file("payload.key"));
  const { attempt, bytesByWay } = await fleet.manager.untilAttempt(id, "keyless", ["failed"]);
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
  await fleet.node("varied", ["--payload-keys", file("payload.key")]);
  const delta = await update("varied", "2.0.0", "--delta-from", image, imagePath("one-line"));
  expect(await moved(delta, "varied")).toBeLessThan(0.1);
  const deflate = await update("varied", "2.1.0", "--delta-from", image);
  expect(await moved(deflate, "varied")).toBeLessThan(0.6);
  const previous = file("stamped-2.1.0");
  const both = await update("varied", "2.2.0", "--delta-from", previous, "--encrypt", file("payload.key"));
  expect(await moved(both, "varied")).toBeLessThan(0.1);
  const encrypted = await update("varied", "2.3.0", "--no-deflate", "--encrypt", file("payload.key"));
  expect(await moved(encrypted, "varied")).toBeGreaterThan(0.99);
  const { digest } = (await fleet.manager.manifest("varied")) as { readonly digest?: string };
  expect(digest).toBe(`sha256:${sha256(file("stamped-2.3.0"))}`);
});
