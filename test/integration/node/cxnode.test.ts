import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { StatusReport } from "../../../schemas/generated/types.ts";
import {
  buildFolder,
  imagePath,
  readState,
  requireBuild,
  type SupervisedNode,
  sha256,
  stamp,
  withNodes,
} from "../supervisor/supervised-node.ts";
import { StandInManager } from "./stand-in-manager.ts";

const nodeImage = join(buildFolder, "cxnode-node");

let manager: StandInManager;

beforeAll(requireBuild);
beforeEach(async () => {
  manager = await StandInManager.start();
});
afterEach(async () => {
  await manager.stop();
});

type Start = (flags: readonly string[], shellPrefix?: string) => SupervisedNode;

function startNode(start: Start, flags: readonly string[] = [], shellPrefix = ""): SupervisedNode {
  const manage = ["--manager", `coap://127.0.0.1:${manager.coapPort}`, "--interface", "lo"];
  return start([...manage, "--image", nodeImage, ...flags], shellPrefix);
}

/** Offers `path` to the node as an update, by one way; the digest may be said to be another. */
function offer(path: string, way: "http" | "coap", rev = 1, digest = sha256(path)): string {
  const bytes = readFileSync(path);
  const hex = sha256(path);
  if (!manager.artifacts.has(hex)) manager.artifacts.set(hex, { bytes, cuts: [], refusals: [] });
  manager.action = {
    rev,
    kind: "update",
    update: "next",
    attempt: `a${rev}`,
    uris: [manager.uri(way, hex)],
    size: bytes.length,
    digest: `sha256:${digest}`,
    version: "1.1.0",
  };
  return hex;
}

const digestOf = (hex: string) => `sha256:${hex}`;

/** Success means one thing: the node itself, confirmed, reports the new digest. */
const isConfirmed = (reports: readonly StatusReport[], hex: string) =>
  reports.some((report) => report.digest === digestOf(hex) && report.confirmed === true);

test("a node registers with what it is, beats, and says which image runs", () =>
  withNodes(async (start, folder) => {
    startNode(start);
    await manager.until((heard) => heard.manifests.length > 0 && heard.reports.length > 1);
    const [manifest] = manager.heard.manifests;
    expect(manifest).toMatchObject({
      id: "n1",
      model: "cxnode",
      version: "1.0.0",
      slot: "a",
      confirmed: true,
      digest: digestOf(sha256(nodeImage)),
    });
    expect(manager.heard.reports[1]).toMatchObject({ status: "healthy", phase: "operational" });
    expect(readState(join(folder, "state")).bootCount).toBe(0);
  }));

test("a Linux node has a model of its own, and no memory figure that its 32 bits can't say", () =>
  withNodes(async (start) => {
    startNode(start, ["--profile", "linux"]);
    await manager.until((heard) => heard.manifests.length > 0 && heard.reports.length > 0);
    expect(manager.heard.manifests[0]?.model).toBe("linux-node");
    const { freeHeap, minFreeHeap } = manager.heard.reports[0] as StatusReport;
    expect([freeHeap, minFreeHeap]).not.toContain(0xffff_ffff);
  }));

test("a manager that doesn't answer for a while is missed, and found again", () =>
  withNodes(async (start) => {
    const node = startNode(start);
    await manager.until((heard) => heard.reports.length > 1);
    manager.isDeaf = true;
    await node.line(/heartbeat missed, 1 in a row/);
    const before = manager.heard.reports.length;
    manager.isDeaf = false;
    await manager.until((heard) => heard.reports.length > before + 1);
  }));

test("supervisor and node together stay under 5 MB of memory", () =>
  withNodes(async (start) => {
    const node = startNode(start);
    await manager.until((heard) => heard.reports.length > 1);
    const child = readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, "utf8").trim();
    const kilobytes = [String(node.pid), child].map((pid) =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
    );
    expect(kilobytes.reduce((sum, one) => sum + one, 0)).toBeLessThan(5_000);
  }));

