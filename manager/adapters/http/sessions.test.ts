import { expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { csrfTokenOf, isCsrfToken, Sessions } from "./sessions.ts";

const hourMs = 3_600_000;

function made(): { sessions: Sessions; clock: VirtualClock; ends: () => number } {
  const clock = new VirtualClock();
  let count = 0;
  const ended = (): void => {
    count++;
  };
  return { clock, ends: () => count, sessions: new Sessions({ clock, entropy: seededEntropy(1), ended }) };
}

test("a session ends by signing out, by 12 hours of disuse, or after a week", async () => {
  const { sessions, clock, ends } = made();
  expect(sessions.use("made up")).toBeUndefined();
  const out = sessions.begin("ann", "password", "a");
  sessions.end(out);
  expect(ends()).toBe(1);
  expect(sessions.use(out)).toBeUndefined();
  const idle = sessions.begin("ann", "password", "a");
  const used = sessions.begin("ann", "password", "a");
  const looked = sessions.begin("ann", "password", "a");
  for (let hours = 0; hours < 7 * 24; hours += 8) {
    expect(sessions.use(used)).toMatchObject({ operator: "ann", way: "password", address: "a" });
    await clock.advance(8 * hourMs);
    if (hours === 0) expect(sessions.find(looked)).toBeDefined();
  }
  expect(sessions.use(idle)).toBeUndefined();
  expect(sessions.find(looked)).toBeUndefined();
  await clock.advance(1);
  expect(sessions.use(used)).toBeUndefined();
  expect(sessions.list()).toEqual([]);
});

test("one operator has 32 at most, and signs nobody else out with more", async () => {
  const { sessions, clock } = made();
  const other = sessions.begin("bob", "link", "b");
  await clock.advance(1);
  const first = sessions.begin("ann", "password", "a");
  await clock.advance(1);
  const more = Array.from({ length: 32 }, () => sessions.begin("ann", "password", "a"));
  expect(sessions.use(first)).toBeUndefined();
  expect(more.every((each) => sessions.use(each) !== undefined)).toBe(true);
  expect(sessions.use(other)).toBeDefined();
  expect(sessions.list("ann")).toHaveLength(32);
  expect(sessions.list()).toHaveLength(33);
});

test("lists say where each came from and how long it wasn't used, and nothing that opens it", async () => {
  const { sessions, clock } = made();
  const secret = sessions.begin("ann", "link", "192.0.2.1");
  await clock.advance(90_000);
  const [view] = sessions.list();
  expect(view).toMatchObject({ operator: "ann", way: "link", address: "192.0.2.1", idleSeconds: 90 });
  expect(JSON.stringify(view)).not.toContain(secret);
  expect(sessions.use(view?.id ?? "")).toBeUndefined();
  expect(sessions.endEach(({ id }) => id === view?.id)).toMatchObject([{ operator: "ann" }]);
  expect(sessions.use(secret)).toBeUndefined();
});

test("a CSRF token belongs to one session, and doesn't tell its secret", () => {
  const { sessions } = made();
  const [one, other] = [sessions.begin("ann", "link", "a"), sessions.begin("ann", "link", "a")];
  expect(isCsrfToken(csrfTokenOf(one), one)).toBe(true);
  for (const wrong of [csrfTokenOf(other), undefined, "", one, `${csrfTokenOf(one)}0`]) {
    expect(isCsrfToken(wrong, one)).toBe(false);
  }
});
