import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { LiveEvent } from "../../app/api/watching.ts";
import type { CoapDoors } from "./coap-doors.ts";

/** An observer gets at most one notification of one resource in this time; the last change always comes through. */
const quietMs = 1_000;
/** Paths that wait for their quiet time to end; more are notified at once, which is only louder. */
const maxWaiting = 4_096;

/** Tells the observers of the manager's resources when what they see changed. */
export class Notifier {
  readonly #app: ManagerApp;
  readonly #doors: Pick<CoapDoors, "notify" | "observers">;
  readonly #clock: Clock;
  /** Path -> whether something changed since its last notification. */
  readonly #quiet = new Map<string, { isDirty: boolean; readonly timer: Timer }>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: {
    readonly app: ManagerApp;
    readonly doors: Pick<CoapDoors, "notify" | "observers">;
    readonly clock: Clock;
  }) {
    this.#app = options.app;
    this.#doors = options.doors;
    this.#clock = options.clock;
  }

  start(): void {
    this.#unsubscribe = this.#app.events.subscribe((event) => this.#take(event));
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const { timer } of this.#quiet.values()) timer.cancel();
    this.#quiet.clear();
  }

  #take(event: LiveEvent): void {
    switch (event.kind) {
      case "update":
        this.#changed(["updates"]);
        this.#changed(["updates", event.update, "status"]);
        return;
      case "attempt":
        this.#changed(["updates", event.update, "status"]);
        return;
      case "health":
      case "metrics":
        // Every heartbeat of every node comes by here.
        if (this.#doors.observers() === 0) return;
        this.#changed(["nodes", event.node, event.kind]);
        return;
      case "alert":
        this.#changed(["alerts"]);
        return;
      default:
        return;
    }
  }

  #changed(path: readonly string[]): void {
    if (this.#doors.observers(path) === 0) return;
    const key = path.join("/");
    const quiet = this.#quiet.get(key);
    if (quiet !== undefined) {
      quiet.isDirty = true;
      return;
    }
    this.#notify(path, key);
  }

  #notify(path: readonly string[], key: string): void {
    this.#doors.notify(path);
    if (this.#quiet.size >= maxWaiting) return;
    const timer = this.#clock.after(quietMs, () => {
      const wasDirty = this.#quiet.get(key)?.isDirty === true;
      this.#quiet.delete(key);
      if (wasDirty) this.#notify(path, key);
    });
    this.#quiet.set(key, { isDirty: false, timer });
  }
}
