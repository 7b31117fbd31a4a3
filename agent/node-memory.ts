import type { ActionResult, UpdateAction } from "../schemas/generated/types.ts";

/** What must outlive a loss of power, for each node that the agent speaks for. */
export interface NodeMemory {
  /** The last finished action. */
  readonly lastRev: number;
  /** Its outcome, until a heartbeat with it was answered. */
  readonly result?: ActionResult;
  /** Ids of the last commands, newest last: done once is never done again. */
  readonly commands: readonly string[];
  /** The update under way. */
  readonly job?: UpdateAction;
}

export const emptyMemory: NodeMemory = { lastRev: 0, commands: [] };

/** Where it is kept. */
export interface NodeMemories {
  /** Undefined for a node that is new. Rejects when it can't be read: nothing may be done then. */
  load(node: string): Promise<NodeMemory | undefined>;
  /** Resolves when it is durable. */
  store(node: string, memory: NodeMemory): Promise<void>;
}

/** Memories that end with the process: for tests. */
export function volatileMemories(): NodeMemories {
  const kept = new Map<string, NodeMemory>();
  return {
    load: (node) => Promise.resolve(kept.get(node)),
    store: (node, memory) => {
      kept.set(node, memory);
      return Promise.resolve();
    },
  };
}
