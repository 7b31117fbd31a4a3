import { type Profiler, Session } from "node:inspector";

/** A stretch of a function's source that ran and had not run before. */
export interface NewCode {
  readonly covered: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Which code of this project ran, by V8's own counters. Made before the code is loaded, so that its blocks are counted. V8 reports a block
 * only where its count differs from the one around it, so what is remembered is which characters of each function ran.
 */
export class CoverageReader {
  readonly #session = new Session();
  /** By script and place of the function: 1 for each character that ran. */
  readonly #covered = new Map<string, Uint8Array>();
  readonly #isOurs: (url: string) => boolean;
  #ran = new Uint8Array(0);

  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs;
    this.#session.connect();
    this.#session.post("Profiler.enable");
    this.#session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  /** What ran since the last call and isn't remembered. */
  takeNew(): NewCode[] {
    const found: NewCode[] = [];
    this.#session.post("Profiler.takePreciseCoverage", (error, taken) => {
      if (error !== null) throw new Error(`No coverage: ${error.message}`);
      for (const { url, scriptId, functions } of taken.result) {
        if (this.#isOurs(url)) for (const each of functions) this.#read(scriptId, each, found);
      }
    });
    return found;
  }

  remember(found: readonly NewCode[]): void {
    for (const { covered, from, to } of found) covered.fill(1, from, to);
  }

  close(): void {
    this.#session.post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }

  #read(scriptId: string, { ranges }: Profiler.FunctionCoverage, found: NewCode[]): void {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) return;
    const { startOffset, endOffset } = whole;
    const length = endOffset - startOffset;
    const key = `${scriptId}:${startOffset}:${endOffset}`;
    let covered = this.#covered.get(key);
    if (covered === undefined) {
      covered = new Uint8Array(length);
      this.#covered.set(key, covered);
    }
    if (this.#ran.length < length) this.#ran = new Uint8Array(length);
    const ran = this.#ran;
    // Outer ranges come before what is in them.
    for (const range of ranges) {
      ran.fill(range.count > 0 ? 1 : 0, range.startOffset - startOffset, range.endOffset - startOffset);
    }
    for (let from = 0; from < length; from++) {
      if (ran[from] === 0 || covered[from] === 1) continue;
      let to = from + 1;
      while (to < length && ran[to] === 1 && covered[to] === 0) to++;
      found.push({ covered, from, to });
      from = to;
    }
  }
}
