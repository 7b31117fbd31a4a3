/** Where the phone is connected to: the gateway itself, or the server broker. */
export interface Place {
  readonly kind: "home" | "server";
  /** MQTT over WebSocket. */
  readonly url: string;
}

/** refused: the broker doesn't know this phone (any more). unreachable: nobody answered. closed: it was open and broke. */
export type Problem = "refused" | "unreachable" | "closed";

interface LinkMemory {
  /** Before this, milliseconds, home isn't tried: it answered who it is, but its broker didn't take us. */
  readonly homeNotBefore: number;
  /** Rests in a row, without a connection that lasted. */
  readonly failures: number;
  /** Why the last try of each place failed; absent after a success. */
  readonly problems: { readonly home?: Problem; readonly server?: Problem };
}

/** The one connection that the phone has, or how it looks for one. */
export type LinkState = LinkMemory &
  (
    | { readonly phase: "stopped" }
    | { readonly phase: "asking" }
    | { readonly phase: "connecting"; readonly place: Place }
    | { readonly phase: "connected"; readonly place: Place; readonly since: number; readonly isAsking: boolean }
    | { readonly phase: "resting"; readonly until: number }
  );

export type LinkEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  /** An address of the list answered with this site's identity. */
  | { readonly kind: "home-found"; readonly place: Place }
  | { readonly kind: "home-missing" }
  | { readonly kind: "opened" }
  | { readonly kind: "failed"; readonly problem: Problem }
  | { readonly kind: "woke" }
  /** The phone changed networks, came back to the foreground, or its owner asked. */
  | { readonly kind: "look-again" };

export type LinkEffect =
  | { readonly kind: "ask-home" }
  | { readonly kind: "connect"; readonly place: Place }
  | { readonly kind: "disconnect" }
  /** Ask for `woke` after this; an earlier alarm is void. */
  | { readonly kind: "wake"; readonly afterMs: number };

export interface LinkSurroundings {
  readonly now: number;
  /** The server broker, where the household has one. */
  readonly server: string | undefined;
  /** In [0, 1). */
  readonly chance: number;
}

export const linkTimes = {
  /** While connected to the server broker, home is asked this often. */
  askHomeMs: 20_000,
  firstRestMs: 1_000,
  longestRestMs: 30_000,
  /** A broker that doesn't know us is asked less often. */
  refusedRestMs: 60_000,
  /** A connection that was open for longer than this was a good one. */
  lastingMs: 5_000,
  /** After home's broker failed though its identity was right. */
  homeFailedMs: 10_000,
} as const;

export const stoppedLink: LinkState = { phase: "stopped", homeNotBefore: 0, failures: 0, problems: {} };

interface Step {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** The next state and what has to be done; every pair of phase and event is decided, what doesn't belong changes nothing. */
export function linkTransition(state: LinkState, event: LinkEvent, around: LinkSurroundings): Step {
  if (event.kind === "stop") return { state: stoppedLink, effects: [{ kind: "disconnect" }] };
  switch (state.phase) {
    case "stopped":
      return event.kind === "start" ? asking(state) : stay(state);
    case "asking":
      if (event.kind === "home-found") return homeFound(state, event.place, around);
      if (event.kind === "home-missing") return awayFromHome(withProblem(state, "home", "unreachable"), around);
      return stay(state);
    case "connecting":
      return connecting(state, event, around);
    case "connected":
      return connected(state, event, around);
    case "resting":
      return event.kind === "woke" || event.kind === "look-again" ? asking(state) : stay(state);
  }
}

function connecting(
  state: LinkState & { readonly phase: "connecting" },
  event: LinkEvent,
  around: LinkSurroundings,
): Step {
  const { place } = state;
  if (event.kind === "opened") {
    const { [place.kind]: _solved, ...problems } = state.problems;
    const next: LinkState = {
      ...memory(state),
      phase: "connected",
      place,
      since: around.now,
      isAsking: false,
      problems,
    };
    return { state: next, effects: place.kind === "server" ? [{ kind: "wake", afterMs: linkTimes.askHomeMs }] : [] };
  }
  if (event.kind !== "failed") return stay(state);
  const failed = withProblem(state, place.kind, event.problem);
  if (place.kind === "server") return rest(failed, around);
  return awayFromHome({ ...failed, homeNotBefore: around.now + linkTimes.homeFailedMs }, around);
}

function connected(
  state: LinkState & { readonly phase: "connected" },
  event: LinkEvent,
  around: LinkSurroundings,
): Step {
  const { place, isAsking } = state;
  switch (event.kind) {
    case "failed":
      return broken(withProblem(state, place.kind, event.problem), around.now - state.since, around);
    case "woke":
    case "look-again": {
      const wake: LinkEffect[] = place.kind === "server" ? [{ kind: "wake", afterMs: linkTimes.askHomeMs }] : [];
      if (isAsking) return { state, effects: wake };
      return { state: { ...state, isAsking: true }, effects: [{ kind: "ask-home" }, ...wake] };
    }
    case "home-found": {
      const calm: LinkState = { ...state, isAsking: false };
      if (place.kind === "home" || around.now < state.homeNotBefore) return stay(calm);
      return after("disconnect", connectTo(calm, event.place));
    }
    case "home-missing":
      if (place.kind === "server") return stay({ ...state, isAsking: false });
      // The network changed under the connection, which would find out only by its keep-alive.
      return after("disconnect", awayFromHome(withProblem(state, "home", "unreachable"), around));
    default:
      return stay(state);
  }
}

/** What broke at once will break at once again: somebody else has this phone's client id, or a proxy doesn't like us. */
function broken(state: LinkState, lastedMs: number, around: LinkSurroundings): Step {
  return lastedMs < linkTimes.lastingMs ? rest(state, around) : asking({ ...state, failures: 0 });
}

function asking(state: LinkState): Step {
  return { state: { ...memory(state), phase: "asking" }, effects: [{ kind: "ask-home" }] };
}

function homeFound(state: LinkState, place: Place, around: LinkSurroundings): Step {
  return around.now < state.homeNotBefore ? awayFromHome(state, around) : connectTo(state, place);
}

function awayFromHome(state: LinkState, around: LinkSurroundings): Step {
  if (around.server === undefined) return rest(state, around);
  return connectTo(state, { kind: "server", url: around.server });
}

function connectTo(state: LinkState, place: Place): Step {
  return { state: { ...memory(state), phase: "connecting", place }, effects: [{ kind: "connect", place }] };
}

/** Twice as long each time, half of it by chance: a household's phones mustn't come back all at once. */
function rest(state: LinkState, { now, chance }: LinkSurroundings): Step {
  const { problems, failures } = state;
  const isRefused = problems.home === "refused" || problems.server === "refused";
  const full = isRefused
    ? linkTimes.refusedRestMs
    : Math.min(linkTimes.longestRestMs, linkTimes.firstRestMs * 2 ** Math.min(failures, 10));
  const afterMs = Math.round(full / 2 + (full / 2) * chance);
  return {
    state: { ...memory(state), phase: "resting", until: now + afterMs, failures: failures + 1 },
    effects: [{ kind: "wake", afterMs }],
  };
}

function after(first: "disconnect", { state, effects }: Step): Step {
  return { state, effects: [{ kind: first }, ...effects] };
}

function withProblem(state: LinkState, place: Place["kind"], problem: Problem): LinkState {
  return { ...state, problems: { ...state.problems, [place]: problem } };
}

function memory({ homeNotBefore, failures, problems }: LinkState): LinkMemory {
  return { homeNotBefore, failures, problems };
}

function stay(state: LinkState): Step {
  return { state, effects: [] };
}
