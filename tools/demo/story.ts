import { styleText } from "node:util";

const barWidth = 24;
/** Over which the rate of a download is taken. */
const rateWindowMs = 3_000;

export interface DownloadProgress {
  readonly percent: number;
  readonly bytes: number;
  readonly total: number;
  readonly way: string;
}

interface Bar extends DownloadProgress {
  readonly samples: { readonly atMs: number; readonly bytes: number }[];
}

/**
 * The timeline in the terminal: one line for each thing that happened, with the seconds since the start and who it happened to, and
 * below it, where the terminal can be rewritten, one bar for each download under way.
 */
export class Story {
  readonly #started = performance.now();
  readonly #bars = new Map<string, Bar>();
  readonly #canRewrite = process.stdout.isTTY === true;
  #drawn = 0;

  seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  chapter(title: string): void {
    this.#above(`\n${styleText("bold", title)}`);
  }

  tell(who: string, what: string, look: "plain" | "good" | "bad" = "plain"): void {
    const time = `${this.seconds().toFixed(1).padStart(6)} s`;
    const mark = look === "good" ? styleText("green", "✓") : look === "bad" ? styleText("red", "✗") : " ";
    this.#above(`${styleText("dim", time)}  ${styleText("cyan", who.padEnd(8))} ${mark} ${what}`);
  }

  /** Shows how far a download is; without a terminal, a line at each quarter. */
  progress(who: string, progress: DownloadProgress): void {
    const known = this.#bars.get(who);
    const nowMs = performance.now();
    const samples = (known?.samples ?? []).filter(({ atMs }) => nowMs - atMs <= rateWindowMs);
    samples.push({ atMs: nowMs, bytes: progress.bytes });
    this.#bars.set(who, { ...progress, samples });
    if (this.#canRewrite) this.#draw();
    else if (Math.floor(progress.percent / 25) > Math.floor((known?.percent ?? 0) / 25)) this.tell(who, this.#bar(who));
  }

  progressEnded(who: string): void {
    if (!this.#bars.has(who)) return;
    this.#erase();
    this.#bars.delete(who);
    this.#draw();
  }

  #above(line: string): void {
    this.#erase();
    console.log(line);
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn > 0) process.stdout.write(`\x1b[${this.#drawn}A\x1b[J`);
    this.#drawn = 0;
  }

  #draw(): void {
    if (!this.#canRewrite) return;
    this.#erase();
    for (const who of this.#bars.keys()) {
      const line = `${" ".repeat(10)}${who.padEnd(8)}   ${this.#bar(who)}`;
      // A line that wraps would count as two, and the next drawing would leave half of it.
      console.log(line.slice(0, (process.stdout.columns ?? 80) - 1));
      this.#drawn++;
    }
  }

  #bar(who: string): string {
    const bar = this.#bars.get(who);
    if (bar === undefined) return "";
    const { percent, bytes, total, way, samples } = bar;
    const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * barWidth);
    const picture = "█".repeat(filled) + "░".repeat(barWidth - filled);
    const amount = `${kibibytes(bytes)}/${kibibytes(total)} KiB`;
    return `${way.padEnd(5)} ${picture} ${String(percent).padStart(3)} % ${amount}${rateOf(samples)}`;
  }
}

function kibibytes(bytes: number): string {
  return String(Math.round(bytes / 1024)).padStart(3);
}

function rateOf(samples: Bar["samples"]): string {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.atMs - first.atMs < 200) return "";
  const rate = ((last.bytes - first.bytes) / (last.atMs - first.atMs)) * 1000;
  return rate <= 0 ? "" : `  ${kibibytes(rate)} KiB/s`;
}
