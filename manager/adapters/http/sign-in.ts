import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { Operators } from "../../app/api/operators.ts";
import type { Principal } from "../../domain/authoriser.ts";
import type { OperatorTokens } from "../../ports/operator-tokens.ts";
import { ApiError } from "./api-error.ts";
import { FailureLimiter } from "./failure-limiter.ts";
import { digestOf, type Session, Sessions } from "./sessions.ts";

/** What a link is good for. */
export interface SignInCode {
  readonly operator: string;
  /** Made in a session that needs it itself, so the link says no more about who comes with it. */
  readonly needsPassword: boolean;
}

export interface SignInOptions {
  /** Tokens of the machine itself; undefined: there are none. */
  readonly tokens?: OperatorTokens | undefined;
  operators(): Pick<Operators, "principal" | "tokenHolder" | "checkPassword" | "hasPassword">;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Sessions ended. */
  ended?(): void;
}

/** Somebody who proved who he is, and how he did. */
export interface Admitted {
  readonly principal: Principal;
  /** `machine`: by the token in the data folder; `insecure`: he sits at this machine, and that is enough. */
  readonly way: "machine" | "token" | "session" | "insecure";
  readonly session?: Session;
}

const codeMs = 15 * 60_000;
const maxCodes = 1024;
/** So that nobody's links push out those of others. */
const maxCodesEach = 4;
const secretBytes = 32;
const maxSecretLength = 512;

/**
 * Who an operator is: by the machine's token, an API token, a session, a password, or a code that is good once. What he may do is looked up each
 * time, so a role that is taken away is gone at the next request.
 */
export class SignIn {
  readonly sessions: Sessions;
  readonly #options: SignInOptions;
  readonly #failures: FailureLimiter;
  readonly #codes = new Map<string, SignInCode & { readonly untilMs: number }>();

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#failures = new FailureLimiter(options);
    this.sessions = new Sessions({ ...options, ended: () => options.ended?.() });
  }

  /**
   * The holder of a token. Throws `wrong-token`, or `too-many-failures`. A right token is let in however many wrong ones came before: with 256
   * random bits there is nothing to guess, and a stranger must not be able to shut programs out.
   */
  byToken(token: string, address: string): Admitted {
    const machine = token.length <= maxSecretLength ? this.#options.tokens?.holder(token) : undefined;
    if (machine !== undefined) return { way: "machine", principal: { id: machine.id, role: "admin", scopes: [] } };
    const holder = token.length <= maxSecretLength ? this.#options.operators().tokenHolder(token) : undefined;
    if (holder !== undefined) return { way: "token", principal: holder.principal };
    this.#failures.check(address);
    this.#failures.failed(address);
    throw new ApiError("wrong-token");
  }

  /** Whom a code signs in; it is used up by that. Throws `wrong-code`, or `too-many-failures`. */
  byCode(code: string, address: string): SignInCode {
    const name = digestOf(code);
    const found = this.#codes.get(name);
    this.#codes.delete(name);
    if (found !== undefined && found.untilMs >= this.#options.clock.monotonicMs()) return found;
    this.#failures.check(address);
    this.#failures.failed(address);
    throw new ApiError("wrong-code");
  }

  /** Throws `wrong-password`, whatever is wrong, or `too-many-failures` without having looked at it. */
  async byPassword(name: string, password: string, address: string): Promise<void> {
    this.#failures.check(address);
    // Counted before it is looked at, so that many at once are as many.
    this.#failures.failed(address);
    const isShort = name.length <= 63 && password.length <= maxSecretLength;
    if (!isShort || !(await this.#options.operators().checkPassword(name, password))) {
      throw new ApiError("wrong-password");
    }
    this.#failures.succeeded(address);
  }

  /** Who the session is of; undefined when it is over, or its operator is gone. */
  bySession(secret: string): Admitted | undefined {
    return this.#of(this.sessions.use(secret));
  }

  /** The same for what goes on by itself: it keeps no session alive. */
  peekSession(secret: string): Admitted | undefined {
    return this.#of(this.sessions.find(secret));
  }

  /** A code that signs in once, within 15 minutes. Full, for the operator or in all: the oldest is good no more. */
  code(operator: string, needsPassword = false): string {
    const own = [...this.#codes].filter(([, each]) => each.operator === operator).map(([name]) => name);
    const [oldest] = own.length >= maxCodesEach ? own : this.#codes.keys();
    const isFull = own.length >= maxCodesEach || this.#codes.size >= maxCodes;
    if (isFull && oldest !== undefined) this.#codes.delete(oldest);
    const code = toHex(this.#options.entropy.bytes(secretBytes));
    const untilMs = this.#options.clock.monotonicMs() + codeMs;
    this.#codes.set(digestOf(code), { operator, needsPassword, untilMs });
    return code;
  }

  /** The operator was removed, or must sign in anew: no code of his is good any more. */
  forgetCodes(operator: string): void {
    for (const [name, code] of this.#codes) if (code.operator === operator) this.#codes.delete(name);
  }

  #of(session: Session | undefined): Admitted | undefined {
    if (session === undefined) return undefined;
    const principal: Principal | undefined =
      session.way === "machine"
        ? { id: session.operator, role: "admin", scopes: [] }
        : this.#options.operators().principal(session.operator);
    return principal && { way: "session", principal, session };
  }
}
