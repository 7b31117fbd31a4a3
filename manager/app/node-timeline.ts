import type { Change, Storage } from "../ports/storage.ts";
import type { Timeline, TimelineEntry } from "./api/watching.ts";
import type { StorageWriter } from "./storage-writer.ts";

/** Nodes whose entries are counted; the count of one that falls out begins anew, with a trim. */
const maxCounted = 100_000;

/** What happened to each node, bounded. Entries are usually part of the commit that they tell of. */
export class NodeTimeline implements Timeline {
  readonly #storage: Storage;
  readonly #writer: StorageWriter;
  readonly #keep: number;
  /** Entries since the last trim, per node. */
  readonly #since = new Map<string, number>();

  constructor({ storage, writer, keep }: { storage: Storage; writer: StorageWriter; keep: number }) {
    this.#storage = storage;
    this.#writer = writer;
    this.#keep = keep;
  }

  /** The change that records an entry, for a commit about the same node. */
  change(node: string, what: string, data?: Readonly<Record<string, unknown>>, onlyWith?: number): Change {
    this.#count(node);
    const value = { what, ...(data && { data }) };
    return { kind: "event", stream: "timeline", key: node, value, ...(onlyWith !== undefined && { onlyWith }) };
  }

  /** An entry of its own, written behind. */
  note(node: string, what: string, data?: Readonly<Record<string, unknown>>): void {
    this.#writer.behind("timeline", this.#writer.commit(node, [this.change(node, what, data)]));
  }

  async list(
    node: string,
    { beforeSequence, limit = 100 }: { readonly beforeSequence?: number; readonly limit?: number } = {},
  ): Promise<readonly TimelineEntry[]> {
    const events = await this.#storage.events("timeline", { key: node, newestFirst: true, limit: this.#keep });
    return events
      .filter(({ position }) => beforeSequence === undefined || position.sequence < beforeSequence)
      .slice(0, limit)
      .map(({ position, wallMs, value }) => ({
        sequence: position.sequence,
        wallMs,
        ...(value as { what: string; data?: Readonly<Record<string, unknown>> }),
      }));
  }

  /** Trims at the first entry of this process, which doesn't know what earlier ones left, then now and then. */
  #count(node: string): void {
    const since = this.#since.get(node);
    if (since === undefined && this.#since.size >= maxCounted) this.#since.clear();
    const isDue = since === undefined || (since + 1) * 10 >= this.#keep;
    this.#since.set(node, isDue ? 0 : since + 1);
    if (!isDue) return;
    this.#writer.behind("timeline-trim", this.#storage.trimTimeline(node, this.#keep));
  }
}
