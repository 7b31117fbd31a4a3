import { expect, test } from "vitest";
import { permissionOf } from "../../manager/domain/permissions.ts";
import { AppHarness } from "./app-harness.ts";

const by = { kind: "operator", id: "test", from: "192.0.2.9" } as const;
const dayMs = 86_400_000;

async function withAnn(options: ConstructorParameters<typeof AppHarness>[0] = {}): Promise<AppHarness> {
  const h = await new AppHarness(options).start();
  expect(await h.wait(h.app.operators.add("ann", "operator", ["site:harbour"], by))).toBe("added");
  return h;
}

/** A hash takes real time on another thread, which virtual time doesn't wait for. */
async function slowly<Result>(h: AppHarness, work: Promise<Result>): Promise<Result> {
  let isSettled = false;
  const settled = work.finally(() => {
    isSettled = true;
  });
  while (!isSettled) {
    await new Promise(setImmediate);
    await h.clock.advance(1);
  }
  return await settled;
}

const wish = { operator: "ann", label: "", role: "viewer", scope: [], days: 1 } as const;

test("an account, its token and a node's labels outlive a crash right after the answer; passwords and tokens aren't in storage", async () => {
  const h = await withAnn();
  expect(await slowly(h, h.app.operators.setPassword("ann", "correct horse", by))).toBe("set");
  const made = await h.wait(h.app.operators.createToken(wish, by));
  if (typeof made === "string") throw new Error(made);
  expect(await h.wait(h.app.labels.set("crane", { site: "harbour", tags: ["a"] }, by))).toBe("set");
  const again = await h.crash();
  expect(again.app.operators.principal("ann")).toEqual({ id: "ann", role: "operator", scopes: [["site:harbour"]] });
  expect(again.app.operators.tokenHolder(made.token)?.principal.role).toBe("viewer");
  expect(again.app.labels.of("crane")).toEqual({ site: "harbour", tags: ["a"] });
  expect(await slowly(again, again.app.operators.checkPassword("ann", "correct horse"))).toBe(true);
  const stored =
    JSON.stringify(await again.wait(again.storage.list("operator"))) +
    JSON.stringify(await again.wait(again.storage.list("operator-token")));
  expect(stored).not.toContain(made.token.slice(-64));
  expect(stored).not.toContain("correct horse");
});

test("a token is nobody's from its last moment on", async () => {
  const h = await withAnn();
  const made = await h.wait(h.app.operators.createToken(wish, by));
  if (typeof made === "string") throw new Error(made);
  await h.clock.advance(made.expiresAtMs - h.clock.wallMs() - 1);
  expect(h.app.operators.tokenHolder(made.token)).toBeDefined();
  await h.clock.advance(1);
  expect(h.app.operators.tokenHolder(made.token)).toBeUndefined();
  expect(h.app.operators.tokens()).toMatchObject([{ id: made.id, isExpired: true }]);
  expect(made.expiresAtMs).toBeLessThanOrEqual(h.clock.wallMs() + dayMs);
});

test("what storage refuses didn't happen: no account, no token, no label, and none is gone", async () => {
  let isBroken = false;
  const h = await withAnn({ failsCommit: () => isBroken });
  const made = await h.wait(h.app.operators.createToken(wish, by));
  if (typeof made === "string") throw new Error(made);
  isBroken = true;
  await expect(h.wait(h.app.operators.add("bob", "admin", [], by))).rejects.toThrow();
  await expect(h.wait(h.app.operators.change("ann", "admin", [], by))).rejects.toThrow();
  await expect(h.wait(h.app.operators.remove("ann", by))).rejects.toThrow();
  await expect(h.wait(h.app.operators.revokeToken(made.id, by))).rejects.toThrow();
  await expect(h.wait(h.app.operators.createToken(wish, by))).rejects.toThrow();
  await expect(h.wait(h.app.labels.set("crane", { site: "pier", tags: [] }, by))).rejects.toThrow();
  isBroken = false;
  expect(h.app.operators.list()).toMatchObject([{ name: "ann", role: "operator" }]);
  expect(h.app.operators.tokens()).toHaveLength(1);
  expect(h.app.operators.tokenHolder(made.token)).toBeDefined();
  expect(h.app.labels.of("crane")).toEqual({ tags: [] });
});

test("an empty manager gets one admin, and only then", async () => {
  const h = await new AppHarness().start();
  await h.wait(h.app.operators.ensureFirst());
  await h.wait(h.app.operators.ensureFirst());
  expect(h.app.operators.list()).toMatchObject([{ name: "admin", role: "admin", scope: [], hasPassword: false }]);
  expect(await slowly(h, h.app.operators.checkPassword("admin", ""))).toBe(false);
  const again = await h.crash();
  await again.wait(again.app.operators.ensureFirst());
  expect(again.app.operators.list()).toHaveLength(1);
});

test("of two who remove each other at once one stays an admin", async () => {
  const h = await new AppHarness().start();
  await h.wait(h.app.operators.add("one", "admin", [], by));
  await h.wait(h.app.operators.add("two", "admin", [], by));
  const outcomes = await h.wait(Promise.all([h.app.operators.remove("one", by), h.app.operators.remove("two", by)]));
  expect(outcomes).toEqual(["removed", "last-admin"]);
});

