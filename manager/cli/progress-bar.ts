import { byteCount } from "./table.ts";

const width = 30;
const redrawMs = 80;

/** A bar on a terminal's stderr; silent where nobody watches, so that output stays fit for programs. */
export class ProgressBar {
  readonly #label: string;
  readonly #total: number;
  readonly #isShown: boolean;
  readonly #startedMs = performance.now();
  #drawnMs = 0;

  constructor(options: { readonly label: string; readonly total: number; readonly isShown: boolean }) {
    this.#label = options.label;
    this.#total = options.total;
    this.#isShown = options.isShown && process.stderr.isTTY;
  }

  set(done: number): void {
    const now = performance.now();
    if (!this.#isShown || (now - this.#drawnMs < redrawMs && done < this.#total)) return;
    this.#drawnMs = now;
    const share = this.#total === 0 ? 1 : done / this.#total;
    const full = Math.round(share * width);
    const bar = `${"█".repeat(full)}${"░".repeat(width - full)}`;
    const perSecond = byteCount(Math.round((done / Math.max(now - this.#startedMs, 1)) * 1000));
    const percent = String(Math.floor(share * 100)).padStart(3);
    process.stderr.write(`\r${this.#label} ${bar} ${percent} %  ${byteCount(done)}, ${perSecond}/s\x1b[K`);
  }

  end(): void {
    if (this.#isShown) process.stderr.write("\r\x1b[K");
  }
}
