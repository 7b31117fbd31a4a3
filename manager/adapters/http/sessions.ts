import { createHash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { toHex } from "../../../schemas/wire/hex.ts";

/** A session ends so long after it was last used, and at the latest so long after it began. */
const idleMs = 12 * 3_600_000;
const longestMs = 7 * 86_400_000;
const maxSessions = 4_096;
const maxPerOperator = 32;
const secretBytes = 32;
const idDigits = 16;
const csrfDigits = 32;

export const sessionSeconds = longestMs / 1000;

/** How somebody came in: by password, by a link that was good once, or by the token of this machine. */
export type SessionWay = "password" | "link" | "machine";

export interface Session {
  /** Tells it from others in lists; it opens nothing. */
  readonly id: string;
  readonly operator: string;
  readonly way: SessionWay;
  readonly address: string;
  /** Whoever sits there may not be its operator any more: the password is asked for before another is set. */
  readonly needsPassword: boolean;
  readonly beganAtMs: number;
  readonly beganMs: number;
  usedMs: number;
}

export interface SessionView {
  readonly id: string;
  readonly operator: string;
  readonly way: SessionWay;
  readonly address: string;
  readonly beganAtMs: number;
  readonly idleSeconds: number;
}

/**
 * Who is signed in to the console. Sessions are kept by the SHA-256 of their secret and in memory only: who reads a dump can't use them, and a
 * restart signs everybody out.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #sessions = new Map<string, Session>();
  readonly #ended: () => void;

  /** `ended`: one or more are over; what hangs on them ends too. */
  constructor(options: { readonly clock: Clock; readonly entropy: Entropy; ended(): void }) {
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    this.#ended = options.ended.bind(options);
  }

  /** A new session's secret. Full: of the same operator, or of all, the one that is unused for longest ends. */
  begin(operator: string, way: SessionWay, address: string, needsPassword: boolean = way === "password"): string {
    const own = [...this.#sessions.values()].filter((each) => each.operator === operator);
    if (own.length >= maxPerOperator) this.#endLeastUsed(own);
    else if (this.#sessions.size >= maxSessions) this.#endLeastUsed([...this.#sessions.values()]);
    const secret = toHex(this.#entropy.bytes(secretBytes));
    const name = digestOf(secret);
    const nowMs = this.#clock.monotonicMs();
    this.#sessions.set(name, {
      ...{ id: name.slice(0, idDigits), operator, way, address, needsPassword },
      ...{ beganAtMs: this.#clock.wallMs(), beganMs: nowMs, usedMs: nowMs },
    });
    return secret;
  }

  /** The session of a secret, used by that; undefined when it is over or never was. */
  use(secret: string): Session | undefined {
    const found = this.find(secret);
    if (found !== undefined) found.usedMs = this.#clock.monotonicMs();
    return found;
  }

  /** The same without using it. */
  find(secret: string): Session | undefined {
    const name = digestOf(secret);
    const found = this.#sessions.get(name);
    if (found === undefined || !this.#isOver(found)) return found;
    this.#sessions.delete(name);
    return undefined;
  }

  end(secret: string): void {
    if (this.#sessions.delete(digestOf(secret))) this.#ended();
  }

  /** Ends those that `ends` names, and says which they were. */
  endEach(ends: (session: Session) => boolean): readonly Session[] {
    const ended: Session[] = [];
    for (const [name, session] of this.#sessions) {
      if (!ends(session)) continue;
      this.#sessions.delete(name);
      ended.push(session);
    }
    if (ended.length > 0) this.#ended();
    return ended;
  }

  /** Of one operator, or of all; the one that was used last is first. */
  list(operator?: string): readonly SessionView[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#sessions.values()]
      .filter((each) => !this.#isOver(each) && (operator === undefined || each.operator === operator))
      .sort((a, b) => b.usedMs - a.usedMs)
      .map(({ usedMs, beganMs: _, needsPassword: __, ...session }) => ({
        ...session,
        idleSeconds: Math.floor((nowMs - usedMs) / 1000),
      }));
  }

  #isOver({ usedMs, beganMs }: Session): boolean {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - usedMs > idleMs || nowMs - beganMs > longestMs;
  }

  #endLeastUsed(among: readonly Session[]): void {
    const [oldest] = among.toSorted((a, b) => a.usedMs - b.usedMs);
    if (oldest !== undefined) this.endEach((each) => each === oldest);
  }
}

/**
 * What the console sends with each change beside the cookie: the browser sends the cookie by itself, this only the page that was told. It is made of
 * the session's secret, which no script reads, and says nothing of it.
 */
export function csrfTokenOf(secret: string): string {
  return createHash("sha256").update(`csrf ${secret}`).digest("hex").slice(0, csrfDigits);
}

export function isCsrfToken(said: string | undefined, secret: string): boolean {
  const right = Buffer.from(csrfTokenOf(secret));
  const given = Buffer.from(said ?? "");
  return given.length === right.length && timingSafeEqual(given, right);
}

export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
