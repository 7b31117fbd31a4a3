import { createSocket, type Socket } from "node:dgram";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { TestPeer } from "../integration/manager-harness.ts";
import {
  buildFolder,
  requireBuild,
  SupervisedNode,
  stamp,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const seed = process.env["SEED"] ?? `${systemEntropy.uint32()}`;
const image = join(buildFolder, "cxnode-node");
const folder = temporaryFolder();
let manager: RealManager;
let node: SupervisedNode;

beforeAll(async () => {
  requireBuild();
  manager = await RealManager.start(folder);
  await manager.createUpdate({ id: "next", model: "m", version: "1.1.0", file: stamp(image, "1.1.0", folder) });
  const flags = ["--id", "n1", "--model", "m", "--image", image, "--manager", manager.urls.coap, "--prefer", "coap"];
  node = new SupervisedNode(join(folder, "n1"), [...flags, "--download-rate", "60000"]);
  await node.line(/registered as/);
});

afterAll(async () => {
  node?.signal("SIGKILL");
  await node?.exit;
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Random bytes; heads of CoAP with nothing right behind them; and good requests with a few bytes changed. */
function garbage(entropy: ReturnType<typeof seededEntropy>): Uint8Array {
  const bytes = new Uint8Array(1 + (entropy.uint32() % 200));
  for (let at = 0; at < bytes.length; at++) bytes[at] = entropy.uint32();
  const kind = entropy.uint32() % 3;
  if (kind === 1) bytes[0] = 0x40 | (entropy.uint32() & 0x3f);
  if (kind === 2) {
    // CON POST /register with a CBOR manifest.
    const good = [0x40, 2, 0, 1, 0xb8, ...Buffer.from("register"), 0x11, 60, 0xff, 0xa1, 1, 0x62, ...Buffer.from("zz")];
    for (let change = 0; change < 3; change++) good[entropy.uint32() % good.length] = entropy.uint32() & 0xff;
    return Uint8Array.from(good);
  }
  return bytes;
}

/** UDP ports of a process, from its descriptors and the kernel's table. */
function udpPorts(pid: string): number[] {
  const inodes = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  return ["udp", "udp6"]
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n"))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => inodes.includes(fields[9] ?? ""))
    .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16));
}

function send(socket: Socket, bytes: Uint8Array, port: number): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, port, "127.0.0.1", () => resolve()));
}

it(`garbage on every socket of manager and node costs nobody anything: an update completes under it (SEED=${seed})`, {
  timeout: 90_000,
}, async () => {
  console.log(`garbage: SEED=${seed}`);
  const entropy = seededEntropy(seed);
  const child = readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, "utf8").trim();
  const nodePorts = udpPorts(child);
  expect(nodePorts.length).toBeGreaterThan(0);
  const socket = createSocket("udp4");
  const peer = await TestPeer.start(manager.ports.coap);
  const isOver = new AbortController();
  let sent = 0;
  const flood = (async () => {
    while (!isOver.signal.aborted) {
      for (let burst = 0; burst < 20; burst++) {
        await send(socket, garbage(entropy), manager.ports.coap);
        for (const port of nodePorts) await send(socket, garbage(entropy), port);
        sent++;
      }
      // Broken MQTT and HTTP too: whoever speaks so is closed, and nobody else.
      for (const port of [manager.ports.mqtt, manager.ports.http]) {
        const stream = connect(port, "127.0.0.1");
        stream.on("error", () => {});
        stream.end(garbage(entropy));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  try {
    await manager.startUpdate("next", ["n1"]);
    let asked = 0;
    const isDone = manager.untilAttempt("next", "n1", ["succeeded"], 45_000).then(
      () => isOver.abort(),
      (error: Error) => {
        isOver.abort();
        return new Error(`${error.message}; the node said:\n${node.lines.join("\n")}`);
      },
    );
    while (!isOver.signal.aborted) {
      const answer = await peer.ask("GET", "/.well-known/core");
      expect(answer.code).toBe("2.05");
      asked++;
    }
    expect(await isDone).toBeUndefined();
    expect(asked).toBeGreaterThan(10);
  } finally {
    isOver.abort();
    await flood;
    socket.close();
    await peer.end();
  }
  expect(sent).toBeGreaterThan(200);
  const { coap } = await manager.get<{ coap: Record<string, number> }>("/system");
  const malformed = Object.entries(coap).filter(([name]) => /malformed|reset|bad/i.test(name));
  expect(
    malformed.reduce((sum, [, count]) => sum + count, 0),
    JSON.stringify(coap),
  ).toBeGreaterThan(50);
  expect(await manager.manifest("n1")).toMatchObject({ version: "1.1.0", confirmed: true });
});
