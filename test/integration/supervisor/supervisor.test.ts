import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  cxnode,
  imagePath,
  readState,
  requireBuild,
  type SupervisedNode,
  sha256,
  stamp,
  temporaryFolder,
  withNodes,
} from "./supervised-node.ts";

const steady = imagePath("steady");

/** Processes whose executable lies in this folder: nodes that run from one of its slots. */
function nodesIn(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/exe`).startsWith(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(5_000);
  while (!isTrue()) {
    if (deadline.aborted) throw new Error("it didn't come to that within 5 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function flipByte(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

beforeAll(requireBuild);

describe("flags", () => {
  test.each([
    [["--profil", "x"], "no flag --profil"],
    [["--profile", "x"], '--profile "x" is none of: sensor, linux'],
    [["--id", "Porch"], "isn't a node id"],
    [["--id", "fleet"], "isn't a node id"],
    [["--manager", "http://x"], "isn't coap://HOST"],
    [["--manager", "coaps://x"], "hold no dtls, which coaps:// needs"],
    [["--manager", "coap://x:70000"], "isn't coap://HOST"],
    [["--manager", "coap://::1"], "isn't coap://HOST"],
    [["--discover-group", "192.0.2.1"], "isn't a multicast address"],
    [["--prefer", "ftp"], "is none of: http, coap"],
    [["--download-rate", "0"], "isn't a number of bytes a second"],
    [["--log-level", "loud"], "is none of: error"],
    [["--watchdog-time", "1e3"], "isn't a number of seconds"],
    [["--watchdog-pipe", "3"], "no flag --watchdog-pipe"],
    [["--id"], "--id needs a value"],
    [["porch"], '"porch" is not a flag'],
  ])("%j is refused with a word about what would be right", (flags, message) => {
    const cwd = temporaryFolder();
    const run = spawnSync(cxnode, flags, { encoding: "utf8", cwd });
    rmSync(cwd, { recursive: true });
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(64);
  });

  test("--help names every flag and --version the version", () => {
    const help = spawnSync(cxnode, ["--help"], { encoding: "utf8" });
    expect(help.status).toBe(0);
    for (const flag of [
      "manager",
      "discover-group",
      "id",
      "profile",
      "state",
      "image",
      "model",
      "prefer",
      "interface",
    ]) {
      expect(help.stdout).toContain(`--${flag}`);
    }
    expect(spawnSync(cxnode, ["--version"], { encoding: "utf8" }).stdout).toMatch(/^cxnode \d+\.\d+\.\d+\n$/);
  });
});

describe("images as files", () => {
  test.each([
    ["image", "--help"],
    ["image", "inspect", "--help"],
    ["state", "show", "-h"],
  ])("how its tools are called is told to who asks: %s %s %s", (...words) => {
    const run = spawnSync(cxnode, words.filter(Boolean), { encoding: "utf8" });
    expect([run.status, run.stdout, run.stderr]).toEqual([0, expect.stringContaining("cxnode image inspect FILE"), ""]);
  });

  test("a stamp changes version and digest and nothing else", () =>
    withNodes(async (_start, folder) => {
      const stamped = stamp(steady, "1.1.0", folder);
      const facts = JSON.parse(spawnSync(cxnode, ["image", "inspect", stamped, "--json"], { encoding: "utf8" }).stdout);
      expect(facts).toMatchObject({ version: "1.1.0", model: "cxnode", digest: `sha256:${sha256(stamped)}` });
      expect(sha256(stamped)).not.toBe(sha256(steady));
      const [before, after] = [readFileSync(steady), readFileSync(stamped)];
      expect(after.length).toBe(before.length);
      expect(before.filter((byte, i) => byte !== after[i]).length).toBeLessThan(6);
    }));

  test("a file cut short, two images in one, and a version that isn't one are refused", () =>
    withNodes(async (_start, folder) => {
      const bytes = readFileSync(steady);
      const cases: [string, Buffer, string][] = [
        ["short", bytes.subarray(0, 40), "isn't a program"],
        ["headless", bytes.subarray(0, 4_000), "without an image descriptor"],
        ["double", Buffer.concat([bytes, bytes]), "more than one image descriptor"],
      ];
      for (const [name, content, message] of cases) {
        writeFileSync(join(folder, name), content);
        const run = spawnSync(cxnode, ["image", "inspect", join(folder, name)], { encoding: "utf8" });
        expect(run.stderr).toContain(message);
        expect(run.status).toBe(65);
      }
      const out = join(folder, "out");
      for (const version of ["", "1.1 beta", "x".repeat(32)]) {
        const run = spawnSync(cxnode, ["image", "stamp", steady, "--version", version, "--out", out], {
          encoding: "utf8",
        });
        expect(run.status).toBe(64);
      }
      expect(spawnSync(cxnode, ["image", "stamp", steady, "--version", "1", "--out", "/nowhere/x"]).status).toBe(73);
      expect(spawnSync(cxnode, ["state", "show", "--state", out]).status).toBe(66);
      expect(existsSync(out)).toBe(false);
    }));

  test.each([
    ["/etc/passwd", "isn't a program for this machine", 65],
    [cxnode, "without an image descriptor", 65],
    ["/nowhere", "No such file", 66],
  ])("%s is not an image", (path, message, code) => {
    const run = spawnSync(cxnode, ["image", "inspect", path], { encoding: "utf8" });
    expect(run.stderr).toContain(message);
    expect(run.status).toBe(code);
  });
});

describe("the state folder", () => {
  test("a second supervisor on it ends with a clear message", () =>
    withNodes(async (start) => {
      const first = start(["--image", steady]);
      await first.line(/^image steady/);
      const second = start(["--image", steady]);
      expect(await second.exit).toBe(75);
      expect(second.lines.join("\n")).toContain("in use by another cxnode");
      expect(await first.stop()).toBe(0);
    }));

  test("without an image the first start says how to name one", () =>
    withNodes(async (start) => {
      const node = start(["--image", "/nowhere"]);
      expect(await node.exit).toBe(66);
      expect(node.lines.join("\n")).toContain("--image FILE");
    }));

  test("an image that doesn't fit on the disk is an error of its own, and leaves nothing that would boot", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", steady], "ulimit -f 64");
      expect(await node.exit).toBe(73);
      expect(node.lines.join("\n")).toContain("no-space");
      const again = start(["--image", steady]);
      await again.line(/^image steady/);
      expect(readState(join(folder, "state")).bootsTotal).toBe(1);
    }));
});

describe("a run", () => {
  test("ends cleanly on SIGTERM, and such ends never lead to SAFE", () =>
    withNodes(async (start, folder) => {
      for (let i = 0; i < 5; i++) {
        const node = start(["--image", steady]);
        expect(await node.line(/^image steady/)).toContain("safe=0");
        expect(await node.stop()).toBe(0);
      }
      expect(readState(join(folder, "state"))).toMatchObject({ bootsTotal: 5, bootCount: 0 });
    }));

  test("the node dies with its supervisor", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", steady]);
      await node.line(/^image steady/);
      expect(nodesIn(folder)).toHaveLength(1);
      node.signal("SIGKILL");
      await node.exit;
      await until(() => nodesIn(folder).length === 0);
    }));

  test("a node that stands still is reset by the watchdog", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", steady, "--watchdog-time", "1"]);
      await node.line(/^image steady/);
      for (const pid of nodesIn(folder)) process.kill(pid, "SIGSTOP");
      await node.line(/no sign of life for 1 s/);
      expect(await node.line(/^image steady/)).toContain("reset=watchdog");
    }));

  test("a node that doesn't heed SIGTERM is ended after its grace", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", imagePath("hang")]);
      await node.line(/^image hang/);
      expect(await node.stop()).toBe(0);
      expect(node.lines.join("\n")).toContain("didn't stop within");
      expect(nodesIn(folder)).toHaveLength(0);
    }));

  test("the boot is counted on the disk before the image starts", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", steady]);
      await node.line(/^image steady/);
      expect(readState(join(folder, "state"))).toMatchObject({ bootCount: 1, bootsTotal: 1, running: "a" });
    }));

  test("restart boots again, sleep wakes, terminate ends", () =>
    withNodes(async (start) => {
      const node = start(["--image", steady]);
      await node.line(/^image steady .*reset=power-on/);
      await node.order("restart");
      await node.line(/^image steady .*reset=restart/);
      await node.order("sleep 50");
      await node.line(/^image steady .*reset=wake/);
      await node.order("terminate");
      expect(await node.exit).toBe(0);
    }));

  test("an image that crashes at start comes up in SAFE at its fourth boot", () =>
    withNodes(async (start) => {
      const node = start(["--image", imagePath("crash")]);
      for (const safe of [0, 0, 0, 1]) await node.line(new RegExp(`^image crash .*safe=${safe}`));
      expect(await node.stop()).toBe(0);
    }));
});

describe("an update", () => {
  /** A node that runs `steady` 1.0.0 and has just staged `image`. */
  async function staged(
    start: (flags: readonly string[]) => SupervisedNode,
    image: string,
    flags: readonly string[] = [],
  ): Promise<SupervisedNode> {
    const node = start(["--image", steady, ...flags]);
    await node.line(/^image steady/);
    expect(await node.order(`trial ${image} ${sha256(image)}`)).toContain(": ok");
    return node;
  }

  test("really replaces the executable, and is kept once confirmed", () =>
    withNodes(async (start, folder) => {
      const next = stamp(steady, "1.1.0", folder);
      const node = await staged(start, next);
      await node.order("restart");
      expect(await node.line(/^image steady/)).toBe("image steady 1.1.0 slot=b safe=0 reset=update");
      const [pid] = nodesIn(folder);
      expect(sha256(`/proc/${pid}/exe`)).toBe(sha256(next));
      expect(await node.order("confirm")).toContain(": ok");
      await node.order("restart");
      expect(await node.line(/^image steady/)).toContain("1.1.0 slot=b");
      expect(readState(join(folder, "state"))).toMatchObject({ active: "b", trial: "none", rolledBack: "none" });
      expect(await node.order(`trial ${steady} ${sha256(steady)}`)).toContain(": ok");
      await node.order("restart");
      expect(await node.line(/^image steady/)).toContain("1.0.0 slot=a");
    }));

  test.each([
    ["crash", [], "crash"],
    ["hang", ["--watchdog-time", "1"], "watchdog"],
  ])("to an image that does nothing but %s is rolled back, with the reason", (name, flags, reason) =>
    withNodes(async (start, folder) => {
      const node = await staged(start, imagePath(name), flags);
      await node.order("restart");
      for (let boot = 1; boot <= 3; boot++) await node.line(new RegExp(`^image ${name} .*slot=b`));
      expect(await node.line(/^image/)).toBe("image steady 1.0.0 slot=a safe=0 reset=rollback");
      expect(readState(join(folder, "state"))).toMatchObject({
        active: "a",
        trial: "none",
        rolledBack: reason,
        rolledBackDigest: `sha256:${sha256(imagePath(name))}`,
      });
    }),
  );

  test("that isn't confirmed in time is rolled back; one that gives itself up says why", () =>
    withNodes(async (start, folder) => {
      const next = stamp(steady, "1.1.0", folder);
      const node = await staged(start, next, ["--trial-time", "1"]);
      await node.order("restart");
      await node.line(/^image steady 1\.1\.0/);
      expect(await node.line(/^image/)).toContain("1.0.0 slot=a safe=0 reset=rollback");
      expect(readState(join(folder, "state")).rolledBack).toBe("not-confirmed-in-time");

      expect(await node.order(`trial ${next} ${sha256(next)}`)).toContain(": ok");
      await node.order("restart");
      await node.line(/^image steady 1\.1\.0/);
      await node.order("self-test");
      expect(await node.line(/^image/)).toContain("1.0.0 slot=a safe=0 reset=rollback");
      expect(readState(join(folder, "state")).rolledBack).toBe("self-test");
    }));

  test("whose bytes aren't what the digest says never starts", () =>
    withNodes(async (start, folder) => {
      const node = start(["--image", steady]);
      await node.line(/^image steady/);
      const next = stamp(steady, "1.1.0", folder);
      await node.order(`trial ${next} ${sha256(steady)}`);
      await node.order("restart");
      expect(await node.line(/^image/)).toContain("1.0.0 slot=a");
      expect(readState(join(folder, "state")).rolledBack).toBe("corrupt-image");
    }));

  test("damage to the running slot brings the other one back, damage to both the image of the command line", () =>
    withNodes(async (start, folder) => {
      const state = join(folder, "state");
      const node = await staged(start, stamp(steady, "1.1.0", folder));
      await node.order("restart");
      await node.line(/^image steady 1\.1\.0/);
      await node.order("confirm");
      expect(await node.stop()).toBe(0);

      flipByte(join(state, "slot-b"), 5_000);
      const second = start(["--image", steady]);
      expect(await second.line(/^image/)).toContain("1.0.0 slot=a safe=0 reset=rollback");
      expect(await second.stop()).toBe(0);

      flipByte(join(state, "slot-a"), 5_000);
      const third = start(["--image", steady]);
      await third.line(/no slot passes its check: installed/);
      expect(await third.line(/^image/)).toContain("1.0.0 slot=a");
    }));

  test("power lost every 12 KiB of a download: each time the node boots, and goes on at the last durable block", () =>
    withNodes(async (start, folder) => {
      const next = stamp(steady, "1.1.0", folder);
      const size = readFileSync(next).length;
      const durableBlock = 16 * 1024;
      let written = 0;
      for (let lossAt = 0; lossAt < size; lossAt += 12 * 1024) {
        const node = start(["--image", steady]);
        expect(await node.line(/^image steady/)).toContain("1.0.0 slot=a");
        writeFileSync(join(folder, "state", "orders"), `trial ${next} ${sha256(next)} ${lossAt}\n`);
        expect(await node.line(/^image resumes/)).toBe(`image resumes at ${written - (written % durableBlock)}`);
        await node.line(/^image loses power/);
        await node.exit;
        rmSync(join(folder, "state", "orders"));
        written = Math.max(lossAt, written - (written % durableBlock));
      }
      const last = start(["--image", steady]);
      await last.line(/^image steady/);
      expect(await last.order(`trial ${next} ${sha256(next)}`)).toContain(": ok");
      await last.order("restart");
      expect(await last.line(/^image steady/)).toContain("1.1.0 slot=b");
      expect(await last.order("confirm")).toContain(": ok");
    }));

  test("kill -9 of the supervisor at thirty seeded moments leaves one that boots and completes the next try", () =>
    withNodes(async (start, folder) => {
      const state = join(folder, "state");
      const next = stamp(steady, "1.1.0", folder);
      const order = `trial ${next} ${sha256(next)}`;
      for (let moment = 0; moment < 30; moment++) {
        const node = start(["--image", steady]);
        // A number of turns, not a time; what it hits differs, and every hit must be survived: start, boot, download.
        for (let turn = 0; turn < moment * 150; turn++) {
          await new Promise((resolve) => setImmediate(resolve));
          if (turn === 900) writeFileSync(join(state, "orders"), `${order}\n`);
        }
        node.signal("SIGKILL");
        await node.exit;
        rmSync(join(state, "orders"), { force: true });
      }
      const last = start(["--image", steady]);
      // Deaths before anybody was healthy may have led to SAFE, from which a restart leads out.
      const first = await last.line(/^image steady/);
      if (first.includes("safe=1") || first.includes("slot=b")) {
        await last.order("restart");
        await last.line(/^image steady/);
      }
      if (readState(state).trial === "none" && readState(state).active === "a") {
        expect(await last.order(order)).toContain(": ok");
        await last.order("restart");
        await last.line(/^image steady 1\.1\.0 slot=b/);
      }
      if (readState(state).trial === "b") expect(await last.order("confirm")).toContain(": ok");
      expect(readState(state)).toMatchObject({ active: "b", running: "b" });
    }));
});
