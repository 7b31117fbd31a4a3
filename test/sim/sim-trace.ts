import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";

/** What happened, in order: as a hash of everything, and as lines for people of what is worth reading. */
export class SimTrace {
  readonly lines: string[] = [];
  readonly violations: string[] = [];
  readonly #clock: Clock;
  readonly #hash = createHash("sha256");
  #digest: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Only the hash sees it. */
  bytes(what: string, bytes: Uint8Array): void {
    this.#hash.update(`${this.#clock.monotonicMs()} ${what} `);
    this.#hash.update(bytes);
  }

  note(line: string): void {
    const text = `${this.#clock.monotonicMs().toFixed(1)} ${line}`;
    this.#hash.update(text);
    this.lines.push(text);
  }

  /** Something that must never be. */
  violate(what: string): void {
    this.note(`VIOLATION ${what}`);
    if (this.violations.length < 50 && !this.violations.includes(what)) this.violations.push(what);
  }

  digest(): string {
    this.#digest ??= this.#hash.digest("hex");
    return this.#digest;
  }
}
