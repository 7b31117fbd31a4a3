import { emptyMemory, type NodeMemories, type NodeMemory } from "../../../agent/node-memory.ts";
import type { ActionResult, Outcome, UpdateAction } from "../../../schemas/generated/types.ts";
import { admit } from "../../../schemas/wire/codec.ts";

/** Small records that outlive a loss of power. */
export interface Records {
  load(name: string): Promise<unknown>;
  store(name: string, value: unknown): Promise<void>;
}

const outcomes: readonly Outcome[] = ["done", "failed", "refused", "cancelled"];
const version = 1;

/** What the agent remembers of each node, in records. Rejects for a record that it didn't write: to begin anew would do commands twice. */
export function keptMemories(records: Records): NodeMemories {
  return {
    load: async (node) => {
      const record = await records.load(node);
      if (record === undefined) return undefined;
      const memory = read(record);
      if (memory === undefined)
        throw new Error(
          `What is kept of ${node} can't be read. Its actions are done again without it: remove it if that is right.`,
        );
      return memory;
    },
    store: (node, memory) => records.store(node, { version, ...memory }),
  };
}

function read(record: unknown): NodeMemory | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { version: written, lastRev, result, commands, job } = record as Record<string, unknown>;
  if (written !== version || !isRev(lastRev)) return undefined;
  if (!Array.isArray(commands) || !commands.every((each) => typeof each === "string")) return undefined;
  const action = job === undefined ? undefined : admit("action", job);
  return {
    ...emptyMemory,
    lastRev,
    commands: commands as string[],
    ...(isResult(result) && { result }),
    ...(action?.ok === true && action.value.kind === "update" && { job: action.value as UpdateAction }),
  };
}

function isRev(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function isResult(value: unknown): value is ActionResult {
  if (typeof value !== "object" || value === null) return false;
  const { rev, outcome } = value as Record<string, unknown>;
  return isRev(rev) && outcomes.includes(outcome as Outcome);
}
