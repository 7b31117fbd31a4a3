import { expect, test } from "vitest";
import { Lifecycle, type Part } from "./lifecycle.ts";
import { silentLog } from "./log.ts";
import { VirtualClock } from "./virtual-clock.ts";

type Behaviour = "works" | "throws" | "rejects" | "hangs";

function harness(stopDeadlineMs = 1000) {
  const clock = new VirtualClock();
  const happened: string[] = [];
  const lifecycle = new Lifecycle({ clock, log: silentLog, stopDeadlineMs });
  const behave = (what: string, behaviour: Behaviour): Promise<void> => {
    happened.push(what);
    if (behaviour === "throws") throw new Error(`${what} threw`);
    if (behaviour === "rejects") return Promise.reject(new Error(`${what} rejected`));
    if (behaviour === "hangs") return new Promise(() => {});
    return Promise.resolve();
  };
  const part = (name: string, start: Behaviour = "works", stop: Behaviour = "works"): Part => ({
    name,
    start: () => behave(`start ${name}`, start),
    stop: () => behave(`stop ${name}`, stop),
  });
  return { clock, happened, lifecycle, part };
}

test.each(["throws", "rejects"] as const)(
  "when a part's start %s, those before it are stopped in reverse",
  async (how) => {
    const { happened, lifecycle, part } = harness();
    await expect(lifecycle.start([part("a"), part("b"), part("c", how), part("d")])).rejects.toMatchObject({
      code: "lifecycle.start-failed",
      data: { part: "c" },
    });
    expect(happened).toEqual(["start a", "start b", "start c", "stop b", "stop a"]);
  },
);

test("a stop reaches its end whatever parts do, and says what went wrong", async () => {
  const { clock, happened, lifecycle, part } = harness();
  await lifecycle.start([
    part("a"),
    part("b", "works", "throws"),
    part("c", "works", "hangs"),
    part("d", "works", "rejects"),
  ]);
  const stopping = lifecycle.stop();
  await clock.advance(1000);
  const faults = await stopping;
  expect(faults.map((fault) => [fault.code, fault.data["part"]])).toEqual([
    ["lifecycle.stop-failed", "d"],
    ["lifecycle.stop-timed-out", "c"],
    ["lifecycle.stop-failed", "b"],
  ]);
  expect(happened.slice(4)).toEqual(["stop d", "stop c", "stop b", "stop a"]);
  expect(clock.nextDueMs()).toBeUndefined();
});

test("stopping twice stops once", async () => {
  const { happened, lifecycle, part } = harness();
  await lifecycle.start([part("a")]);
  const [first, second] = [lifecycle.stop(), lifecycle.stop()];
  expect(await first).toBe(await second);
  expect(happened).toEqual(["start a", "stop a"]);
});

test("a stop during a start interrupts it and stops what had started", async () => {
  const { happened, lifecycle, part } = harness();
  let letGo = (): void => {};
  const slow: Part = {
    name: "slow",
    start: () => new Promise<void>((resolve) => (letGo = resolve)),
    stop: () => void happened.push("stop slow"),
  };
  const starting = lifecycle.start([part("a"), slow, part("never")]);
  const refused = expect(starting).rejects.toMatchObject({ code: "lifecycle.start-interrupted" });
  await Promise.resolve();
  await Promise.resolve();
  const stopping = lifecycle.stop();
  letGo();
  expect(await stopping).toEqual([]);
  await refused;
  expect(happened).toEqual(["start a", "stop slow", "stop a"]);
});

test("a stop doesn't wait for ever for a part whose start hangs", async () => {
  const { clock, happened, lifecycle, part } = harness();
  void lifecycle.start([part("a"), part("b", "hangs")]).catch(() => {});
  await clock.settle();
  const stopping = lifecycle.stop();
  await clock.advance(1000);
  expect((await stopping).map((fault) => fault.code)).toEqual(["lifecycle.stop-timed-out"]);
  expect(happened).toEqual(["start a", "start b", "stop a"]);
});

test("starts once", async () => {
  const { lifecycle, part } = harness();
  await lifecycle.start([part("a")]);
  await expect(lifecycle.start([part("a")])).rejects.toMatchObject({ code: "lifecycle.started-twice" });
  await lifecycle.stop();
  await expect(lifecycle.start([part("a")])).rejects.toMatchObject({ code: "lifecycle.started-twice" });
});
