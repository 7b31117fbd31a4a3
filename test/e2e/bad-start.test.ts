import { execFileSync, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestPeer } from "../integration/manager-harness.ts";
import { buildFolder, SupervisedNode, sha256, stamp } from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const main = join(import.meta.dirname, "../../manager/main.ts");
const withoutSettings = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("COXSWAIN_")),
);
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cx-bad-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the manager as a program that can't start, and what it says. */
function run(...flags: readonly string[]): { status: number | null; words: string; lines: number } {
  const own = ["--insecure", "--no-mdns", "--data-dir", folder, "--log-level", "error"];
  const free = ["coap", "http", "mqtt"].filter((part) => !flags.includes(`--${part}-port`));
  const ports = free.flatMap((part) => [`--${part}-port`, "0"]);
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, ...own, ...ports, ...flags], {
    ...{ encoding: "utf8", timeout: 20_000, env: withoutSettings },
  });
  expect(stdout).toBe("");
  const said = stderr.trim().split("\n");
  return { status, words: stderr, lines: said.length };
}

describe("the manager as a program that can't start says why in one line, and ends with 1:", () => {
  it("a taken CoAP port", async () => {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    const { status, words, lines } = run("--coap-port", `${port}`);
    socket.close();
    expect({ status, lines }).toEqual({ status: 1, lines: 1 });
    expect(words).toMatch(new RegExp(`^coxswain: .*${port}`));
  });

  it("a taken HTTP port", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { status, words, lines } = run("--http-port", `${port}`);
    server.close();
    expect({ status, lines }).toEqual({ status: 1, lines: 1 });
    expect(words).toMatch(new RegExp(`^coxswain: .*${port}`));
  });

  it.each(["registry.db", "history.db"])("a damaged %s", (name) => {
    const file = join(folder, name);
    writeFileSync(file, "garbage".repeat(1000));
    const { status, words, lines } = run();
    expect({ status, lines }).toEqual({ status: 1, lines: 1 });
    expect(words).toContain(file);
  });

  it("a data folder that is a file", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const { status, words, lines } = run("--data-dir", file);
    expect({ status, lines }).toEqual({ status: 1, lines: 1 });
    expect(words).toContain(file);
  });
});

/** A disk of its own needs a mount, which needs root on Linux. */
function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const at = mkdtempSync(join(tmpdir(), "cx-mount-"));
  const isMounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", at]).status === 0;
  if (isMounted) execFileSync("umount", [at]);
  rmSync(at, { recursive: true });
  return isMounted;
}

describe.skipIf(!canMount())("on a disk that is full (a tmpfs; needs root)", () => {
  let disk: string;
  beforeEach(() => {
    disk = join(folder, "disk");
    mkdirSync(disk);
  });
  afterEach(() => {
    spawnSync("umount", ["-l", disk]);
  });

  function mount(size: string): void {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk]);
  }

  it("the manager refuses what it can't keep, goes on with the rest, and takes it again when there is room", async () => {
    mount("2m");
    const manager = await RealManager.start(folder, ["--data-dir", join(disk, "data")]);
    const peer = await TestPeer.start(manager.ports.coap);
    try {
      expect((await peer.register({ id: "before" })).code).toBe("2.01");
      const filler = join(disk, "filler");
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(filler, Buffer.alloc(bavail * bsize, 1));
      // What fits into the journal's last page may pass; soon nothing does.
      let refused = "";
      for (let number = 0; number < 300 && refused === ""; number++) {
        const answer = await peer.register({ id: `more-${number}`, site: "s".repeat(40) });
        if (!answer.code.startsWith("2.")) refused = answer.words;
      }
      expect(refused).toMatch(/^5\.03 .*storage/);
      const upload = await fetch(`${manager.urls.http}/api/v1/artifacts/${"0".repeat(64)}`, {
        ...{ method: "PUT", body: Buffer.alloc(200_000), headers: { "content-type": "application/octet-stream" } },
      });
      expect(upload.status).toBe(507);
      // A heartbeat needs no storage.
      expect((await peer.ask("POST", "/status?r=0&ep=before")).code).toBe("2.04");

      truncateSync(filler, 0);
      expect((await peer.register({ id: "after" })).code).toBe("2.01");
      expect((await peer.register({ id: "before" })).code).toBe("2.04");
    } finally {
      await peer.end();
      await manager.stop();
    }
  });

  it("a node ends the attempt with no-space, goes on, and completes it when there is room", async () => {
    const image = join(buildFolder, "cxnode-node");
    mount("280k");
    const manager = await RealManager.start(folder);
    const file = stamp(image, "1.1.0", folder);
    await manager.createUpdate({ id: "next", model: "m", version: "1.1.0", file });
    const flags = ["--id", "full", "--model", "m", "--image", image, "--manager", manager.urls.coap];
    const node = new SupervisedNode(join(disk, "full"), flags);
    try {
      await node.line(/registered as/);
      await manager.startUpdate("next", ["full"]);
      const { attempt } = await manager.untilAttempt("next", "full", ["failed"]);
      expect(attempt.reason).toBe("no-space");
      execFileSync("mount", ["-o", "remount,size=2m", disk]);
      await manager.startUpdate("next", ["full"]);
      await manager.untilAttempt("next", "full", ["succeeded"]);
      expect(await manager.manifest("full")).toMatchObject({ digest: `sha256:${sha256(file)}` });
    } finally {
      node.signal("SIGKILL");
      await node.exit;
      await manager.stop();
    }
  });
});
