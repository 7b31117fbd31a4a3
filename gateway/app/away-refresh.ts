import type { Clock, Timer } from "../../kernel/clock.ts";

export interface AwayRefreshOptions {
  readonly clock: Clock;
  /** What is said again of all that is retained at home, by topic. */
  retained(): ReadonlyMap<string, Uint8Array>;
  /** There is a link to the server broker. */
  isUp(): boolean;
  /** The server broker keeps last values itself. */
  isKept(): boolean;
  /** To the server broker. */
  say(topic: string, payload: Uint8Array): void;
}

/** A phone that opens the app away waits so long at most for what hasn't changed for hours. */
const everyMs = 15_000;

/**
 * At a server broker that retains nothing a phone hears only what is said while it listens. So what is retained at home is said there again,
 * now and then and as soon as there is a link.
 */
export class AwayRefresh {
  readonly #options: AwayRefreshOptions;
  #timer: Timer | undefined;

  constructor(options: AwayRefreshOptions) {
    this.#options = options;
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** The link has come up. */
  linked(): void {
    const { retained, isUp, say } = this.#options;
    if (!isUp()) return;
    for (const [topic, payload] of retained()) say(topic, payload);
  }

  #arm(): void {
    const { clock, isKept } = this.#options;
    this.#timer = clock.after(everyMs, () => {
      this.#arm();
      if (!isKept()) this.linked();
    });
  }
}