test.each(["http", "coap"] as const)(
  "an update by %s replaces the image, and only the confirmed one says success",
  (way) =>
    withNodes(async (start, folder) => {
      const next = stamp(nodeImage, "1.1.0", folder);
      const hex = offer(next, way);
      startNode(start, ["--prefer", way]);
      await manager.until((heard) => heard.manifests.some((manifest) => manifest.digest === digestOf(hex)));
      await manager.until((heard) => isConfirmed(heard.reports, hex));
      expect(manager.heard.manifests.at(-1)).toMatchObject({ version: "1.1.0", slot: "b" });
      expect(readState(join(folder, "state"))).toMatchObject({ active: "b", trial: "none" });
      expect(manager.heard.ranges).toHaveLength(way === "http" ? 1 : 0);
    }),
);

test("an update whose self-test fails rolls back by itself, and the manager is told why", () =>
  withNodes(async (start) => {
    const hex = offer(imagePath("silent-sensor"), "http");
    startNode(start);
    await manager.until((heard) => heard.manifests.some((manifest) => manifest.rolledBack !== undefined), 60_000);
    expect(manager.heard.manifests.at(-1)).toMatchObject({
      version: "1.0.0",
      slot: "a",
      digest: digestOf(sha256(nodeImage)),
      rolledBack: { digest: digestOf(hex), reason: "self-test" },
    });
  }));

test("a download that is cut goes on where it was", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    manager.artifacts.get(hex)?.cuts.push(70_000, 30_000);
    startNode(start);
    await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
    expect(manager.heard.ranges).toHaveLength(3);
    expect(manager.heard.ranges[1]).toBeGreaterThanOrEqual(65_536);
    expect(manager.heard.ranges[2]).toBeGreaterThan(manager.heard.ranges[1] ?? 0);
  }));

test("a wrong digest is never booted, and the result says so", () =>
  withNodes(async (start, folder) => {
    offer(stamp(nodeImage, "1.1.0", folder), "http", 1, "00".repeat(32));
    startNode(start);
    await manager.until((heard) => heard.reports.some((report) => report.result !== undefined), 60_000);
    expect(manager.heard.reports.find((report) => report.result !== undefined)?.result).toMatchObject({
      rev: 1,
      outcome: "failed",
    });
    expect(readState(join(folder, "state"))).toMatchObject({ active: "a", trial: "none", bootsTotal: 1 });
  }));

test("a server that fails for a while only delays an update", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    manager.artifacts.get(hex)?.refusals.push(500, 503);
    startNode(start);
    await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
  }));

test("an artifact that isn't there ends the attempt, and the node goes on", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    manager.artifacts.get(hex)?.refusals.push(404);
    startNode(start);
    await manager.until((heard) => heard.reports.some((report) => report.result?.outcome === "failed"));
    // The attempt's last report and the status report with its outcome are two exchanges: either may come first.
    await manager.until((heard) => heard.attempts.some((attempt) => attempt.state === "failed"));
    expect(readState(join(folder, "state"))).toMatchObject({ active: "a", bootsTotal: 1 });
    // The next action, of the same image by the other way, is taken.
    offer(join(folder, "stamped-1.1.0"), "coap", 2);
    await manager.until((heard) => isConfirmed(heard.reports, hex));
  }));

test("a full disk ends the attempt with its reason, and the node goes on", () =>
  withNodes(async (start, folder) => {
    const large = join(folder, "large");
    writeFileSync(large, Buffer.concat([readFileSync(stamp(nodeImage, "1.1.0", folder)), Buffer.alloc(1_000_000, 1)]));
    offer(large, "http");
    // 512 KiB a file: the image that runs fits, the next one doesn't.
    startNode(start, [], "ulimit -f 1024");
    await manager.until((heard) => heard.reports.some((report) => report.result?.outcome === "failed"));
    expect(manager.heard.reports.find((report) => report.result !== undefined)?.result?.reason).toBe("no-space");
    const before = manager.heard.reports.length;
    await manager.until((heard) => heard.reports.length > before);
  }));

