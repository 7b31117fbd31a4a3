import { expect, it } from "vitest";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { AwayRefresh } from "./away-refresh.ts";

function world() {
  const clock = new VirtualClock();
  const state = { isUp: false, isKept: false };
  const said: string[] = [];
  const refresh = new AwayRefresh({
    clock,
    retained: () => new Map([["alfaspark/home/master", new Uint8Array(1)]]),
    isUp: () => state.isUp,
    isKept: () => state.isKept,
    say: (topic) => void said.push(topic),
  });
  refresh.start();
  return { clock, state, said, refresh };
}

it("says nothing while there is no link, and nothing after its end", () => {
  const { clock, state, said, refresh } = world();
  clock.advanceSync(60_000);
  refresh.linked();
  expect(said).toEqual([]);
  state.isUp = true;
  refresh.stop();
  clock.advanceSync(60_000);
  expect(said).toEqual([]);
});

it("says all at once when the link comes, and again now and then unless the server keeps it", () => {
  const { clock, state, said, refresh } = world();
  state.isUp = true;
  refresh.linked();
  expect(said).toHaveLength(1);
  clock.advanceSync(30_000);
  expect(said).toHaveLength(3);
  state.isKept = true;
  clock.advanceSync(60_000);
  expect(said).toHaveLength(3);
  refresh.linked();
  expect(said).toHaveLength(4);
});
