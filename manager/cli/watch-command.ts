import type { Command } from "commander";
import type { LiveEvent } from "../app/api/watching.ts";
import type { CommandContext } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { eventLine } from "./event-line.ts";
import { readEvents, type ServerEvent } from "./event-reader.ts";
import { clockTime } from "./table.ts";

const retryMs = 1_000;

interface WatchFlags {
  readonly node?: readonly string[];
  readonly for?: string;
}

/** `coxswain watch`: the live events until it is interrupted; after a cut it goes on where it was. */
export function addWatchCommand(program: Command, context: CommandContext): void {
  program
    .command("watch")
    .description("Follow what happens in the fleet.")
    .option("--node <id...>", "only these nodes")
    .option("--for <SECONDS>", "end after this time")
    .action(async (flags: WatchFlags) => {
      if (flags.for !== undefined && !/^\d{1,6}$/.test(flags.for)) {
        const message = `--for ${flags.for} is no whole number of seconds up to 999999.`;
        throw new CommandFailure("usage", message, "`coxswain watch --help` says how.", exitCodes.usage);
      }
      const aborter = new AbortController();
      const end = (): void => aborter.abort();
      process.once("SIGINT", end);
      process.once("SIGTERM", end);
      const timer = flags.for === undefined ? undefined : setTimeout(end, Number(flags.for) * 1000);
      try {
        await follow(context, new Set(flags.node ?? []), aborter.signal);
      } finally {
        clearTimeout(timer);
      }
    });
}

async function follow(context: CommandContext, nodes: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
  let cursor = "";
  let isFirst = true;
  const health = new Map<string, string>();
  while (!signal.aborted) {
    try {
      const headers = cursor === "" ? {} : { "last-event-id": cursor };
      const response = await context.client().open("/events", { headers, signal });
      isFirst = false;
      for await (const event of readEvents(response.body as AsyncIterable<Uint8Array>)) {
        cursor = event.id ?? cursor;
        show(context, event, nodes, health);
      }
    } catch (error) {
      if (signal.aborted) return;
      // Nobody there from the beginning is the user's to mend; later it is a restart of the manager.
      if (isFirst && error instanceof CommandFailure) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

/** `health` holds what each node was last seen to say: people are told of changes, programs of every report. */
function show(
  context: CommandContext,
  event: ServerEvent,
  nodes: ReadonlySet<string>,
  health: Map<string, string>,
): void {
  if (event.kind === "hello") return;
  if (event.kind === "reset") {
    if (!context.isJson()) console.log("(some events were missed)");
    return;
  }
  const data = JSON.parse(event.data) as Record<string, unknown>;
  if (nodes.size > 0 && !(typeof data["node"] === "string" && nodes.has(data["node"]))) return;
  if (context.isJson()) {
    console.log(JSON.stringify({ at: new Date().toISOString(), kind: event.kind, ...data }));
    return;
  }
  const live = { kind: event.kind, ...data } as LiveEvent;
  if (live.kind === "health") {
    if (health.get(live.node) === live.status) return;
    health.set(live.node, live.status);
  }
  const line = eventLine(live);
  if (line !== undefined) console.log(`${clockTime(Date.now())}  ${line}`);
}
