import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Environment } from "../../schemas/generated/types.ts";
import { coxswain } from "../../tools/demo/programs.ts";
import { TestPeer } from "../integration/manager-harness.ts";
import {
  buildFolder,
  requireBuild,
  SupervisedNode,
  stamp,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

// Debian: mosquitto-clients. The set-up of the tests installs it; where it is missing these tests say so by being skipped.
const outside = test.skipIf(spawnSync("mosquitto_pub", ["--help"]).error !== undefined);

const image = join(buildFolder, "cxnode-node");
const folder = temporaryFolder();
const nodes: SupervisedNode[] = [];
const clients: ChildProcess[] = [];
let manager: RealManager;
let digest: string;

beforeAll(async () => {
  requireBuild();
  const config = join(folder, "coxswain.json");
  writeFileSync(config, JSON.stringify({ mqtt: { observerPassword: "look-and-see-all" } }));
  manager = await RealManager.start(folder, ["--config", config]);
  const file = stamp(image, "1.1.0", folder);
  digest = await manager.createUpdate({ id: "next", model: "m", version: "1.1.0", file });
});

afterAll(async () => {
  for (const client of clients) client.kill("SIGKILL");
  for (const node of nodes) {
    node.signal("SIGKILL");
    await node.exit;
  }
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startNode(id: string, flags: readonly string[] = []): Promise<SupervisedNode> {
  const all = ["--id", id, "--model", "m", "--image", image, "--download-rate", "60000", ...flags];
  const node = new SupervisedNode(join(folder, id), [...all, "--manager", manager.urls.coap]);
  nodes.push(node);
  await node.line(/registered as/);
  return node;
}

function mosquitto(program: "sub" | "pub", user: string, password: string, args: readonly string[]) {
  const access = ["-h", "127.0.0.1", "-p", `${manager.ports.mqtt}`, "-i", user, "-u", user, "-P", password];
  const child = spawn(`mosquitto_${program}`, [...access, ...args]);
  clients.push(child);
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { lines: () => out.split("\n").filter((line) => line !== ""), ended };
}

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { timeout: 30_000, interval: 20 }).toBe(true);
}

outside(
  "an update that MQTT starts: mosquitto_sub sees ota/start, then its progress from 0 to 100 and its success",
  async () => {
    const node = await startNode("by-mqtt");
    await node.line(/mqtt: connected/);
    const observer = mosquitto("sub", "_observer", "look-and-see-all", [
      "-v",
      "-q",
      "1",
      "-t",
      "cx/nodes/by-mqtt/ota/#",
    ]);
    await coxswain(manager.urls, "update", "start", "next", "--via", "mqtt", "--node", "by-mqtt");
    await manager.untilAttempt("next", "by-mqtt", ["succeeded"]);
    await until(() => observer.lines().some((line) => line.includes('"succeeded"')));

    const [first = "", ...rest] = observer.lines().filter((line) => !line.includes('"offered"'));
    expect(first).toMatch(/^cx\/nodes\/by-mqtt\/ota\/start \{.*"update":"next"/);
    const progress = rest.map((line) => {
      expect(line).toMatch(/^cx\/nodes\/by-mqtt\/ota\/progress \{/);
      return JSON.parse(line.slice(line.indexOf("{"))) as { update: string; state: string; percent?: number };
    });
    const downloading = progress.filter(({ state }) => state === "downloading").map(({ percent }) => percent ?? -1);
    expect(downloading[0]).toBe(0);
    expect(downloading).toEqual(downloading.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toMatchObject({ update: "next", state: "succeeded", percent: 100 });
    const states = progress.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
    expect(states.filter((state) => state !== "accepted")).toEqual([
      ...["downloading", "verifying", "staged", "trial", "succeeded"],
    ]);
  },
);

outside("early device code starts at device/ota/start, fetches the link, and tells device/progress", async () => {
  const peer = await TestPeer.start(manager.ports.coap);
  try {
    await peer.register({ id: "early", model: "m" });
    const { mqtt } = (await peer.ask("GET", "/environment?ep=early")).json as Environment;
    const password = mqtt?.password ?? "";
    const subscriber = mosquitto("sub", "early", password, ["-t", "device/ota/start", "-C", "1", "-W", "20"]);
    const isConnected = (event: { kind: string }) =>
      event.kind === "broker" && "node" in event && event.node === "early";
    await manager.event("early connects", isConnected, 0);
    // It connects first and subscribes then; a trigger is told again until it is heard.
    while (subscriber.lines().length === 0) {
      await manager.startUpdate("next", ["early"], "mqtt");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await subscriber.ended).toBe(0);
    const { update, url } = JSON.parse(subscriber.lines()[0] ?? "") as { update: string; url: string };
    expect(update).toBe("next");
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(`sha256:${createHash("sha256").update(bytes).digest("hex")}`).toBe(digest);

    const observer = mosquitto("sub", "_observer", "look-and-see-all", ["-v", "-t", "cx/nodes/early/ota/progress"]);
    for (const percent of [0, 50, 100]) {
      await until(() => {
        const said = JSON.stringify({ update_id: "next", status: "downloading", progress: percent });
        spawnSync("mosquitto_pub", [
          ...["-h", "127.0.0.1", "-p", `${manager.ports.mqtt}`, "-i", "early", "-u", "early", "-P", password],
          ...["-q", "1", "-t", "device/progress", "-m", said],
        ]);
        return observer.lines().some((line) => line.endsWith(said));
      });
      await expect.poll(async () => (await manager.attempt("next", "early"))?.attempt.percent).toBe(percent);
    }
    expect(observer.lines()[0]).toMatch(/^cx\/nodes\/early\/ota\/progress \{/);
    // Its word for progress is taken; for success only the digest that runs is.
    expect((await manager.attempt("next", "early"))?.attempt.state).toBe("downloading");
  } finally {
    await peer.end();
  }
});

test("a sleepy node is never called: it hears of its update at a heartbeat, and is known from its reports alone", async () => {
  const since = manager.seen.length;
  await startNode("sleepy", ["--sleepy"]);
  await coxswain(manager.urls, "update", "start", "next", "--node", "sleepy");
  await manager.untilAttempt("next", "sleepy", ["succeeded"]);
  const own = manager.seen.slice(since).filter((event) => "node" in event && event.node === "sleepy");
  expect(own.some((event) => event.kind === "observing")).toBe(false);
  expect(own.flatMap((event) => (event.kind === "action" ? [event.state] : []))).not.toContain("taken");
  expect(own.flatMap((event) => (event.kind === "action" ? [event.state] : []))).toContain("told");
  expect(await manager.manifest("sleepy")).toMatchObject({ sleepy: true, digest, confirmed: true });
});
