import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { StandInManager } from "../integration/node/stand-in-manager.ts";
import { readState, sha256, stamp } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

const fleet = new RealFleet();
const { image, folder } = fleet;

/** Where the manager keeps the bytes of an artifact. */
function storedFile(digest: string): string {
  const hex = digest.slice("sha256:".length);
  const root = join(folder, "manager/artifacts");
  const found = readdirSync(root, { recursive: true, encoding: "utf8" }).find((name) => name.includes(hex));
  if (found === undefined) throw new Error(`no file of ${hex} below ${root}`);
  return join(root, found);
}

function damage(path: string, from: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0x5a, from, from + 4096);
  writeFileSync(path, bytes);
}

/** The old image runs, nothing is on trial, and it was never left. */
function expectUntouched(id: string): void {
  expect(readState(join(folder, id))).toMatchObject({ active: "a", trial: "none", rolledBack: "none", bootsTotal: 1 });
}

it.each(["http", "coap"] as const)(
  "an artifact that changed on the manager's disk is never booted, by %s",
  async (way) => {
    const id = `changed-${way}`;
    const digest = await fleet.manager.createUpdate({ id, model: "m", version: id, file: stamp(image, id, folder) });
    await fleet.node(id, ["--prefer", way]);
    damage(storedFile(digest), 100_000);
    await fleet.manager.startUpdate(id, [id]);
    const { attempt } = await fleet.manager.untilAttempt(id, id, ["failed"]);
    expect(attempt.reason).toBe("artifact-changed");
    expectUntouched(id);
  },
);

it.each(["http", "coap"] as const)("nor one that changes under the download, by %s", async (way) => {
  const id = `under-${way}`;
  const digest = await fleet.manager.createUpdate({ id, model: "m", version: id, file: stamp(image, id, folder) });
  await fleet.node(id, ["--prefer", way, "--download-rate", "50000"]);
  await fleet.manager.startUpdate(id, [id]);
  const isUnderWay = (event: { kind: string }) =>
    event.kind === "attempt" &&
    "node" in event &&
    event.node === id &&
    "percent" in event &&
    Number(event.percent) > 30;
  await fleet.manager.event(`${id} is at it`, isUnderWay, 0);
  // Of HTTP all of it may be on its way already; then what is downloaded is what it was, and that is right.
  damage(storedFile(digest), 171_000);
  const { attempt } = await fleet.manager.untilAttempt(id, id, way === "coap" ? ["failed"] : ["failed", "succeeded"]);
  if (attempt.state === "failed") {
    expect(attempt.reason).toBe("artifact-changed");
    expectUntouched(id);
  } else {
    expect(await fleet.manager.manifest(id)).toMatchObject({ digest });
  }
});

it("an image larger than the slot is refused before its first byte", async () => {
  const file = stamp(image, "large", folder);
  appendFileSync(file, Buffer.alloc(12_000_000, 1));
  // Before a node of the model is there, whose slots the manager would hold it against.
  await fleet.manager.createUpdate({ id: "large", model: "large", version: "large", file });
  await fleet.node("large", ["--model", "large"]);
  await fleet.manager.startUpdate("large", ["large"]);
  const { attempt, bytesByWay } = await fleet.manager.untilAttempt("large", "large", ["failed"]);
  expect(attempt.reason).toBe("no-space");
  expect(bytesByWay).toEqual({});
  expectUntouched("large");
});

it.each(["http", "coap"] as const)(
  "one that can't be read on the manager's disk is tried again until it can, by %s",
  async (way) => {
    const id = `gone-${way}`;
    const digest = await fleet.manager.createUpdate({ id, model: "m", version: id, file: stamp(image, id, folder) });
    const node = await fleet.node(id, ["--prefer", way]);
    const path = storedFile(digest);
    const bytes = readFileSync(path);
    rmSync(path);
    await fleet.manager.startUpdate(id, [id]);
    await node.line(new RegExp(`update: ${way === "http" ? "http-503" : "coap-500"} at 0, again in`));
    writeFileSync(path, bytes);
    await fleet.manager.untilAttempt(id, id, ["succeeded"]);
    expect(await fleet.manager.manifest(id)).toMatchObject({ digest });
  },
);

it("an artifact server that stalls in the middle is left, and the download goes on where it was", {
  timeout: 90_000,
}, async () => {
  const next = stamp(image, "stalled", folder);
  const bytes = readFileSync(next);
  const offsets: number[] = [];
  const server: Server = createServer((request, response) => {
    const offset = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    offsets.push(offset);
    const rest = bytes.subarray(offset);
    response.writeHead(offset > 0 ? 206 : 200, {
      ...{ etag: '"same"', "content-length": rest.length },
      ...(offset > 0 && { "content-range": `bytes ${offset}-${bytes.length - 1}/${bytes.length}` }),
    });
    // The first time it says no more, and keeps the connection open.
    if (offsets.length === 1) response.write(rest.subarray(0, 80_000));
    else response.end(rest);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const standIn = await StandInManager.start();
  try {
    const digest = `sha256:${sha256(next)}`;
    standIn.action = {
      ...{ rev: 1, kind: "update", update: "stalled", attempt: "a1", size: bytes.length, digest, version: "stalled" },
      uris: [`http://127.0.0.1:${(server.address() as AddressInfo).port}/image`],
    };
    await fleet.node("stalled", ["--manager", `coap://127.0.0.1:${standIn.coapPort}`]);
    await standIn.until(({ reports }) => reports.some((each) => each.digest === digest && each.confirmed), 60_000);
    expect(offsets).toEqual([0, 80_000]);
  } finally {
    server.closeAllConnections();
    server.close();
    await standIn.stop();
  }
});
