import { type Clock, sleep } from "../../kernel/clock.ts";
import type { Storage } from "../ports/storage.ts";
import type { NodeFilter, NodePage, NodeQuery, NodeView, NodeWalk, NodeWalkQuery } from "./api/registry.ts";
import type { FleetTable, NodeRow } from "./fleet-table.ts";
import { type NodeRecord, nodeTable } from "./node-record.ts";

export interface NodeSearchOptions {
  readonly storage: Pick<Storage, "list">;
  readonly fleet: Pick<FleetTable, "find">;
  readonly clock: Clock;
  /** Adds what other services know of a node. */
  view(node: string, record: NodeRecord, row: NodeRow): NodeView;
}

/** Rows of storage in one turn. */
const rowsPerTurn = 500;
const maxFound = 1000;
/** Nodes in the asker's sight that one step of a walk looks at, however few of them match. */
const maxLookedAt = 10_000;

/** Looks for nodes among the stored ones. Between some hundred rows everybody else has a turn: nodes don't wait for who lists a large fleet. */
export class NodeSearch {
  readonly #options: NodeSearchOptions;

  constructor(options: NodeSearchOptions) {
    this.#options = options;
  }

  async list(query: NodeQuery = {}): Promise<NodePage> {
    const { page = 0, count: asked = 100 } = query;
    const count = Math.min(Math.max(asked, 1), maxFound);
    const first = page * count;
    const nodes: NodeView[] = [];
    let total = 0;
    for await (const node of this.#seen("", query)) {
      if (!matches(node, query)) continue;
      if (total >= first && nodes.length < count) nodes.push(node);
      total++;
    }
    return { nodes, total, page };
  }

  /** A step ends at a node that the asker sees: `next` names no other. */
  async walk({ after = "", limit: asked = 100, ...filter }: NodeWalkQuery = {}): Promise<NodeWalk> {
    const limit = Math.min(Math.max(asked, 1), maxFound);
    const nodes: NodeView[] = [];
    let lookedAt = 0;
    for await (const node of this.#seen(after, filter)) {
      if (matches(node, filter) && nodes.push(node) === limit) return { nodes, next: node.id };
      if (++lookedAt === maxLookedAt) return { nodes, next: node.id };
    }
    return { nodes };
  }

  async *#seen(from: string, { idPrefix, within }: NodeFilter): AsyncGenerator<NodeView> {
    const { storage, fleet, clock, view } = this.#options;
    const prefix = idPrefix === undefined ? {} : { prefix: idPrefix };
    for (let after = from; ; ) {
      const rows = await storage.list(nodeTable, { after, ...prefix, limit: rowsPerTurn });
      for (const { key, value } of rows) {
        const row = fleet.find(key);
        if (row !== -1 && (within === undefined || within(key))) yield view(key, value as NodeRecord, row);
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < rowsPerTurn) return;
      after = last.key;
      // Storage may answer in the same turn.
      await sleep(clock, 0);
    }
  }
}

function matches(view: NodeView, query: NodeFilter): boolean {
  const { manifest, labels } = view;
  return (
    (query.model === undefined || manifest.model === query.model) &&
    (query.tag === undefined || labels.tags.includes(query.tag) || manifest.tags?.includes(query.tag) === true) &&
    (query.phase === undefined || view.phase === query.phase) &&
    (query.presence === undefined || view.presence.state === query.presence) &&
    (query.site === undefined || (labels.site ?? manifest.site) === query.site) &&
    (query.parent === undefined || manifest.parent === query.parent)
  );
}
