import { describe, expect, it } from "vitest";
import { type Asks, ageAsks, answerDeadlineMs, ask, cutOff, dismiss, doneShownMs, takeAck } from "./asked-commands.ts";

const asked = (expected: readonly string[] = ["a"], isConnected = true): Asks =>
  ask({}, { id: "1", control: "relay", expected, at: 0, wanted: true }, isConnected);
const state = (asks: Asks) => asks["relay"]?.state;

describe("something asked for", () => {
  it("is unsent where there is no connection, and stays so", () => {
    const unsent = asked(["a"], false);
    expect(state(unsent)).toBe("unsent");
    expect(state(ageAsks(takeAck(unsent, { id: "1", node: "a", outcome: "done" }), answerDeadlineMs * 2))).toBe(
      "unsent",
    );
  });

  it("is refused by one pack's no, with its reason", () => {
    const asks = takeAck(asked(), { id: "1", node: "a", outcome: "refused", result: "busy", reason: "it is busy" });
    expect(asks["relay"]).toMatchObject({
      state: "refused",
      answers: [{ from: "a", result: "busy", reason: "it is busy" }],
    });
  });

  it("is refused where it reached no pack at all, which one answer says", () => {
    expect(state(takeAck(asked(["a", "b"]), { id: "1", outcome: "invalid", reason: "x" }))).toBe("refused");
  });

  it("waits for every pack, and counts an answer once", () => {
    let asks = takeAck(asked(["a", "b"]), { id: "1", node: "a", outcome: "done" });
    asks = takeAck(asks, { id: "1", node: "a", outcome: "done" });
    expect(state(asks)).toBe("waiting");
    expect(asks["relay"]?.answers).toHaveLength(1);
    expect(state(takeAck(asks, { id: "1", node: "b", outcome: "done" }))).toBe("done");
    expect(state(takeAck(asks, { id: "1", node: "b", outcome: "silent" }))).toBe("refused");
  });

  it("isn't answered by somebody else's acknowledgement", () => {
    const asks = asked();
    expect(takeAck(asks, { id: "2", node: "a", outcome: "refused" })).toBe(asks);
    expect(takeAck(asks, { node: "a", outcome: "refused" })).toBe(asks);
  });

  it("is unanswered after its deadline, and refused where the answers that came say no", () => {
    expect(state(ageAsks(asked(), answerDeadlineMs))).toBe("waiting");
    expect(state(ageAsks(asked(), answerDeadlineMs + 1))).toBe("unanswered");
    const half = takeAck(asked(["a", "b"]), { id: "1", node: "a", outcome: "refused" });
    expect(state(ageAsks(half, answerDeadlineMs + 1))).toBe("refused");
  });

  it("takes an answer that comes late, after the deadline or on the next connection", () => {
    const ack = { id: "1", node: "a", outcome: "done" } as const;
    expect(state(takeAck(ageAsks(asked(), answerDeadlineMs + 1), ack))).toBe("done");
    expect(state(cutOff(asked()))).toBe("cut-off");
    expect(state(takeAck(cutOff(asked()), ack))).toBe("done");
  });

  it("is put away by itself when it was done; a no stays until somebody read it", () => {
    const late = answerDeadlineMs + doneShownMs + 1;
    expect(ageAsks(takeAck(asked(), { id: "1", node: "a", outcome: "done" }), late)).toEqual({});
    const refused = takeAck(asked(), { id: "1", node: "a", outcome: "refused" });
    expect(state(ageAsks(refused, late * 10))).toBe("refused");
    expect(dismiss(refused, "relay")).toEqual({});
  });

  it("gives way to what is asked for next at the same control", () => {
    const again = ask(asked(), { id: "2", control: "relay", expected: ["a"], at: 5 }, true);
    expect(again["relay"]).toMatchObject({ id: "2", answers: [] });
  });
});
