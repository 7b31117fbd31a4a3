import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runInLinux, whyNoLinux } from "./peers/user-mode-linux.ts";

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const hasAddon = existsSync(fromHere("../../node_modules/socketcan/build/Release/can.node"));
const why = whyNoLinux() ?? (hasAddon ? undefined : "npm's socketcan isn't compiled");
if (why !== undefined) console.warn(`${why}: the gateway's test on a real vcan is skipped.`);

test.skipIf(why !== undefined)(
  "the gateway's SocketCAN and can-utils understand each other on a real vcan, through a link that goes down",
  async (here) => {
    const program = fromHere("peers/gateway-on-vcan.ts");
    const output = await runInLinux(`ip link set vcan0 up\n${process.execPath} ${program}`);
    if (output === undefined) {
      console.warn("user-mode Linux didn't boot here: the gateway's test on a real vcan is skipped.");
      here.skip();
      return;
    }
    const line = output.split("\n").find((each) => each.startsWith("{"));
    if (line === undefined) throw new Error(output);
    const report = JSON.parse(line);
    expect(report.heard).toEqual([
      ...["103#0102030405060708", "1C0A0B0C#09", "7FF#", "281#0102AB", "1C112233#DEADBEEF", "123#R"],
    ]);
    // A remote frame is none of the table's.
    expect(report.received).toEqual(["281#0102AB", "1C112233#DEADBEEF", "3FF#01"]);
    expect(report.isInOrder).toBe(true);
    expect(report.states).toEqual(["up", "unplugged", "up", "closed"]);
    expect(report.downReason).toContain("ip link set vcan0 up");
    expect(report.ends).toEqual(["sent"]);
    expect(report.counters.reopened).toBeGreaterThanOrEqual(1);
  },
);
