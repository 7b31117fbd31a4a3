import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestManager, testManager } from "./manager-harness.ts";

let manager: TestManager;
let machine: Record<string, string>;

async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: unknown) {
  const response = await fetch(`${manager.urls.http}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = (text.startsWith("{") ? JSON.parse(text) : {}) as Record<string, string> & { error?: { code: string } };
  return { status: response.status, json, cookie: response.headers.get("set-cookie")?.split(";")[0] ?? "" };
}

async function said(...asked: Parameters<typeof ask>): Promise<string> {
  const { status, json } = await ask(...asked);
  return json.error === undefined ? String(status) : `${status} ${json.error.code}`;
}

/** A session as the console has it. */
async function signIn(how: Record<string, string>): Promise<Record<string, string>> {
  const { status, cookie, json } = await ask("POST", "/session", {}, how);
  expect(status).toBe(200);
  return { cookie, "x-csrf-token": String(json["csrf"]), origin: manager.urls.http };
}

async function codeBy(headers: Record<string, string>, operator?: string): Promise<string> {
  const { status, json } = await ask("POST", "/sign-in-codes", headers, operator === undefined ? {} : { operator });
  expect(status).toBe(201);
  return String(json["code"]);
}

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false } });
  machine = { authorization: `Bearer ${readFileSync(join(manager.folder, "admin-token"), "utf8").trim()}` };
  for (const name of ["vera", "otto"]) expect(await said("POST", "/operators", machine, { name })).toBe("201");
});
afterAll(() => manager.end());

test("a session that is left open sets no password by a link that it makes itself, nor by one that such a session makes", async () => {
  const [password, next] = ["correct horse battery", "another horse battery"];
  expect(await said("PUT", "/password", await signIn({ code: await codeBy(machine, "vera") }), { password })).toBe(
    "204",
  );
  const open = await signIn({ name: "vera", password });
  const byOwnLink = await signIn({ code: await codeBy(open) });
  expect(await said("PUT", "/password", byOwnLink, { password: next })).toBe("401 wrong-password");
  const byItsLink = await signIn({ code: await codeBy(byOwnLink) });
  expect(await said("PUT", "/password", byItsLink, { password: next })).toBe("401 wrong-password");
  expect(await said("PUT", "/password", byItsLink, { password: next, current: password })).toBe("204");
  expect(await said("PUT", "/password", await signIn({ code: await codeBy(machine, "vera") }), { password })).toBe(
    "204",
  );
});

test("a link that a session made is gone with the session, and with the password", async () => {
  const otto = await signIn({ code: await codeBy(machine, "otto") });
  const ofEnded = await codeBy(otto);
  const { json } = await ask("GET", "/session", otto);
  expect(await said("DELETE", `/sessions/${json["session"]}`, machine)).toBe("204");
  expect(await said("POST", "/session", {}, { code: ofEnded })).toBe("401 wrong-code");
  const thief = await signIn({ code: await codeBy(machine, "otto") });
  const [owner, ofThief] = [await signIn({ code: await codeBy(machine, "otto") }), await codeBy(thief)];
  expect(await said("PUT", "/password", owner, { password: "correct horse battery" })).toBe("204");
  expect(await said("GET", "/nodes", thief)).toBe("401 not-authorised");
  expect(await said("POST", "/session", {}, { code: ofThief })).toBe("401 wrong-code");
});

test("one operator's links push out nobody else's, and his followers of the events take nobody else's place", async () => {
  const others = await codeBy(machine, "admin");
  const vera = await signIn({ code: await codeBy(machine, "vera") });
  for (let i = 0; i < 70; i++) await codeBy(vera);
  await signIn({ code: others });
  const ends = new AbortController();
  const follow = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${manager.urls.http}/api/v1/events`, { headers, signal: ends.signal })).status;
  const statuses = await Promise.all(Array.from({ length: 17 }, () => follow({ cookie: vera["cookie"] ?? "" })));
  expect(statuses.toSorted()).toEqual([...Array<number>(16).fill(200), 503]);
  expect(await follow(machine)).toBe(200);
  ends.abort();
});

test("an operator with as many tokens as one may have is told so, and an API token makes no credential for CoAP, which would outlive it", async () => {
  const vera = await signIn({ code: await codeBy(machine, "vera") });
  for (let i = 0; i < 100; i++) expect(await said("POST", "/tokens", vera, {})).toBe("201");
  expect(await said("POST", "/tokens", vera, {})).toBe("409 too-many-tokens");
  const { json } = await ask("POST", "/tokens", machine, { operator: "admin", role: "admin" });
  const token = { authorization: `Bearer ${json["token"]}` };
  expect(await said("POST", "/operators/vera/credential", token, {})).toBe("403 not-with-a-token");
  expect(await said("DELETE", "/operators/vera", token)).toBe("204");
});
