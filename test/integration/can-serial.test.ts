import type { ChildProcess } from "node:child_process";
import { afterEach, expect, it } from "vitest";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { openCan } from "../../gateway/adapters/can/open-can.ts";
import type { CanBus } from "../../gateway/ports/can-bus.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { ptyOnHub } from "./pty-on-hub.ts";

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const until = (isSo: () => boolean) => expect.poll(isSo, { timeout: 30_000, interval: 10 }).toBe(true);

async function hub(): Promise<CanHub> {
  const made = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
  await made.start();
  ends.push(() => made.stop());
  return made;
}

async function plug(to: CanHub): Promise<{ path: string; process: ChildProcess }> {
  const { path, process, end } = await ptyOnHub(to.address());
  ends.push(end);
  return { path, process };
}

function bus(address: string): { can: CanBus; got: string[] } {
  const can = openCan({ address, clock: systemClock, entropy: systemEntropy, log: silentLog });
  const got: string[] = [];
  can.onFrame(({ id, data }) => got.push(`${id.toString(16)}:${[...data].join(",")}`));
  can.open();
  ends.push(() => can.close());
  return { can, got };
}

const frame = (id: number, ...data: number[]) => ({ id, isExtended: false, data: Uint8Array.from(data) });

it("a serial port that isn't there, and a file that is none, are said as what they are", async () => {
  const absent = bus("/dev/ttyDoesNotExist");
  await until(() => absent.can.state.kind === "unplugged");
  expect(absent.can.state.reason).toBe("There is no /dev/ttyDoesNotExist: plug the CAN adapter in.");
  const noPort = bus("/dev/null");
  await until(() => noPort.can.state.kind === "unplugged");
  expect(noPort.can.state.reason).toContain("no serial port");
  expect(() => bus("what?")).toThrow(/socket|tcp/);
});

it("an adapter on a serial port carries frames both ways, is pulled, and found again under the same name by a socket", async () => {
  const made = await hub();
  const { path, process } = await plug(made);
  const serial = bus(path);
  const other = bus(made.address());
  await until(() => serial.can.state.kind === "up" && other.can.state.kind === "up");
  const sent: string[] = [];
  for (let i = 0; i < 50; i++) serial.can.send(frame(0x200 + i, i), (end) => sent.push(end));
  await until(() => other.got.length === 50);
  expect(sent.every((each) => each === "sent")).toBe(true);
  expect(other.got).toEqual(Array.from({ length: 50 }, (_, i) => `${(0x200 + i).toString(16)}:${i}`));
  for (let i = 0; i < 50; i++) other.can.send(frame(0x100 + i, i));
  await until(() => serial.got.length === 50);
  process.kill("SIGKILL");
  await until(() => serial.can.state.kind === "unplugged");
  expect(serial.can.state.reason).toMatch(/plug the CAN adapter in/);
});

it("an adapter that takes nothing doesn't stop the program: time goes on, and its frames are given up", async () => {
  const made = await hub();
  const { path, process } = await plug(made);
  const serial = bus(path);
  await until(() => serial.can.state.kind === "up");
  process.kill("SIGSTOP");
  const sent: string[] = [];
  let longestMs = 0;
  let lastMs = performance.now();
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 5);
  ends.push(() => clearInterval(watch));
  for (let i = 0; i < 200; i++) serial.can.send(frame(0x200), (end) => sent.push(end));
  await until(() => sent.includes("no-ack"));
  // Blocking would last for as long as the adapter takes nothing, which is for ever.
  expect(longestMs).toBeLessThan(10_000);
  process.kill("SIGCONT");
  await until(() => sent.length === 200);
});

it("a hub that goes away and comes back at its place is joined again without a restart", async () => {
  const first = await hub();
  const port = Number(new URL(first.address()).port);
  const { can, got } = bus(first.address());
  await until(() => can.state.kind === "up");
  await first.stop();
  await until(() => can.state.kind === "unplugged");
  expect(can.state.reason).toContain("is gone");
  const again = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port } });
  await again.start();
  ends.push(() => again.stop());
  await until(() => can.state.kind === "up");
  const other = bus(again.address());
  await until(() => other.can.state.kind === "up");
  other.can.send(frame(0x101, 7));
  await until(() => got.includes("101:7"));
  expect(can.counters.reopened).toBe(1);
});
