import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function hubAt(at: { host: string; port: number } | { path: string }): Promise<CanHub> {
  const hub = new CanHub({ clock: systemClock, log: silentLog, at });
  await hub.start();
  ends.push(() => hub.stop());
  return hub;
}

const anywhere = { host: "127.0.0.1", port: 0 };

function adapter(hub: CanHub): { socket: Socket; say(text: string): void; heard: () => string } {
  const address = hub.address();
  const url = address.startsWith("tcp:") ? new URL(address) : undefined;
  const socket = connect(url ? { host: url.hostname, port: Number(url.port) } : { path: address.slice(5) });
  let text = "";
  socket.setEncoding("latin1").on("data", (each) => {
    text += each;
  });
  socket.on("error", () => {});
  ends.push(() => void socket.destroy());
  return { socket, say: (each) => void socket.write(each), heard: () => text };
}

const until = (isSo: () => boolean) => expect.poll(isSo, { timeout: 20_000, interval: 5 }).toBe(true);

it("a port that is taken is said with where and what to do", async () => {
  const hub = await hubAt(anywhere);
  const port = Number(new URL(hub.address()).port);
  await expect(hubAt({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "can.hub-listen-failed" });
});

it("a socket file of a hub that was killed is taken over, that of one that lives isn't", async () => {
  const folder = mkdtempSync(join(tmpdir(), "can-hub-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "can.sock");
  const first = await hubAt({ path });
  await expect(hubAt({ path })).rejects.toMatchObject({ code: "can.hub-listen-failed" });
  await first.stop();
  await hubAt({ path });
});

it("a program that is cut off leaves the bus, and the others go on", async () => {
  const hub = await hubAt(anywhere);
  const [one, two, three] = [adapter(hub), adapter(hub), adapter(hub)];
  for (const each of [one, two, three]) each.say("S6\rO\r");
  await until(() => hub.bus.members === 3);
  two.socket.destroy();
  await until(() => hub.bus.members === 2);
  one.say("t1012ABCD\r");
  await until(() => three.heard().includes("t1012ABCD\r"));
  await until(() => one.heard().includes("z\r"));
});

it("a program that never reads is cut before it costs memory, and nobody waits for it", async () => {
  const hub = await hubAt(anywhere);
  const [one, two, deaf] = [adapter(hub), adapter(hub), adapter(hub)];
  for (const each of [one, two, deaf]) each.say("S6\rO\r");
  await until(() => hub.bus.members === 3);
  deaf.socket.pause();
  // BELs can't be dropped as received frames are, so they are what fills it up.
  const garbage = `${"x".repeat(20)}\r`.repeat(20_000);
  for (let i = 0; i < 200 && hub.adapters === 3; i++) {
    deaf.socket.write(garbage);
    await new Promise((resolve) => setImmediate(resolve));
  }
  one.say("t1000\r");
  await until(() => two.heard().includes("t1000\r"));
});

it("keeps the pace of the bus however late timers are: 1000 frames take as long as their bits, and come in order", async () => {
  const hub = await hubAt(anywhere);
  const [one, two] = [adapter(hub), adapter(hub)];
  one.say("S6\rO\r");
  two.say("S6\rO\r");
  await until(() => hub.bus.members === 2);
  const beganMs = performance.now();
  let sent = 0;
  let answered = 0;
  const more = (): void => {
    while (sent - answered < 16 && sent < 1000) one.say(`t10${sent % 8}4${(sent++).toString(16).padStart(8, "0")}\r`);
  };
  one.socket.on("data", (text: string) => {
    answered += text.split("z").length - 1;
    more();
  });
  more();
  await until(() => answered === 1000);
  const tookMs = performance.now() - beganMs;
  await until(() => (two.heard().match(/t10[0-7]4/g) ?? []).length === 1000);
  const order = [...two.heard().matchAll(/t10[0-7]4([0-9A-F]{8})/g)].map(([, hex]) => Number.parseInt(hex!, 16));
  expect(order).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  // Never faster than the bits; how much slower is the machine's load.
  expect(tookMs).toBeGreaterThan(hub.bus.counters.busyMs - 5);
  expect(hub.bus.counters.busyMs).toBeGreaterThan(130);
  expect(hub.bus.counters.busyMs).toBeLessThan(200);
});

it("joins programs over a Unix socket too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "can-hub-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const hub = await hubAt({ path: join(folder, "can.sock") });
  const [one, two] = [adapter(hub), adapter(hub)];
  one.say("S6\rO\r");
  two.say("S6\rO\r");
  await until(() => hub.bus.members === 2);
  one.say("T1C00000128001\r");
  await until(() => two.heard().includes("T1C00000128001\r"));
});
