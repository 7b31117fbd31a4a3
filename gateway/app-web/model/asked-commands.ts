import type { SiteAck } from "../../../schemas/generated/types.ts";

/** What became of one thing that a person asked for, shown at the control that asked. */
export interface Ask {
  /** Comes back in acknowledgements. */
  readonly id: string;
  /** The control, such as `relay:grid:all`. One control shows its last ask. */
  readonly control: string;
  /** Packs or the socket that should answer; empty where the gateway answers alone. */
  readonly expected: readonly string[];
  /** What was asked for, for controls that show it until the answer: true for on. */
  readonly wanted?: boolean;
  readonly at: number;
  readonly answers: readonly Answer[];
  readonly state: AskState;
}

export interface Answer {
  /** The pack or socket; undefined: the gateway itself. */
  readonly from: string | undefined;
  readonly outcome: SiteAck["outcome"];
  readonly result?: string;
  readonly reason?: string;
}

/**
 * waiting: on its way; done: everyone did it; refused: somebody said no, or couldn't; unanswered: the gateway didn't answer in
 * time; cut-off: the connection broke before the answer, so nobody knows; unsent: there was no connection.
 */
export type AskState = "waiting" | "done" | "refused" | "unanswered" | "cut-off" | "unsent";

export type Asks = Readonly<Record<string, Ask>>;

/** The gateway waits for its packs for a second or two, and says so when they are silent. */
export const answerDeadlineMs = 10_000;
/** A success needs no longer to be read; everything else stays until the control is used again. */
export const doneShownMs = 4_000;

export function ask(asks: Asks, { control, ...rest }: Omit<Ask, "answers" | "state">, isConnected: boolean): Asks {
  return { ...asks, [control]: { ...rest, control, answers: [], state: isConnected ? "waiting" : "unsent" } };
}

/** An acknowledgement that names one of our asks; others' acknowledgements change nothing. */
export function takeAck(asks: Asks, ack: SiteAck): Asks {
  const open = Object.values(asks).find((each) => each.id === ack.id && isOpen(each));
  if (open === undefined) return asks;
  const from = ack.node ?? ack.socket;
  const answer: Answer = {
    from,
    outcome: ack.outcome,
    ...(ack.result === undefined ? {} : { result: ack.result }),
    ...(ack.reason === undefined ? {} : { reason: ack.reason }),
  };
  const answers = [...open.answers.filter((each) => each.from !== from), answer];
  return { ...asks, [open.control]: { ...open, answers, state: stateOf(open, answers) } };
}

/** What time does: asks without an answer end, successes are put away. */
export function ageAsks(asks: Asks, now: number): Asks {
  let next = asks;
  for (const each of Object.values(asks)) {
    if (each.state === "waiting" && now - each.at > answerDeadlineMs) {
      const state = each.answers.some(isBad) ? "refused" : "unanswered";
      next = { ...next, [each.control]: { ...each, state } };
    } else if (each.state === "done" && now - each.at > answerDeadlineMs + doneShownMs) {
      const { [each.control]: _done, ...others } = next;
      next = others;
    }
  }
  return next;
}

/** The connection broke: nobody will tell us now what became of what waits. */
export function cutOff(asks: Asks): Asks {
  let next = asks;
  for (const each of Object.values(asks)) {
    if (each.state === "waiting") next = { ...next, [each.control]: { ...each, state: "cut-off" } };
  }
  return next;
}

export function dismiss(asks: Asks, control: string): Asks {
  const { [control]: _gone, ...others } = asks;
  return others;
}

/** Also after its deadline: an answer that comes late is still the answer. */
function isOpen({ state }: Ask): boolean {
  return state === "waiting" || state === "unanswered" || state === "cut-off";
}

function isBad({ outcome }: Answer): boolean {
  return outcome !== "done";
}

function stateOf(open: Ask, answers: readonly Answer[]): AskState {
  // Where it never came as far as a pack, one answer stands for all.
  const isWhole = answers.some(({ from }) => from === undefined);
  const missing = open.expected.filter((each) => !answers.some(({ from }) => from === each));
  if (!isWhole && missing.length > 0) return open.state;
  return answers.some(isBad) ? "refused" : "done";
}
