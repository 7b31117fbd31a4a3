import { styleText } from "node:util";

const barWidth = 24;

/**
 * The timeline in the terminal: one line for each thing that happened, with the seconds since the start and who it happened to, and
 * below it, where the terminal can be rewritten, one bar for each download under way.
 */
export class Story {
  readonly #started = performance.now();
  readonly #bars = new Map<string, { percent: number; way: string }>();
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
    this.#above(`${styleText("dim", time)}  ${styleText("cyan", who.padEnd(12))} ${mark} ${what}`);
  }

  /** Shows how far a download is; without a terminal, a line at each quarter. */
  progress(who: string, percent: number, way: string): void {
    const before = this.#bars.get(who)?.percent ?? -1;
    this.#bars.set(who, { percent, way });
    if (this.#canRewrite) this.#draw();
    else if (Math.floor(percent / 25) > Math.floor(before / 25)) this.tell(who, `${way} ${bar(percent)} ${percent} %`);
  }

  progressEnded(who: string): void {
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
    for (const [who, { percent, way }] of this.#bars) {
      console.log(
        `${" ".repeat(10)}${who.padEnd(12)}   ${way.padEnd(6)} ${bar(percent)} ${String(percent).padStart(3)} %`,
      );
      this.#drawn++;
    }
  }
}

function bar(percent: number): string {
  const filled = Math.round((Math.min(100, Math.max(0, percent)) / 100) * barWidth);
  return "█".repeat(filled) + "░".repeat(barWidth - filled);
}
