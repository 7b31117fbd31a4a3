// Runs inside the user-mode Linux: the gateway's SocketCAN bus against can-utils on a real CAN interface. Writes what both saw as one line of JSON.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { openCan } from "../../../gateway/adapters/can/open-can.ts";
import type { CanEnd } from "../../../gateway/ports/can-bus.ts";
import { silentLog } from "../../../kernel/log.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { systemClock as clock } from "../../../kernel/system/system-clock.ts";

const states: string[] = [];
const received: string[] = [];
const ends: CanEnd[] = [];

const bus = openCan({ address: "vcan0", clock, entropy: seededEntropy(1), log: silentLog });
bus.onState(({ kind }) => states.push(kind));
bus.onFrame(({ id, isExtended, data }) => {
  received.push(
    `${id
      .toString(16)
      .toUpperCase()
      .padStart(isExtended ? 8 : 3, "0")}#${Buffer.from(data).toString("hex").toUpperCase()}`,
  );
});
const send = (id: number, isExtended: boolean, ...bytes: number[]): string =>
  bus.send({ id, isExtended, data: Uint8Array.from(bytes) }, (end) => ends.push(end));

const dump = spawn("candump", ["-L", "vcan0"], { stdio: ["ignore", "pipe", "inherit"] });
let dumped = "";
dump.stdout.on("data", (chunk) => {
  dumped += chunk;
});
const heard = (): string[] => dumped.split("\n").flatMap((line) => line.split(" ")[2] ?? []);
const until = async (what: string, isTrue: () => boolean): Promise<void> => {
  for (let i = 0; i < 400 && !isTrue(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
  if (!isTrue())
    throw new Error(
      `waited in vain until ${what}: ${JSON.stringify({ states, received, ends: ends.length, dumped: dumped.slice(-400) })}`,
    );
};
const outside = (frame: string): void => {
  execFileSync("cansend", ["vcan0", frame]);
};

bus.open();
await until("the bus is up", () => bus.state.kind === "up");
// candump says nothing when it has begun to listen.
await until("candump hears", () => {
  outside("7DF#");
  return heard().length > 0;
});

send(0x103, false, 1, 2, 3, 4, 5, 6, 7, 8);
send(0x1c0a0b0c, true, 9);
send(0x7ff, false);
await until("candump heard three", () => heard().filter((frame) => frame !== "7DF#").length === 3);
outside("281#0102AB");
outside("1C112233#DEADBEEF");
outside("123#R");
await until("both came", () => received.filter((frame) => !frame.startsWith("7DF")).length >= 2);
const heardBefore = heard().filter((frame) => frame !== "7DF#");

// candump's own socket overflows when more comes at once than it writes.
for (let i = 0; i < 200; i++) {
  send(0x200, false, i >> 8, i & 0xff);
  if (i % 20 === 19)
    await until("twenty more came", () => heard().filter((frame) => frame.startsWith("200#")).length === i + 1);
}
const burst = heard().filter((frame) => frame.startsWith("200#"));
const isInOrder = burst.every((frame, i) => frame === `200#${i.toString(16).toUpperCase().padStart(4, "0")}`);

// It ends by itself where its interface goes down.
dump.kill();
await once(dump, "exit");
execFileSync("ip", ["link", "set", "vcan0", "down"]);
await until("the bus is noticed to be down", () => bus.state.kind !== "up");
const downReason = bus.state.reason;
execFileSync("ip", ["link", "set", "vcan0", "up"]);
await until("the bus is up again", () => bus.state.kind === "up");
await until("a frame comes again", () => {
  outside("3FF#01");
  return received.includes("3FF#01");
});
send(0x3fe, false, 2);
await until("a frame goes out again", () => ends.length >= 204);

await bus.close();
console.log(
  JSON.stringify({
    heard: heardBefore,
    received: [...new Set(received.filter((frame) => !frame.startsWith("7DF")))],
    isInOrder,
    states,
    downReason,
    ends: [...new Set(ends)],
    counters: bus.counters,
  }),
);
process.exit(0);
