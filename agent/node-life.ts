import type { Next } from "../kernel/state-machine.ts";
import { agentTimes } from "./agent-limits.ts";

/**
 * Registration and heartbeats of one node.
 *
 *     off --start--> registering --registered--> registered --three beats missed--> registering
 *                        ^  |                        |
 *                        |  failed                   4.04
 *                       due v                        |
 *                     backing-off <------------------+
 */
export type NodeLife =
  | { readonly kind: "off" }
  /** `isOutdated`: what it says changed since it was sent. */
  | { readonly kind: "registering"; readonly failures: number; readonly isOutdated: boolean }
  | { readonly kind: "backing-off"; readonly failures: number }
  | {
      readonly kind: "registered";
      readonly pollMs: number;
      readonly missed: number;
      readonly isBeating: boolean;
      /** Something to say came up while a heartbeat was under way. */
      readonly beatsAgain: boolean;
    };

export type NodeLifeEvent =
  | { readonly kind: "start" }
  | { readonly kind: "stop" }
  | { readonly kind: "registered"; readonly pollSeconds: number }
  /** No answer, or one that says no. `afterMs`: not before, said the manager. */
  | { readonly kind: "not-registered"; readonly afterMs?: number }
  | { readonly kind: "due" }
  | { readonly kind: "beat-wanted" }
  | { readonly kind: "beat-answered"; readonly afterMs?: number }
  | { readonly kind: "beat-missed" }
  /** 4.04: the manager doesn't know the node. */
  | { readonly kind: "forgotten" }
  /** What the registration says changed. */
  | { readonly kind: "changed" }
  | { readonly kind: "poll"; readonly seconds: number };

export type NodeLifeEffect =
  | { readonly kind: "register" }
  | { readonly kind: "beat" }
  /** `jitter` is the share of the time that is random, which only shortens it. Takes the place of an earlier wait. */
  | { readonly kind: "wait"; readonly ms: number; readonly jitter: number }
  | { readonly kind: "lost" }
  /** Nothing of the old life may come back: requests and waits end. */
  | { readonly kind: "end" };

type Step = Next<NodeLife, NodeLifeEffect>;

export const nodeLifeOff: NodeLife = { kind: "off" };

export function nodeLife(life: NodeLife, event: NodeLifeEvent): Step {
  if (event.kind === "stop") return { state: nodeLifeOff, effects: life.kind === "off" ? [] : [{ kind: "end" }] };
  switch (life.kind) {
    case "off":
      return event.kind === "start" ? registering(0) : stay(life);
    case "registering":
      return whileRegistering(life, event);
    case "backing-off":
      // What changed is in the next registration anyway.
      return event.kind === "due" ? registering(life.failures) : stay(life);
    case "registered":
      return whileRegistered(life, event);
  }
}

function whileRegistering(life: NodeLife & { kind: "registering" }, event: NodeLifeEvent): Step {
  switch (event.kind) {
    case "changed":
      return stay({ ...life, isOutdated: true });
    case "registered":
      if (life.isOutdated) return registering(0);
      return beat({
        kind: "registered",
        pollMs: event.pollSeconds * 1000,
        missed: 0,
        isBeating: false,
        beatsAgain: false,
      });
    case "not-registered":
      return backingOff(life.failures, event.afterMs);
    default:
      return stay(life);
  }
}

function whileRegistered(life: NodeLife & { kind: "registered" }, event: NodeLifeEvent): Step {
  switch (event.kind) {
    case "due":
      return life.isBeating ? stay(life) : beat(life);
    case "beat-wanted":
      return life.isBeating ? stay({ ...life, beatsAgain: true }) : beat(life);
    case "beat-answered": {
      const rested = { ...life, missed: 0, isBeating: false, beatsAgain: false };
      if (life.beatsAgain) return beat(rested);
      return pause(rested, Math.max(life.pollMs, event.afterMs ?? 0));
    }
    case "beat-missed": {
      const missed = life.missed + 1;
      if (missed < agentTimes.missedBeats) return pause({ ...life, missed, isBeating: false }, life.pollMs);
      return { ...registering(0), effects: [{ kind: "lost" }, { kind: "register" }] };
    }
    case "forgotten":
      return {
        state: { kind: "backing-off", failures: 0 },
        effects: [{ kind: "wait", ms: agentTimes.forgottenMs, jitter: 1 }],
      };
    case "changed":
      return registering(0);
    case "poll": {
      const next = { ...life, pollMs: event.seconds * 1000 };
      return life.isBeating ? stay(next) : pause(next, next.pollMs);
    }
    default:
      return stay(life);
  }
}

function stay(state: NodeLife): Step {
  return { state, effects: [] };
}

function registering(failures: number): Step {
  return { state: { kind: "registering", failures, isOutdated: false }, effects: [{ kind: "register" }] };
}

function backingOff(failures: number, afterMs = 0): Step {
  const ms = Math.min(agentTimes.retryMs * 2 ** Math.min(failures, 16), agentTimes.longestRetryMs);
  return {
    state: { kind: "backing-off", failures: failures + 1 },
    effects: [{ kind: "wait", ...(afterMs > ms ? { ms: afterMs, jitter: 0 } : { ms, jitter: 0.5 }) }],
  };
}

function beat(life: NodeLife & { kind: "registered" }): Step {
  return { state: { ...life, isBeating: true, beatsAgain: false }, effects: [{ kind: "beat" }] };
}

function pause(state: NodeLife, ms: number): Step {
  return { state, effects: [{ kind: "wait", ms, jitter: agentTimes.pollJitter }] };
}
