import type { NodeLogs } from "./api/node-data.ts";

export interface LogTailsOptions {
  readonly bytesPerNode: number;
  readonly bytes: number;
  isRegistered(node: string): boolean;
  appended(node: string): void;
}

const newline = 10;

/** The tail of each node's log, in memory, cut at line ends. */
export class LogTails implements NodeLogs {
  readonly #options: LogTailsOptions;
  /** In the order of the last append. */
  readonly #tails = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(options: LogTailsOptions) {
    this.#options = options;
  }

  append(node: string, text: Uint8Array): boolean {
    if (!this.#options.isRegistered(node)) return false;
    const before = this.#tails.get(node) ?? new Uint8Array();
    const joined = new Uint8Array(before.length + text.length);
    joined.set(before);
    joined.set(text, before.length);
    const tail = cut(joined, this.#options.bytesPerNode);
    this.#tails.delete(node);
    this.#tails.set(node, tail);
    this.#bytes += tail.length - before.length;
    for (const [oldest, bytes] of this.#tails) {
      if (this.#bytes <= this.#options.bytes) break;
      this.#tails.delete(oldest);
      this.#bytes -= bytes.length;
    }
    this.#options.appended(node);
    return true;
  }

  tail(node: string): Uint8Array | undefined {
    if (!this.#options.isRegistered(node)) return undefined;
    return this.#tails.get(node) ?? new Uint8Array();
  }

  forget(node: string): void {
    this.#bytes -= this.#tails.get(node)?.length ?? 0;
    this.#tails.delete(node);
  }
}

/** The last whole lines that fit; the end of a line that alone is too long. */
function cut(text: Uint8Array, maxBytes: number): Uint8Array {
  if (text.length <= maxBytes) return text;
  const from = text.length - maxBytes;
  const lineEnd = text.indexOf(newline, from - 1);
  const start = lineEnd === -1 || lineEnd === text.length - 1 ? from : lineEnd + 1;
  return text.slice(start);
}
