import { createHash } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { Actor } from "../../app/api/registry.ts";
import type { OperatorTokens } from "../../ports/operator-tokens.ts";
import { ApiError } from "./api-error.ts";
import { FailureLimiter } from "./failure-limiter.ts";

export interface SignInOptions {
  /** Undefined: nobody has a token. */
  readonly tokens?: OperatorTokens | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** A session ends so long after it was last used, and at the latest so long after it began. */
const idleMs = 12 * 3_600_000;
const longestMs = 7 * 86_400_000;
const maxSessions = 256;
const codeMs = 15 * 60_000;
const maxCodes = 16;
const secretBytes = 32;

export const sessionSeconds = longestMs / 1000;

interface Session {
  readonly actor: Actor;
  readonly beganMs: number;
  usedMs: number;
}

/**
 * Who an operator is, by token, by session, or by a code that is good once. Sessions and codes are kept by their SHA-256 and in memory only: who
 * reads the memory of a log or a dump can't use them, and a restart signs everybody out.
 */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #failures: FailureLimiter;
  readonly #sessions = new Map<string, Session>();
  readonly #codes = new Map<string, { readonly actor: Actor; readonly untilMs: number }>();

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#failures = new FailureLimiter(options);
  }

  /** The holder of a token. Throws `wrong-token`, or `too-many-failures` without having looked at it. */
  byToken(token: string, address: string): Actor {
    this.#failures.check(address);
    const holder = this.#options.tokens?.holder(token);
    if (holder === undefined) {
      this.#failures.failed(address);
      throw new ApiError("wrong-token");
    }
    return { kind: "operator", id: holder.id };
  }

  /** The holder of a code, which is used up by that. Throws as `byToken`. */
  byCode(code: string, address: string): Actor {
    this.#failures.check(address);
    const name = digestOf(code);
    const found = this.#codes.get(name);
    this.#codes.delete(name);
    if (found === undefined || found.untilMs < this.#options.clock.monotonicMs()) {
      this.#failures.failed(address);
      throw new ApiError("wrong-code");
    }
    return found.actor;
  }

  /** Who the session is of; undefined when it is over or never was. */
  bySession(session: string): Actor | undefined {
    const name = digestOf(session);
    const found = this.#sessions.get(name);
    if (found === undefined) return undefined;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - found.usedMs > idleMs || nowMs - found.beganMs > longestMs) {
      this.#sessions.delete(name);
      return undefined;
    }
    found.usedMs = nowMs;
    return found.actor;
  }

  /** A new session's secret. Full: the one that is unused for longest ends. */
  begin(actor: Actor): string {
    if (this.#sessions.size >= maxSessions) {
      const [oldest] = [...this.#sessions].sort(([, a], [, b]) => a.usedMs - b.usedMs);
      if (oldest !== undefined) this.#sessions.delete(oldest[0]);
    }
    const session = this.#secret();
    const nowMs = this.#options.clock.monotonicMs();
    this.#sessions.set(digestOf(session), { actor, beganMs: nowMs, usedMs: nowMs });
    return session;
  }

  end(session: string): void {
    this.#sessions.delete(digestOf(session));
  }

  /** A code that signs in once, within 15 minutes. Full: the oldest is good no more. */
  code(actor: Actor): string {
    const [oldest] = this.#codes.keys();
    if (this.#codes.size >= maxCodes && oldest !== undefined) this.#codes.delete(oldest);
    const code = this.#secret();
    this.#codes.set(digestOf(code), { actor, untilMs: this.#options.clock.monotonicMs() + codeMs });
    return code;
  }

  #secret(): string {
    return toHex(this.#options.entropy.bytes(secretBytes));
  }
}

function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
