/**
 * A process to be killed: writes to the storage at its first argument and prints each receipt (`key revision`) the moment
 * it has it. Nothing is buffered: a line on the pipe is a receipt that was given.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { SqliteStorage } from "../../../manager/adapters/storage/sqlite-storage.ts";

const [file = "", round = "0"] = process.argv.slice(2);
const storage = new SqliteStorage({ file, clock: systemClock });
let next = 0;

async function writeForever(): Promise<void> {
  for (;;) {
    const key = `r${round}-${next++}`;
    const { results } = await storage.commit(
      [
        { kind: "put", table: "node", key, expectedRevision: 0, value: { key, filling: "x".repeat(next % 700) } },
        { kind: "event", stream: "timeline", key, value: "written", onlyWith: 0 },
        { kind: "event", stream: "audit", key, value: { what: "written" }, onlyWith: 0 },
      ],
      { partition: 0, epoch: 1 },
    );
    if (results[0]?.kind !== "written") throw new Error(`${key}: ${JSON.stringify(results)}`);
    writeSync(1, `${key} ${results[0].revision}\n`);
  }
}

writeSync(1, "ready\n");
await Promise.all(Array.from({ length: 8 }, writeForever));
