import { expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { ApiError } from "./api-error.ts";
import { SignIn } from "./sign-in.ts";

const admin = { kind: "operator", id: "admin" } as const;

function made(): { signIn: SignIn; clock: VirtualClock } {
  const clock = new VirtualClock();
  const tokens = { holder: (token: string) => (token === "right" ? { id: "admin" } : undefined) };
  return { clock, signIn: new SignIn({ tokens, clock, entropy: seededEntropy(1) }) };
}

function codeOf(ask: () => unknown): string {
  try {
    ask();
    return "admitted";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

test("after ten wrong tokens an address is refused the right one too, until time has passed; others aren't", async () => {
  const { signIn, clock } = made();
  for (let i = 0; i < 10; i++) expect(codeOf(() => signIn.byToken("wrong", "a"))).toBe("wrong-token");
  expect(codeOf(() => signIn.byToken("right", "a"))).toBe("too-many-failures");
  expect(codeOf(() => signIn.byCode("wrong", "a"))).toBe("too-many-failures");
  expect(codeOf(() => signIn.byToken("right", "b"))).toBe("admitted");
  await clock.advance(6_000);
  expect(codeOf(() => signIn.byToken("right", "a"))).toBe("admitted");
});

test("many addresses together are bounded too", () => {
  const { signIn } = made();
  for (let i = 0; i < 200; i++) expect(codeOf(() => signIn.byToken("wrong", `a${i}`))).toBe("wrong-token");
  expect(codeOf(() => signIn.byToken("right", "fresh"))).toBe("too-many-failures");
});

test("a code is good once, for 15 minutes, and sixteen at a time", async () => {
  const { signIn, clock } = made();
  const code = signIn.code(admin);
  expect(signIn.byCode(code, "a")).toEqual(admin);
  expect(codeOf(() => signIn.byCode(code, "a"))).toBe("wrong-code");
  const late = signIn.code(admin);
  await clock.advance(15 * 60_000 + 1);
  expect(codeOf(() => signIn.byCode(late, "b"))).toBe("wrong-code");
  const codes = Array.from({ length: 17 }, () => signIn.code(admin));
  expect(codes.map((each) => codeOf(() => signIn.byCode(each, each)))).toEqual([
    "wrong-code",
    ...Array(16).fill("admitted"),
  ]);
});

test("a session ends by signing out, by 12 hours of disuse, after a week, or when too many newer ones are used", async () => {
  const { signIn, clock } = made();
  const hourMs = 3_600_000;
  expect(signIn.bySession("made up")).toBeUndefined();
  const out = signIn.begin(admin);
  signIn.end(out);
  expect(signIn.bySession(out)).toBeUndefined();
  const idle = signIn.begin(admin);
  const used = signIn.begin(admin);
  for (let hours = 0; hours < 7 * 24; hours += 8) {
    expect(signIn.bySession(used)).toEqual(admin);
    await clock.advance(8 * hourMs);
  }
  expect(signIn.bySession(idle)).toBeUndefined();
  await clock.advance(1);
  expect(signIn.bySession(used)).toBeUndefined();
  const first = signIn.begin(admin);
  await clock.advance(1);
  const others = Array.from({ length: 256 }, () => signIn.begin(admin));
  expect(signIn.bySession(first)).toBeUndefined();
  expect(others.every((each) => signIn.bySession(each) !== undefined)).toBe(true);
});
