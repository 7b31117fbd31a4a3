import { expect, test } from "vitest";
import type { CreatedClaim } from "../../manager/app/api/enrolments.ts";
import { AppHarness, operator } from "./app-harness.ts";

const hourMs = 3_600_000;

async function claim(h: AppHarness, node: string): Promise<CreatedClaim> {
  const made = await h.wait(h.app.enrolments.createClaim(node, hourMs, operator));
  if (made === "full") throw new Error(made);
  return made;
}
const enrol = (h: AppHarness, id: string) => h.wait(h.app.enrolments.enrol(id, "192.0.2.9"));
const stored = async (h: AppHarness, id: string) => (await h.wait(h.storage.get("claim", id)))?.value as object;

test("whichever commit of an enrolment fails, the next try gives one credential that is good", async () => {
  for (const failing of [0, 1, 2]) {
    let count = Number.NaN;
    const h = await new AppHarness({ failsCommit: () => count++ === failing }).start();
    const { claim: id } = await claim(h, "porch");
    count = 0;
    const first = await enrol(h, id).catch(() => undefined);
    expect(first === undefined, `commit ${failing}`).toBe(failing < 2);
    count = Number.NaN;
    // As after a crash: nothing of it is in memory.
    const after = await h.crash();
    const second = await enrol(after, id);
    if (second.kind !== "enrolled") throw new Error(second.kind);
    expect(after.app.credentials.keyring.find(second.kid)?.node).toBe("porch");
    const good = (await after.wait(after.app.credentials.list("porch"))).filter(({ state }) => state !== "revoked");
    expect(good).toHaveLength(1);
  }
});

test("used and expired codes lose their secrets by themselves, and their contexts are told of", async () => {
  const h = await new AppHarness().start();
  const [used, late] = [await claim(h, "a"), await claim(h, "b")];
  const ended: string[] = [];
  h.app.enrolments.keyring.onRevoked((kid) => ended.push(kid));
  const outcome = await enrol(h, used.claim);
  if (outcome.kind !== "enrolled") throw new Error(outcome.kind);
  expect(await stored(h, used.claim)).toHaveProperty("sealed");
  h.app.credentials.keyring.used(outcome.kid);
  await h.settle(11_000);
  expect(ended).toEqual([used.claim]);
  expect(await stored(h, used.claim)).toMatchObject({ end: "used" });
  expect(await stored(h, used.claim)).not.toHaveProperty("sealed");
  expect(h.app.enrolments.keyring.find(late.claim)).toBeDefined();
  await h.settle(hourMs);
  expect(h.app.enrolments.keyring.find(late.claim)).toBeUndefined();
  expect(await enrol(h, late.claim)).toEqual({ kind: "ended" });
  expect(ended).toEqual([used.claim, late.claim]);
  expect(await stored(h, late.claim)).not.toHaveProperty("sealed");
});

test("no room for another code is said; those whose time is over make room", async () => {
  const h = await new AppHarness({ limits: { claims: 1 } }).start();
  const { claim: id } = await claim(h, "a");
  expect(await h.wait(h.app.enrolments.createClaim("b", hourMs, operator))).toBe("full");
  await h.settle(hourMs + 1000);
  await claim(h, "b");
  expect(h.app.enrolments.claims().map(({ node }) => node)).toEqual(["b"]);
  expect(await stored(h, id)).toBeUndefined();
});
