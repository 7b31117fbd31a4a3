import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stampImage } from "../../tools/demo/programs.ts";
import { readState, sha256 } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

const fleet = new RealFleet({ signs: true });
const { folder, image, key } = fleet;

/** The state and reason in which the node's attempt ended. */
async function endOf(update: string, id: string): Promise<readonly [string | undefined, string | undefined]> {
  const ends = ["succeeded", "failed", "rolled-back", "cancelled", "expired"];
  await expect
    .poll(async () => (await fleet.manager.attempt(update, id))?.attempt.state, { timeout: 60_000, interval: 100 })
    .toSatisfy((state: string | undefined) => ends.includes(state ?? ""));
  const attempt = (await fleet.manager.attempt(update, id))?.attempt;
  return [attempt?.state, attempt?.reason];
}

describe.each(["http", "coap"] as const)("a node with trust anchors, by %s", (way) => {
  const id = `signed-${way}`;

  it("installs what the CLI signed, by the smallest variant, and knows its sequence number from then on", async () => {
    await fleet.node(id, ["--prefer", way]);
    const next = await stampImage(image, `2.0.${way.length}`, join(folder, `${id}.bin`));
    const signing = { id: `${id}-2`, version: `2.0.${way.length}`, sequence: way === "http" ? 20 : 30 };
    await fleet.createSigned({ ...signing, file: next, flags: ["--delta-from", image] });
    await fleet.coxswain("update", "start", `${id}-2`, "--node", id);
    expect(await endOf(`${id}-2`, id)).toEqual(["succeeded", undefined]);
    const bytes = (await fleet.manager.attempt(`${id}-2`, id))?.bytesByWay ?? {};
    // A new version in the descriptor is a patch of a few hundred bytes.
    expect(Object.values(bytes).reduce((sum, each) => sum + each, 0)).toBeLessThan(statSync(image).size * 0.1);
    await expect
      .poll(async () => (await fleet.manager.manifest(id))?.["seq"], { timeout: 20_000 })
      .toBe(way === "http" ? 20 : 30);
    expect(readState(join(folder, id)).trial).toBe("none");
  }, 120_000);

  it("refuses an image that nobody signed, and says so on the attempt", async () => {
    const next = await stampImage(image, `3.0.${way.length}`, join(folder, `${id}-3.bin`));
    const before = readFileSync(join(folder, id, "boot-0"));
    const about = ["--model", "m", "--version", `3.0.${way.length}`, "--id", `${id}-3`, "--sequence", "40"];
    await fleet.coxswain("update", "create", next, ...about);
    await fleet.coxswain("update", "start", `${id}-3`, "--node", id);
    expect(await endOf(`${id}-3`, id)).toEqual(["failed", "manifest-unsigned"]);
    expect(readFileSync(join(folder, id, "boot-0"))).toEqual(before);
  }, 120_000);
});

it("a node boots its previous image where that was signed for it, and its anchors are replaced by who has the present key", async () => {
  const id = "signed-http";
  const back = ["--node", id, "--model", "m", "--version", "1.0.0", "--key", key, "--sequence", "60", "--id", "back"];
  await fleet.coxswain("update", "boot-previous", image, ...back);
  await fleet.coxswain("update", "start", "back", "--node", id);
  expect(await endOf("back", id)).toEqual(["succeeded", undefined]);
  expect((await fleet.manager.manifest(id))?.["digest"]).toBe(`sha256:${sha256(image)}`);
  await expect.poll(async () => (await fleet.manager.manifest(id))?.["seq"], { timeout: 20_000 }).toBe(60);

  const newKey = join(folder, "next.pem");
  await fleet.coxswain("update", "keygen", newKey);
  await fleet.coxswain("update", "anchors", "add", newKey, "--name", "next key");
  await fleet.coxswain(
    ...["update", "anchors", "replace", newKey, "--model", "m", "--key", key, "--sequence", "1", "--id", "keys"],
  );
  await fleet.coxswain("update", "start", "keys", "--node", id);
  expect(await endOf("keys", id)).toEqual(["succeeded", undefined]);
  const next = await stampImage(image, "7.0.0", join(folder, "seven.bin"));
  const create = ["update", "create", next, "--model", "m", "--version", "7.0.0"];
  await fleet.coxswain(...create, "--key", key, "--id", "old-key", "--sequence", "70");
  await fleet.coxswain("update", "start", "old-key", "--node", id);
  expect(await endOf("old-key", id)).toEqual(["failed", "unknown-signer"]);
  await fleet.coxswain(...create, "--key", newKey, "--id", "new-key", "--sequence", "71");
  await fleet.coxswain("update", "start", "new-key", "--node", id);
  expect(await endOf("new-key", id)).toEqual(["succeeded", undefined]);
}, 180_000);

it("a node that was given no anchors takes no update that is signed", async () => {
  const id = "untrusting";
  await fleet.distrustingNode(id);
  await fleet.coxswain("update", "start", "signed-http-2", "--node", id);
  expect(await endOf("signed-http-2", id)).toEqual(["failed", "unknown-signer"]);
}, 120_000);
