import { expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import type { Principal } from "../../domain/authoriser.ts";
import { ApiError } from "./api-error.ts";
import { SignIn } from "./sign-in.ts";

const ann: Principal = { id: "ann", role: "operator", scopes: [["site:harbour"]] };

function made(): { signIn: SignIn; clock: VirtualClock; accounts: Map<string, Principal>; asked: string[] } {
  const clock = new VirtualClock();
  const accounts = new Map([["ann", ann]]);
  const asked: string[] = [];
  const tokens = { holder: (token: string) => (token === "machine" ? { id: "admin" } : undefined) };
  const operators = {
    principal: (name: string) => accounts.get(name),
    tokenHolder: (token: string) => (token === "api" ? { id: "1", principal: ann } : undefined),
    hasPassword: () => true,
    checkPassword: async (name: string, password: string) => {
      asked.push(name);
      return name === "ann" && password === "correct horse";
    },
  };
  return {
    clock,
    accounts,
    asked,
    signIn: new SignIn({ tokens, clock, entropy: seededEntropy(1), operators: () => operators }),
  };
}

function codeOf(ask: () => unknown): string {
  try {
    ask();
    return "admitted";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

async function passwordAnswer(signIn: SignIn, password: string, address: string, name = "ann"): Promise<string> {
  try {
    await signIn.byPassword(name, password, address);
    return "admitted";
  } catch (error) {
    return error instanceof ApiError ? error.code : String(error);
  }
}

test("after ten wrong passwords an address is refused the right one too, unseen, until time has passed; others aren't", async () => {
  const { signIn, clock, asked } = made();
  for (let i = 0; i < 10; i++) expect(await passwordAnswer(signIn, "wrong", "a")).toBe("wrong-password");
  expect(await passwordAnswer(signIn, "correct horse", "a")).toBe("too-many-failures");
  expect(asked).toHaveLength(10);
  expect(codeOf(() => signIn.byCode("wrong", "a"))).toBe("too-many-failures");
  expect(codeOf(() => signIn.byToken("wrong", "a"))).toBe("too-many-failures");
  expect(await passwordAnswer(signIn, "correct horse", "b")).toBe("admitted");
  await clock.advance(6_000);
  expect(await passwordAnswer(signIn, "correct horse", "a")).toBe("admitted");
});

test("a hundred at once are counted before the first is looked at", async () => {
  const { signIn, asked } = made();
  const answers = await Promise.all(Array.from({ length: 100 }, () => passwordAnswer(signIn, "wrong", "a")));
  expect(answers.filter((each) => each === "wrong-password")).toHaveLength(10);
  expect(asked).toHaveLength(10);
});

test("strangers with many addresses are bounded together, and shut out nobody who signed in from his address before", async () => {
  const { signIn } = made();
  expect(await passwordAnswer(signIn, "correct horse", "home")).toBe("admitted");
  for (let i = 0; i < 200; i++) expect(await passwordAnswer(signIn, "wrong", `a${i}`)).toBe("wrong-password");
  expect(await passwordAnswer(signIn, "correct horse", "fresh")).toBe("too-many-failures");
  expect(await passwordAnswer(signIn, "correct horse", "home")).toBe("admitted");
});

test("a right token or code is let in however many wrong ones came before: there is nothing to guess", () => {
  const { signIn } = made();
  for (let i = 0; i < 10; i++) expect(codeOf(() => signIn.byToken("wrong", "a"))).toBe("wrong-token");
  expect(codeOf(() => signIn.byToken("wrong", "a"))).toBe("too-many-failures");
  expect(signIn.byToken("machine", "a")).toEqual({
    way: "machine",
    principal: { id: "admin", role: "admin", scopes: [] },
  });
  expect(signIn.byToken("api", "a")).toEqual({ way: "token", principal: ann });
  expect(signIn.byCode(signIn.code("ann"), "a").operator).toBe("ann");
});

test("right passwords one after another use nothing up", async () => {
  const { signIn } = made();
  for (let i = 0; i < 50; i++) expect(await passwordAnswer(signIn, "correct horse", "a")).toBe("admitted");
});

test("a code is good once, for 15 minutes, four at a time, and not for an operator who was removed", async () => {
  const { signIn, clock } = made();
  const code = signIn.code("ann");
  expect(signIn.byCode(code, "a").operator).toBe("ann");
  expect(codeOf(() => signIn.byCode(code, "a"))).toBe("wrong-code");
  const late = signIn.code("ann");
  await clock.advance(15 * 60_000 + 1);
  expect(codeOf(() => signIn.byCode(late, "b"))).toBe("wrong-code");
  const others = signIn.code("bob");
  const codes = Array.from({ length: 70 }, () => signIn.code("ann"));
  expect(codes.map((each) => codeOf(() => signIn.byCode(each, each)))).toEqual([
    ...Array(66).fill("wrong-code"),
    ...Array(4).fill("admitted"),
  ]);
  expect(signIn.byCode(others, "d").operator).toBe("bob");
  const forgotten = signIn.code("ann");
  signIn.forgetCodes("ann");
  expect(codeOf(() => signIn.byCode(forgotten, "c"))).toBe("wrong-code");
});

test("a session is worth what its operator is now, and nothing once he is gone", () => {
  const { signIn, accounts } = made();
  const session = signIn.sessions.begin("ann", "password", "a");
  expect(signIn.bySession(session)?.principal).toBe(ann);
  accounts.set("ann", { ...ann, role: "viewer" });
  expect(signIn.bySession(session)?.principal.role).toBe("viewer");
  expect(signIn.peekSession(session)?.principal.role).toBe("viewer");
  accounts.delete("ann");
  expect(signIn.bySession(session)).toBeUndefined();
});
