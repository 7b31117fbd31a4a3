/** How a program ends: by SIGTERM, SIGINT, or what an operator asked for. A second signal ends the process at once. */
export class EndOfRun {
  #asked: "stop" | "restart" | undefined;
  #wake: () => void = () => {};
  readonly #onSignal = (): void => {
    this.forget();
    process.once("SIGINT", () => process.exit(130));
    process.once("SIGTERM", () => process.exit(143));
    this.ask("stop");
  };

  constructor() {
    process.once("SIGTERM", this.#onSignal);
    process.once("SIGINT", this.#onSignal);
  }

  /** A stop is never taken back by a restart. */
  ask(how: "stop" | "restart"): void {
    if (this.#asked !== "stop") this.#asked = how;
    this.#wake();
  }

  /** What is asked for; waits until something is. */
  async next(): Promise<"stop" | "restart"> {
    for (;;) {
      const asked = this.#asked;
      this.#asked = asked === "stop" ? asked : undefined;
      if (asked !== undefined) return asked;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  forget(): void {
    process.off("SIGTERM", this.#onSignal);
    process.off("SIGINT", this.#onSignal);
  }
}
