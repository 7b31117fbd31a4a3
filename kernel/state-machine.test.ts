import { expect, test, vi } from "vitest";
import { StateMachine, type Transition } from "./state-machine.ts";

type State = "closed" | "open";
type Event = { kind: "push" } | { kind: "opened" } | { kind: "bug" };
type Effect = { kind: "move" } | { kind: "fail" } | { kind: "ring" };

const transition: Transition<State, Event, Effect> = (state, event) => {
  if (event.kind === "bug") throw new Error("undecided pair");
  if (event.kind === "opened") return { state: "open", effects: [{ kind: "ring" }] };
  return { state, effects: [{ kind: "fail" }, { kind: "move" }, { kind: "ring" }] };
};

function machine(maxQueued = 8) {
  const done: string[] = [];
  const failed = vi.fn();
  const door = new StateMachine<State, Event, Effect>({
    transition,
    initial: "closed",
    failed,
    maxQueued,
    perform(effect, dispatch) {
      done.push(`${effect.kind} while ${door.state}`);
      if (effect.kind === "fail") throw new Error("stuck");
      if (effect.kind === "move") dispatch({ kind: "opened" });
    },
  });
  return { door, done, failed };
}

test("an effect that throws is reported and doesn't stop those after it", () => {
  const { door, failed, done } = machine();
  door.dispatch({ kind: "push" });
  expect(failed).toHaveBeenCalledOnce();
  expect(done).toContain("move while closed");
});

test("an event from an effect waits until the effects before it are done", () => {
  const { door, done } = machine();
  door.dispatch({ kind: "push" });
  expect(done).toEqual(["fail while closed", "move while closed", "ring while closed", "ring while open"]);
  expect(door.state).toBe("open");
});

test("a transition that throws reaches the caller, and the machine goes on from where it was", () => {
  const { door } = machine();
  expect(() => door.dispatch({ kind: "bug" })).toThrow("undecided pair");
  door.dispatch({ kind: "push" });
  expect(door.state).toBe("open");
});

test("a machine that feeds itself is stopped at its limit", () => {
  const failed = vi.fn();
  const flooding = new StateMachine<number, "go", "flood">({
    transition: (state) => ({ state: state + 1, effects: ["flood"] }),
    initial: 0,
    failed,
    maxQueued: 4,
    perform(_effect, dispatch) {
      if (flooding.state === 1) for (let i = 0; i < 10; i++) dispatch("go");
    },
  });
  flooding.dispatch("go");
  expect(failed).toHaveBeenCalledWith(expect.any(RangeError), "flood");
  expect(flooding.state).toBe(5);
});
