import type { Clock, Timer } from "../../kernel/clock.ts";
import type { SocketRequest } from "../../schemas/generated/can.ts";
import type {
  RuleState,
  SiteAck,
  SiteRule,
  SiteRules,
  SiteRulesCommand,
  SiteRulesStatus,
} from "../../schemas/generated/types.ts";
import { instantFromMs } from "../../schemas/wire/instant.ts";
import { parseRule } from "../domain/rules/parse-rule.ts";
import {
  arePacksAllowed,
  firstStanding,
  type HouseRule,
  type RuleStanding,
  type SiteValues,
  stepRules,
} from "../domain/rules/rule-standing.ts";
import type { SiteSockets } from "./site-sockets.ts";

export const maxRules = 32;

export interface HouseRulesOptions {
  /** As kept; checked again, since a file may have been edited. */
  readonly rules: readonly SiteRule[];
  readonly clock: Clock;
  readonly sockets: Pick<SiteSockets, "isOnline" | "switch" | "wantedBy">;
  readonly values: () => SiteValues;
  readonly isTimeValid: () => boolean;
  /** Resolves when they outlive a power loss. */
  readonly keep: (rules: readonly SiteRule[]) => Promise<void>;
  readonly publishRules: (rules: SiteRules) => void;
  readonly publishStatus: (status: SiteRulesStatus) => void;
  readonly evaluateEveryMs?: number;
}

type Refusal = Pick<SiteAck, "outcome" | "reason">;

/** The household's offline rules: kept, evaluated every second or two without manager or internet, and tried out before they are taken. */
export class HouseRules {
  readonly #options: HouseRulesOptions;
  #written: readonly SiteRule[];
  #rules: readonly HouseRule[];
  #standings: RuleStanding[] = [];
  #shown = "";
  #timer: Timer | undefined;
  #saving: Promise<unknown> = Promise.resolve();

  /** Throws a RangeError that names the rule when a kept one can't be read. */
  constructor(options: HouseRulesOptions) {
    this.#options = options;
    const read = readRules(options.rules);
    if (!read.ok) throw new RangeError(read.reason);
    this.#written = options.rules;
    this.#rules = read.rules;
  }

  start(): void {
    this.#options.publishRules({ rules: [...this.#written] });
    this.#evaluate();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Takes rules in place of those in force, or with `test` only tells how they would stand. In order of arrival. */
  take(command: SiteRulesCommand): Promise<Refusal> {
    const taken = this.#saving.then(() => this.#take(command));
    this.#saving = taken;
    return taken;
  }

  /** A pack asks for a socket. Refused where no rule allows it: told by the answer, nothing is sent. */
  async packAsks(request: SocketRequest): Promise<Refusal> {
    const socket = this.#options.sockets.wantedBy(request);
    if (socket === undefined) return { outcome: "invalid", reason: `no socket has the number ${request.socket}` };
    if (!arePacksAllowed(this.#rules, socket)) {
      return { outcome: "refused", reason: `no rule says \`allow packs socket ${socket}\`` };
    }
    return await this.#options.sockets.switch(socket, request.isOn);
  }

  async #take({ rules, test, id }: SiteRulesCommand): Promise<Refusal> {
    const read = readRules(rules);
    if (!read.ok) return { outcome: "invalid", reason: read.reason };
    if (test === true) {
      const { standings } = stepRules(read.rules, [], this.#moment());
      this.#options.publishStatus({
        ...this.#status(read.rules, standings),
        test: true,
        ...(id !== undefined && { id }),
      });
      return { outcome: "done" };
    }
    try {
      await this.#options.keep(rules);
    } catch (error) {
      return {
        outcome: "refused",
        reason: `not stored: ${error instanceof Error ? error.message : error}`.slice(0, 96),
      };
    }
    // A rule that stays as it was goes on where it stands: saving another one tells no socket again.
    const before = new Map(this.#written.map((rule, index) => [textOf(rule), this.#standings[index] ?? firstStanding]));
    this.#standings = rules.map((rule) => before.get(textOf(rule)) ?? firstStanding);
    this.#written = rules;
    this.#rules = read.rules;
    this.#options.publishRules({ rules });
    this.#evaluate();
    return { outcome: "done" };
  }

  #evaluate(): void {
    this.#timer?.cancel();
    const { clock, sockets, evaluateEveryMs = 2000 } = this.#options;
    const { standings, switches } = stepRules(this.#rules, this.#standings, this.#moment());
    this.#standings = standings;
    // What became of it shows on the socket itself; a socket that didn't confirm is the household's to look at.
    for (const { socket, isOn } of switches) void sockets.switch(socket, isOn);
    this.#show();
    this.#timer = clock.after(evaluateEveryMs, () => this.#evaluate());
  }

  /** Published when something other than a duration changed. */
  #show(): void {
    const shown = JSON.stringify(this.#standings.map(({ state, reason, firedAtMs }) => [state, reason, firedAtMs]));
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#options.publishStatus(this.#status(this.#rules, this.#standings));
  }

  #moment() {
    const { values, sockets, clock } = this.#options;
    return {
      values: values(),
      isSocketOnline: (socket: string) => sockets.isOnline(socket),
      nowMs: clock.monotonicMs(),
    };
  }

  #status(rules: readonly HouseRule[], standings: readonly RuleStanding[]): SiteRulesStatus {
    const { clock, isTimeValid } = this.#options;
    const nowMs = clock.monotonicMs();
    const wallMs = isTimeValid() ? clock.wallMs() : undefined;
    return {
      ...(wallMs !== undefined && { time: instantFromMs(wallMs) }),
      rules: rules.map(({ name }, index): RuleState => {
        const { state, reason, sinceMs, firedAtMs } = standings[index] ?? firstStanding;
        const fired = firedAtMs === undefined || wallMs === undefined ? undefined : wallMs - (nowMs - firedAtMs);
        return {
          name,
          state,
          ...(sinceMs !== undefined && { heldFor: Math.floor((nowMs - sinceMs) / 1000) }),
          ...(reason !== undefined && { reason: reason.slice(0, 96) }),
          ...(fired !== undefined && { firedAt: instantFromMs(Math.round(fired)) }),
        };
      }),
    };
  }
}

function readRules(
  written: readonly SiteRule[],
): { readonly ok: true; readonly rules: HouseRule[] } | { readonly ok: false; readonly reason: string } {
  const rules: HouseRule[] = [];
  for (const { name, rule, isOff } of written) {
    if (rules.some((each) => each.name === name))
      return { ok: false, reason: `two rules are called ${name}`.slice(0, 96) };
    const reading = parseRule(rule);
    if (!reading.ok) return { ok: false, reason: `${name}: ${reading.fault.reason}`.slice(0, 96) };
    rules.push({ name, isOff: isOff === true, rule: reading.rule });
  }
  if (rules.length > maxRules) return { ok: false, reason: `more than ${maxRules} rules` };
  return { ok: true, rules };
}

function textOf({ name, rule, isOff }: SiteRule): string {
  return JSON.stringify([name, rule, isOff === true]);
}
