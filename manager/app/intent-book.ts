import type { DesiredImage } from "../domain/reconciliation.ts";
import type { Change, Storage } from "../ports/storage.ts";

/** What operators want of a node beyond its queue: the image it should run, and its mode. */
export interface Intent {
  readonly desired?: DesiredImage;
  readonly mode?: { readonly reason?: string; readonly update?: string };
}

const desiredTable = "desired";
const modeTable = "mode";

/** Intents in memory; only nodes that were ever told something have one. */
export class IntentBook {
  readonly #intents = new Map<string, Intent>();

  async load(storage: Storage): Promise<void> {
    await loadTable(storage, desiredTable, (node, value) => this.setDesired(node, value as DesiredImage));
    await loadTable(storage, modeTable, (node, value) => this.setMode(node, value as Intent["mode"]));
  }

  of(node: string): Intent {
    return this.#intents.get(node) ?? {};
  }

  /** No operator has put it into another mode. */
  isOperational(node: string): boolean {
    return this.#intents.size === 0 || this.#intents.get(node)?.mode === undefined;
  }

  desiredChange(node: string, desired: DesiredImage): Change {
    return { kind: "put", table: desiredTable, key: node, expectedRevision: "any", value: desired };
  }

  /** Undefined: operational. */
  modeChange(node: string, mode: Intent["mode"]): Change {
    if (mode === undefined) return { kind: "delete", table: modeTable, key: node, expectedRevision: "any" };
    return { kind: "put", table: modeTable, key: node, expectedRevision: "any", value: mode };
  }

  removal(node: string): readonly Change[] {
    return [desiredTable, modeTable].map((table) => ({ kind: "delete", table, key: node, expectedRevision: "any" }));
  }

  /** After the receipt. */
  setDesired(node: string, desired: DesiredImage): void {
    this.#intents.set(node, { ...this.of(node), desired });
  }

  setMode(node: string, mode: Intent["mode"]): void {
    const { mode: _, ...rest } = this.of(node);
    this.#intents.set(node, { ...rest, ...(mode && { mode }) });
  }

  forget(node: string): void {
    this.#intents.delete(node);
  }
}

async function loadTable(storage: Storage, table: string, take: (key: string, value: unknown) => void): Promise<void> {
  for (let after = ""; ; ) {
    const page = await storage.list(table, { after });
    for (const { key, value } of page) take(key, value);
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.key;
  }
}
