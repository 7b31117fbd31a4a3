import { describe, expect, test } from "vitest";
import { agentTimes } from "./agent-limits.ts";
import { type NodeLife, type NodeLifeEffect, type NodeLifeEvent, nodeLife, nodeLifeOff } from "./node-life.ts";

/** The state after these events, and what the last of them set off. */
function lived(...events: NodeLifeEvent[]): { life: NodeLife; effects: readonly NodeLifeEffect[] } {
  let life: NodeLife = nodeLifeOff;
  let effects: readonly NodeLifeEffect[] = [];
  for (const event of events) ({ state: life, effects } = nodeLife(life, event));
  return { life, effects };
}

const registered: NodeLifeEvent[] = [{ kind: "start" }, { kind: "registered", pollSeconds: 60 }];
const answered: NodeLifeEvent = { kind: "beat-answered" };
const missed: NodeLifeEvent = { kind: "beat-missed" };
const due: NodeLifeEvent = { kind: "due" };

describe("registration", () => {
  test("is tried again after pauses that double up to five minutes", () => {
    const pauses: number[] = [];
    let life: NodeLife = lived({ kind: "start" }).life;
    for (let i = 0; i < 12; i++) {
      const failed = nodeLife(life, { kind: "not-registered" });
      const [wait] = failed.effects;
      pauses.push(wait?.kind === "wait" ? wait.ms : -1);
      const again = nodeLife(failed.state, due);
      expect(again.effects).toEqual([{ kind: "register" }]);
      life = again.state;
    }
    expect(pauses.slice(0, 5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
    expect(pauses.at(-1)).toBe(agentTimes.longestRetryMs);
  });

  test("isn't tried before the manager said", () => {
    const { effects } = lived({ kind: "start" }, { kind: "not-registered", afterMs: 60_000 });
    expect(effects).toEqual([{ kind: "wait", ms: 60_000, jitter: 0 }]);
  });

  test("is followed by a heartbeat at once", () => {
    expect(lived(...registered).effects).toEqual([{ kind: "beat" }]);
  });

  test("is made once more when what it says changed on its way", () => {
    const { life, effects } = lived({ kind: "start" }, { kind: "changed" }, { kind: "registered", pollSeconds: 60 });
    expect(life.kind).toBe("registering");
    expect(effects).toEqual([{ kind: "register" }]);
  });
});

describe("heartbeats", () => {
  test("three missed in a row say that the manager is lost, and lead to a new registration", () => {
    const { life, effects } = lived(...registered, missed, due, missed, due, missed);
    expect(life.kind).toBe("registering");
    expect(effects).toEqual([{ kind: "lost" }, { kind: "register" }]);
  });

  test("an answered one forgives those missed before", () => {
    const { life } = lived(...registered, missed, due, missed, due, answered, due, missed, due, missed);
    expect(life).toMatchObject({ kind: "registered", missed: 2 });
  });

  test("a node that the manager forgot waits a random part of ten seconds", () => {
    expect(lived(...registered, { kind: "forgotten" }).effects).toEqual([{ kind: "wait", ms: 10_000, jitter: 1 }]);
  });

  test("there is one at a time, and what came up meanwhile is said right after it", () => {
    const busy = lived(...registered, { kind: "beat-wanted" });
    expect(busy.effects).toEqual([]);
    expect(nodeLife(busy.life, answered).effects).toEqual([{ kind: "beat" }]);
  });

  test("go on in the interval that the manager says, a tenth of it random", () => {
    expect(lived(...registered, answered).effects).toEqual([{ kind: "wait", ms: 60_000, jitter: 0.1 }]);
    expect(lived(...registered, answered, { kind: "poll", seconds: 10 }).effects).toEqual([
      { kind: "wait", ms: 10_000, jitter: 0.1 },
    ]);
  });
});

test("every event in every state is decided, and none but a stop ends a life", () => {
  const lives: NodeLife[] = [
    nodeLifeOff,
    { kind: "registering", failures: 0, isOutdated: false },
    { kind: "backing-off", failures: 3 },
    { kind: "registered", pollMs: 60_000, missed: 0, isBeating: true, beatsAgain: false },
  ];
  const events: NodeLifeEvent[] = [
    { kind: "start" },
    { kind: "registered", pollSeconds: 1 },
    { kind: "not-registered" },
    due,
    { kind: "beat-wanted" },
    answered,
    missed,
    { kind: "forgotten" },
    { kind: "changed" },
    { kind: "poll", seconds: 5 },
  ];
  for (const life of lives) {
    for (const event of events) {
      const { state } = nodeLife(life, event);
      expect(state.kind === "off").toBe(life.kind === "off" && event.kind !== "start");
    }
    expect(nodeLife(life, { kind: "stop" }).state).toEqual(nodeLifeOff);
  }
});
