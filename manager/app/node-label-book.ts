import type { Entropy } from "../../kernel/entropy.ts";
import { TextRowTable } from "../../kernel/text-row-table.ts";
import { type NodeLabels, noLabels, withGateway } from "../domain/node-labels.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { Labels } from "./api/operators.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { ChildBook } from "./child-book.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface NodeLabelBookOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly timeline: NodeTimeline;
  readonly audit: AuditTrail;
  readonly children: Pick<ChildBook, "gatewayOf">;
  readonly entropy: Entropy;
  /** Nodes with labels. */
  readonly capacity: number;
}

const table = "node-label";

/** Site and tags of nodes, as operators said. A fleet has few different sets of them, so each node holds the number of its set. */
export class NodeLabelBook implements Labels {
  readonly #options: NodeLabelBookOptions;
  /** Made for the first labels: many a fleet has none. */
  #nodes: TextRowTable<{ set: "u32" }> | undefined;
  readonly #sets: NodeLabels[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(options: NodeLabelBookOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) this.#keep(key, value as NodeLabels);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  own(node: string): NodeLabels {
    const row = this.#nodes?.find(node) ?? -1;
    return row === -1 ? noLabels : (this.#sets[this.#nodes!.columns.set[row]!] ?? noLabels);
  }

  of(node: string): NodeLabels {
    const gateway = this.#options.children.gatewayOf(node);
    const own = this.own(node);
    return gateway === undefined ? own : withGateway(own, this.own(gateway));
  }

  set(node: string, labels: NodeLabels, by: Actor): Promise<"set" | "full"> {
    const { serial, writer, timeline, audit, capacity } = this.#options;
    return serial.run(`label/${node}`, async () => {
      const nodes = this.#nodes;
      const isEmpty = labels.site === undefined && labels.tags.length === 0;
      if (!isEmpty && nodes !== undefined && nodes.find(node) === -1 && nodes.size >= capacity) return "full";
      const before = this.own(node);
      const change: Change = isEmpty
        ? { kind: "delete", table, key: node, expectedRevision: "any" }
        : { kind: "put", table, key: node, expectedRevision: "any", value: labels };
      await writer.commit(node, [
        change,
        timeline.change(node, "labelled", { ...labels, by: by.id }),
        audit.change({ what: "node-labelled", actor: by, subject: `node/${node}`, before, after: labels }),
      ]);
      if (isEmpty) this.#nodes?.remove(node);
      else this.#keep(node, labels);
      return "set";
    });
  }

  /** The node was removed. */
  async forget(node: string): Promise<void> {
    if ((this.#nodes?.find(node) ?? -1) === -1) return;
    await this.#options.writer.commit(node, [{ kind: "delete", table, key: node, expectedRevision: "any" }]);
    this.#nodes?.remove(node);
  }

  #keep(node: string, labels: NodeLabels): void {
    const { capacity, entropy } = this.#options;
    this.#nodes ??= new TextRowTable({ capacity, columns: { set: "u32" }, hashSeed: entropy.uint32() });
    const row = this.#nodes.insert(node);
    if (row === -1) return;
    const name = JSON.stringify([labels.site ?? null, labels.tags]);
    const number = this.#numbers.get(name) ?? this.#sets.push(labels) - 1;
    this.#numbers.set(name, number);
    this.#nodes.columns.set[row] = number;
  }
}