test.each(["downloading", "verifying", "staged"] as const)(
  "kill -9 when the attempt is %s: the next try completes",
  (state) =>
    withNodes(async (start, folder) => {
      const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
      const node = startNode(start);
      await manager.until((heard) => heard.attempts.some((attempt) => attempt.state === state));
      node.signal("SIGKILL");
      await node.exit;
      startNode(start);
      await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
      expect(readState(join(folder, "state"))).toMatchObject({ trial: "none", rolledBack: "none" });
    }),
);

test.each(["boot -> discovery", "discovery -> operational", "operational -> maintenance"])(
  "kill -9 right after %s: the next try completes",
  (step) =>
    withNodes(async (start, folder) => {
      const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
      const node = startNode(start);
      await node.line(new RegExp(step));
      node.signal("SIGKILL");
      await node.exit;
      startNode(start);
      await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
      expect(readState(join(folder, "state"))).toMatchObject({ active: "b", trial: "none", rolledBack: "none" });
    }),
);

test("a node that failed three boots comes up in SAFE, also after kill -9 there, and is recovered over the air", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    manager.isDeaf = true;
    for (let boot = 1; boot <= 3; boot++) {
      const node = startNode(start);
      await node.line(/boot -> discovery/);
      node.signal("SIGKILL");
      await node.exit;
    }
    const cut = startNode(start);
    await cut.line(/boot 4 of slot a, SAFE/);
    cut.signal("SIGKILL");
    await cut.exit;
    manager.isDeaf = false;
    const node = startNode(start);
    await node.line(/boot \d+ of slot a, SAFE/);
    await manager.until((heard) => heard.reports.some((report) => report.phase === "safe"));
    await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
    expect(readState(join(folder, "state"))).toMatchObject({ active: "b", safe: false });
  }));

test("a node process that is killed alone is started again by its supervisor, and completes", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    const node = startNode(start, ["--download-rate", "60000"]);
    await manager.until((heard) => heard.attempts.some((attempt) => (attempt.bytes ?? 0) > 40_000));
    const child = readFileSync(`/proc/${node.pid}/task/${node.pid}/children`, "utf8").trim();
    process.kill(Number(child), "SIGKILL");
    await node.line(/ended by signal 9/);
    await node.line(/after crash/);
    await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
    expect(manager.heard.ranges[1]).toBeGreaterThanOrEqual(32_768);
  }));

test("kill -9 at every 48 KiB of a download, and after registering on trial: the node boots, resumes, and completes", () =>
  withNodes(async (start, folder) => {
    const hex = offer(stamp(nodeImage, "1.1.0", folder), "http");
    const size = manager.artifacts.get(hex)?.bytes.length ?? 0;
    const durableBlock = 16 * 1024;
    let resumes = 0;
    for (let at = 0; at < size; at += 48 * 1024) {
      const before = manager.heard.ranges.length;
      const node = startNode(start, ["--download-rate", "60000"]);
      await manager.until((heard) => heard.ranges.length > before);
      const from = manager.heard.ranges.at(-1) ?? 0;
      expect(from % durableBlock).toBe(0);
      if (from > 0) resumes++;
      await manager.until((heard) => heard.attempts.some((attempt) => (attempt.bytes ?? 0) >= at));
      node.signal("SIGKILL");
      await node.exit;
    }
    expect(resumes).toBeGreaterThan(0);
    const node = startNode(start);
    await manager.until((heard) => heard.manifests.some((manifest) => manifest.confirmed === false));
    node.signal("SIGKILL");
    await node.exit;
    startNode(start);
    await manager.until((heard) => isConfirmed(heard.reports, hex), 60_000);
    expect(readState(join(folder, "state"))).toMatchObject({ active: "b", trial: "none", rolledBack: "none" });
  }));
