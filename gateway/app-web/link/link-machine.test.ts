import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type LinkEffect,
  type LinkEvent,
  type LinkState,
  linkTimes,
  linkTransition,
  stoppedLink,
} from "./link-machine.ts";

const home = { kind: "home", url: "wss://10.0.0.2/mqtt" } as const;
const server = "wss://example.net/mqtt";
const found: LinkEvent = { kind: "home-found", place: home };

interface Run {
  readonly state: LinkState;
  readonly effects: readonly LinkEffect[];
}

/** Plays events from the start; the effects are those of the last one. */
function play(events: readonly LinkEvent[], around: { server?: string; now?: number } = { server }): Run {
  let run: Run = { state: stoppedLink, effects: [] };
  for (const event of [{ kind: "start" } as const, ...events]) {
    const { state, effects } = linkTransition(run.state, event, {
      now: around.now ?? 0,
      server: around.server,
      chance: 0,
    });
    run = { state, effects };
  }
  return run;
}
const fail = (problem: "refused" | "unreachable" | "closed"): LinkEvent => ({ kind: "failed", problem });

describe("the link", () => {
  it("rests, longer each time, where nobody answers and there is no server", () => {
    let state = stoppedLink;
    const waits: number[] = [];
    const take = (event: LinkEvent): void => {
      const step = linkTransition(state, event, { now: 0, server: undefined, chance: 0 });
      state = step.state;
      for (const effect of step.effects) if (effect.kind === "wake") waits.push(effect.afterMs);
    };
    take({ kind: "start" });
    for (let round = 0; round < 8; round++) {
      take({ kind: "home-missing" });
      expect(state.phase).toBe("resting");
      take({ kind: "woke" });
      expect(state.phase).toBe("asking");
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  it("asks a broker that refused it seldom, and remembers why", () => {
    const { state, effects } = play([{ kind: "home-missing" }, fail("refused")]);
    expect(state).toMatchObject({ phase: "resting", problems: { server: "refused", home: "unreachable" } });
    expect(effects).toEqual([{ kind: "wake", afterMs: linkTimes.refusedRestMs / 2 }]);
  });

  it("goes to the server when home's broker fails, and leaves home alone for a while", () => {
    const refused = play([found, fail("unreachable")]);
    expect(refused.effects).toEqual([{ kind: "connect", place: { kind: "server", url: server } }]);
    const early = play([found, fail("unreachable"), { kind: "opened" }, { kind: "woke" }, found]);
    expect(early.state).toMatchObject({ phase: "connected", place: { kind: "server" }, isAsking: false });
    expect(early.effects).toEqual([]);
  });

  it("looks for home again when a connection breaks that had lasted", () => {
    const { state } = play([found, { kind: "opened" }]);
    const broken = linkTransition(state, fail("closed"), { now: linkTimes.lastingMs, server, chance: 0 });
    expect(broken.state).toMatchObject({ phase: "asking", failures: 0 });
    expect(broken.effects).toEqual([{ kind: "ask-home" }]);
  });

  it("rests, longer each time, when its connection is thrown out as soon as it is open", () => {
    let state: LinkState = play([]).state;
    const waits: number[] = [];
    for (const event of [1, 2, 3].flatMap(
      () => [found, { kind: "opened" }, fail("closed"), { kind: "woke" }] as const,
    )) {
      const step = linkTransition(state, event, { now: 0, server, chance: 0 });
      state = step.state;
      for (const effect of step.effects) if (effect.kind === "wake") waits.push(effect.afterMs);
    }
    expect(waits).toEqual([500, 1000, 2000]);
  });

  it("leaves a connection that the network was taken from, without waiting for its keep-alive", () => {
    const { effects } = play([found, { kind: "opened" }, { kind: "look-again" }, { kind: "home-missing" }]);
    expect(effects).toEqual([{ kind: "disconnect" }, { kind: "connect", place: { kind: "server", url: server } }]);
  });

  it("asks for home while it is at the server, and goes there once it answers", () => {
    const away = play([{ kind: "home-missing" }, { kind: "opened" }]);
    expect(away.effects).toEqual([{ kind: "wake", afterMs: linkTimes.askHomeMs }]);
    const asking = play([{ kind: "home-missing" }, { kind: "opened" }, { kind: "woke" }]);
    expect(asking.effects.map(({ kind }) => kind)).toEqual(["ask-home", "wake"]);
    const back = play([{ kind: "home-missing" }, { kind: "opened" }, { kind: "woke" }, found]);
    expect(back.effects).toEqual([{ kind: "disconnect" }, { kind: "connect", place: home }]);
    const stays = play([{ kind: "home-missing" }, { kind: "opened" }, { kind: "woke" }, { kind: "home-missing" }]);
    expect(stays.state).toMatchObject({ phase: "connected", place: { kind: "server" }, isAsking: false });
  });

  it("forgets a place's problem once it is connected there", () => {
    const { state } = play([
      { kind: "home-missing" },
      fail("unreachable"),
      { kind: "woke" },
      found,
      { kind: "opened" },
    ]);
    expect(state).toMatchObject({ phase: "connected", problems: { server: "unreachable" } });
    expect(state.problems).not.toHaveProperty("home");
  });

  it("has one connection at a time, whatever happens, and never waits without an alarm or a question", () => {
    const events = fc.array(
      fc.constantFrom<LinkEvent>(
        ...([{ kind: "start" }, { kind: "stop" }, found, { kind: "home-missing" }, { kind: "opened" }] as const),
        ...([fail("closed"), fail("refused"), { kind: "woke" }, { kind: "look-again" }] as const),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, fc.boolean(), (list, hasServer) => {
        let state: LinkState = stoppedLink;
        let open = 0;
        let now = 0;
        for (const event of list) {
          now += 5_000;
          // What can't be: a connection that ends or opens where there is none.
          if ((event.kind === "opened" || event.kind === "failed") && open === 0) continue;
          if (event.kind === "failed") open--;
          const step = linkTransition(state, event, { now, server: hasServer ? server : undefined, chance: 0.5 });
          state = step.state;
          for (const effect of step.effects) {
            if (effect.kind === "disconnect") open = 0;
            if (effect.kind === "connect") open++;
          }
          expect(open).toBe(state.phase === "connecting" || state.phase === "connected" ? 1 : 0);
          if (state.phase === "resting" && event.kind !== "start") expect(state.until).toBeGreaterThan(0);
        }
      }),
    );
  });
});
