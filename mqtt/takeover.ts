import type { Clock } from "../kernel/clock.ts";
import type { Connection } from "./connection.ts";

interface Waiting {
  readonly connection: Connection;
  proceed(): void;
}

/** How long the engine may take to drop a client that went away between its acceptance and its registration. */
const registrationGraceMs = 20;

/**
 * One connection a client id at a time. A new one closes the old one and goes on when the engine has let go of it; of
 * several that wait the newest stays. Without this order aedes can close or forget the wrong one of three.
 */
export class Takeover {
  readonly #clock: Clock;
  readonly #current = new Map<string, Connection>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #idle = new Map<string, (() => void)[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  current(clientId: string): Connection | undefined {
    return this.#current.get(clientId);
  }

  /** Calls `proceed` when `connection` is the only one of `clientId`, if it still is there then. */
  enter(clientId: string, connection: Connection, proceed: () => void): void {
    const current = this.#current.get(clientId);
    if (current === undefined) {
      this.#current.set(clientId, connection);
      proceed();
      return;
    }
    this.#waiting.get(clientId)?.connection.gate.destroy();
    this.#waiting.set(clientId, { connection, proceed });
    current.gate.destroy();
  }

  /** The gate of `connection` is closed. */
  closed(clientId: string, connection: Connection): void {
    if (this.#waiting.get(clientId)?.connection === connection) this.#waiting.delete(clientId);
    if (connection.isRegistered || this.#current.get(clientId) !== connection) return;
    this.#clock.after(registrationGraceMs, () => {
      if (!connection.isRegistered) this.released(clientId, connection);
    });
  }

  /** The engine has let go of `connection`. */
  released(clientId: string, connection: Connection): void {
    if (this.#current.get(clientId) !== connection) return;
    this.#current.delete(clientId);
    const waiting = this.#waiting.get(clientId);
    this.#waiting.delete(clientId);
    for (const tell of this.#idle.get(clientId) ?? []) tell();
    this.#idle.delete(clientId);
    if (waiting === undefined || waiting.connection.gate.destroyed) return;
    this.#current.set(clientId, waiting.connection);
    waiting.proceed();
  }

  /** Closes what there is of `clientId`; resolves when the engine has let go of it. */
  async evict(clientId: string): Promise<void> {
    this.#waiting.get(clientId)?.connection.gate.destroy();
    this.#waiting.delete(clientId);
    const current = this.#current.get(clientId);
    if (current === undefined) return;
    const isIdle = new Promise<void>((resolve) => {
      this.#idle.set(clientId, [...(this.#idle.get(clientId) ?? []), resolve]);
    });
    current.gate.destroy();
    await isIdle;
  }
}