test("limits: an operator, a token, a labelled node too many is refused, and what is there goes on", async () => {
  const h = await withAnn({ limits: { operators: 1, operatorTokens: 1, nodes: 1 } });
  expect(await h.wait(h.app.operators.add("bob", "viewer", [], by))).toBe("full");
  expect(await h.wait(h.app.operators.createToken(wish, by))).toMatchObject({ id: expect.any(String) });
  expect(await h.wait(h.app.operators.createToken(wish, by))).toBe("full");
  expect(await h.wait(h.app.labels.set("a", { tags: ["x"] }, by))).toBe("set");
  expect(await h.wait(h.app.labels.set("b", { tags: ["x"] }, by))).toBe("full");
  expect(await h.wait(h.app.labels.set("a", { tags: ["y"] }, by))).toBe("set");
});

test("one operator takes as many tokens as one may have and nobody else's; those that expired make room", async () => {
  const h = await withAnn({ limits: { tokensPerOperator: 3 } });
  await h.wait(h.app.operators.add("bob", "viewer", [], by));
  for (let i = 0; i < 3; i++)
    expect(await h.wait(h.app.operators.createToken(wish, by))).toMatchObject({ token: expect.any(String) });
  expect(await h.wait(h.app.operators.createToken(wish, by))).toBe("full-for-operator");
  expect(await h.wait(h.app.operators.createToken({ ...wish, operator: "bob" }, by))).toMatchObject({
    id: expect.any(String),
  });
  await h.clock.advance(dayMs);
  expect(await h.wait(h.app.operators.createToken(wish, by))).toMatchObject({ id: expect.any(String) });
  expect(h.app.operators.tokens("ann")).toHaveLength(1);
  expect((await h.crash()).app.operators.tokens("ann")).toHaveLength(1);
});

test("an operator goes with however many tokens he has: a commit is bounded, and he can't make himself too large for it", async () => {
  const h = await withAnn({ limits: { tokensPerOperator: 2000 } });
  for (let i = 0; i < 1100; i++) await h.wait(h.app.operators.createToken(wish, by));
  expect(await h.wait(h.app.operators.remove("ann", by))).toBe("removed");
  expect(h.app.operators.tokens()).toEqual([]);
  const again = await h.crash();
  expect([again.app.operators.list(), again.app.operators.tokens()]).toEqual([[], []]);
});

test("a node that leaves by itself keeps its labels, so it doesn't leave its operator's scope; one that an operator removed doesn't", async () => {
  const h = await withAnn();
  await h.register("crane");
  await h.wait(h.app.labels.set("crane", { site: "harbour", tags: [] }, by));
  await h.wait(h.app.registry.remove("crane", { kind: "node", id: "crane" }));
  expect(h.app.labels.of("crane").site).toBe("harbour");
  await h.register("crane");
  await h.wait(h.app.registry.remove("crane", by));
  expect(h.app.labels.of("crane").site).toBeUndefined();
});

test("a child is in the scope of its gateway's site", async () => {
  const h = await withAnn();
  await h.register("gw");
  await h.register("gw.0a", { parent: "gw" as never }, { gateway: "gw" });
  await h.wait(h.app.labels.set("gw", { site: "harbour", tags: [] }, by));
  const ann = h.app.operators.principal("ann");
  if (ann === undefined) throw new Error("no ann");
  const steer = permissionOf("node.steer");
  expect(h.app.authoriser.operator(ann, steer, "gw.0a")).toBe("allowed");
  expect(h.app.authoriser.operator(ann, steer, "gw.0b")).toBe("scope");
});

test("an operator's key for CoAP outlives a crash, is one at a time, and goes with him; its numbers are never taken twice", async () => {
  const h = await withAnn();
  const { operators } = h.app;
  expect(await h.wait(operators.issueKey("bob", by))).toBe("unknown");
  expect(await h.wait(operators.revokeKey("ann", by))).toBe("none");
  const first = await h.wait(operators.issueKey("ann", by));
  const second = await h.wait(operators.issueKey("ann", by));
  if (first === "unknown" || second === "unknown") throw new Error("no key");
  expect(operators.keyring.find(first.kid)).toBeUndefined();
  expect(operators.keyring.find(second.kid)).toMatchObject({ operator: "ann", isFresh: true, secrets: second.secrets });
  expect(await h.wait(operators.keyring.lease(second.kid, 100))).toBe(0);
  await h.clock.advance(10_000);
  const again = await h.crash();
  const { operators: later } = again.app;
  expect(later.keyring.find(second.kid)).toMatchObject({ operator: "ann", isFresh: false, secrets: second.secrets });
  // Above what a database that is older than this one may not know of.
  expect(await again.wait(later.keyring.lease(second.kid, 100))).toBeGreaterThanOrEqual(640);
  const gone: string[] = [];
  later.keyring.onRevoked((kid) => gone.push(kid));
  expect(await again.wait(later.remove("ann", by))).toBe("removed");
  expect(gone).toEqual([second.kid]);
  expect(later.keyring.find(second.kid)).toBeUndefined();
  expect(await again.wait(later.keyring.lease(second.kid, 1))).toBeUndefined();
});

test("a key that storage refuses isn't given out, and the one before stays good", async () => {
  let isBroken = false;
  const h = await withAnn({ failsCommit: () => isBroken });
  const key = await h.wait(h.app.operators.issueKey("ann", by));
  if (key === "unknown") throw new Error("no key");
  isBroken = true;
  await expect(h.wait(h.app.operators.issueKey("ann", by))).rejects.toThrow();
  await expect(h.wait(h.app.operators.revokeKey("ann", by))).rejects.toThrow();
  expect(h.app.operators.keyring.find(key.kid)).toBeDefined();
  expect(h.app.operators.list()).toMatchObject([{ name: "ann", hasKey: true }]);
});
