import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, testManager } from "../integration/manager-harness.ts";
import { runOutside, startOutside } from "./manager-outside.ts";

let manager: TestManager;
let machine: string;

interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly json: Record<string, unknown> & { readonly error?: { readonly code: string } };
}

/** What somebody shows: a token, or a session's cookie with its CSRF token. */
interface Shown {
  readonly token?: string;
  readonly cookie?: string;
  readonly csrf?: string;
  readonly origin?: string;
}

async function ask(method: string, path: string, shown: Shown = {}, body?: unknown): Promise<Answer> {
  const { token, cookie, csrf, origin } = shown;
  const headers = [
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(cookie === undefined ? [] : [`Cookie: ${cookie}`]),
    ...(csrf === undefined ? [] : [`X-CSRF-Token: ${csrf}`]),
    ...(origin === undefined ? [] : [`Origin: ${origin}`]),
    ...(body === undefined ? [] : ["Content-Type: application/json"]),
  ].flatMap((each) => ["-H", each]);
  const data = body === undefined ? [] : ["--data-binary", JSON.stringify(body)];
  const { out } = await runOutside("curl", [
    ...["-sS", "-i", "--max-time", "15", "-X", method],
    ...[...headers, ...data, `${manager.urls.http}/api/v1${path}`],
  ]);
  const text = out.toString();
  const at = text.indexOf("\r\n\r\n");
  const payload = text.slice(at + 4);
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]),
    cookie: /^set-cookie: ([^;]*)/im.exec(text.slice(0, at))?.[1] ?? "",
    json: payload === "" || !payload.startsWith("{") ? {} : (JSON.parse(payload) as Answer["json"]),
  };
}

const said = async (...asked: Parameters<typeof ask>): Promise<string> => {
  const { status, json } = await ask(...asked);
  return json.error === undefined ? String(status) : `${status} ${json.error.code}`;
};

/** A session as the console has it. */
async function signIn(how: Record<string, string>): Promise<Shown> {
  const { status, cookie, json } = await ask("POST", "/session", {}, how);
  expect([status, json.error?.code]).toEqual([200, undefined]);
  return { cookie, csrf: String(json["csrf"]), origin: manager.urls.http };
}

async function linkFor(operator: string): Promise<Shown> {
  const { json } = await ask("POST", "/sign-in-codes", { token: machine }, { operator });
  return await signIn({ code: String(json["code"]) });
}

async function tokenOf(wish: Record<string, unknown>): Promise<{ token: string; id: string }> {
  const { status, json } = await ask("POST", "/tokens", { token: machine }, wish);
  expect([status, json.error]).toEqual([201, undefined]);
  return { token: String(json["token"]), id: String(json["id"]) };
}

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  machine = readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
  for (const [name, role, scope] of [
    ["vera", "viewer", []],
    ["otto", "operator", []],
    ["hanna", "operator", ["site:harbour"]],
    ["adam", "admin", []],
    ["petra", "admin", ["site:pier"]],
  ] as const) {
    expect((await ask("POST", "/operators", { token: machine }, { name, role, scope })).status).toBe(201);
  }
  for (const [id, site] of [
    ["crane", "harbour"],
    ["lamp", "pier"],
    ["stray", undefined],
  ] as const) {
    await manager.app.registry.register({
      manifest: { id, model: "sensor", site: "harbour" } as never,
      path: { address: "127.0.0.1", port: 40_000 + id.length, family: 4 },
      identity: "credential",
      face: "register",
    });
    if (site !== undefined) await manager.app.labels.set(id, { site, tags: [] }, { kind: "operator", id: "test" });
  }
});
afterAll(() => manager.end());

const identify = { command: "identify" };

describe("roles", () => {
  test("a viewer reads and changes nothing", async () => {
    const vera = await linkFor("vera");
    expect(await said("GET", "/nodes", vera)).toBe("200");
    expect(await said("POST", "/nodes/crane/commands", vera, identify)).toBe("403 lesser-role");
    expect(await said("DELETE", "/nodes/crane", vera)).toBe("403 lesser-role");
    expect(await said("POST", "/nodes/crane/credentials", vera, {})).toBe("403 lesser-role");
    expect(await said("PATCH", "/settings", vera, { timeZone: "UTC" })).toBe("403 lesser-role");
    expect(await said("PUT", "/nodes/crane/labels", vera, { site: "pier" })).toBe("403 lesser-role");
    expect(await said("GET", "/operators", vera)).toBe("403 lesser-role");
    expect(await said("GET", "/audit", vera)).toBe("403 lesser-role");
    expect(await said("POST", "/sign-in-codes", vera, { operator: "adam" })).toBe("403 lesser-role");
    expect(await said("POST", "/tokens", vera, { operator: "adam", role: "admin" })).toBe("403 lesser-role");
    expect(await said("POST", "/tokens", vera, { role: "operator" })).toBe("400 bad-body");
    expect(manager.app.registry.isRegistered("crane")).toBe(true);
  });

  test("an operator steers, and isn't the one who says who is what", async () => {
    const otto = await linkFor("otto");
    expect(await said("POST", "/nodes/crane/commands", otto, identify)).toBe("201");
    expect(await said("PATCH", "/settings", otto, { timeZone: "UTC" })).toBe("403 lesser-role");
    expect(await said("POST", "/system/shutdown", otto, {})).toBe("403 lesser-role");
    expect(await said("PUT", "/operators/otto/role", otto, { role: "admin" })).toBe("403 lesser-role");
    expect(await said("GET", "/audit", otto)).toBe("403 lesser-role");
  });

  test("who he is and what he may do, the page is told", async () => {
    const { json } = await ask("GET", "/session", await linkFor("hanna"));
    expect(json).toMatchObject({ operator: "hanna", role: "operator", scopes: [["site:harbour"]], way: "session" });
    expect(json["may"]).toContain("node.steer");
    expect(json["may"]).not.toContain("settings.change");
    expect(json["may"]).not.toContain("update.change");
    expect((await ask("GET", "/session")).json).toEqual({ operator: null });
  });
});

describe("scopes", () => {
  test("another site's operator neither sees nor steers, whatever the node says of itself", async () => {
    const hanna = await linkFor("hanna");
    expect(await said("POST", "/nodes/crane/commands", hanna, identify)).toBe("201");
    for (const hidden of ["lamp", "stray", "never-heard-of"]) {
      expect(await said("GET", `/nodes/${hidden}`, hanna), hidden).toBe("403 out-of-scope");
      expect(await said("POST", `/nodes/${hidden}/commands`, hanna, identify), hidden).toBe("403 out-of-scope");
      expect(await said("DELETE", `/nodes/${hidden}`, hanna), hidden).toBe("403 out-of-scope");
      expect(await said("GET", `/nodes/${hidden}/logs`, hanna), hidden).toBe("403 out-of-scope");
      expect(await said("POST", `/nodes/${hidden}/credentials`, hanna, {}), hidden).toBe("403 out-of-scope");
    }
    expect(await said("POST", "/status-now", hanna, { nodes: ["crane", "lamp"] })).toBe("403 out-of-scope");
    expect((await ask("GET", "/nodes", hanna)).json).toMatchObject({ total: 1, nodes: [{ id: "crane" }] });
    expect((await ask("GET", "/nodes?limit=10", hanna)).json).toMatchObject({ nodes: [{ id: "crane" }] });
    expect((await ask("GET", "/telemetry/latest?nodes=crane,lamp", hanna)).json).toEqual({ nodes: { crane: [] } });
  });

  test("what concerns the whole fleet is for who has no scope, admin or not", async () => {
    for (const shown of [await linkFor("hanna"), await linkFor("petra")]) {
      expect(await said("PUT", "/nodes/crane/labels", shown, { site: "pier" })).toBe("403 whole-fleet-only");
      expect(await said("DELETE", "/updates/any", shown)).toBe("403 whole-fleet-only");
    }
    const petra = await linkFor("petra");
    expect(await said("POST", "/operators", petra, { name: "mine", role: "admin" })).toBe("403 whole-fleet-only");
    expect(await said("GET", "/audit/verify", petra)).toBe("403 whole-fleet-only");
    expect(await said("POST", "/tokens", petra, { operator: "adam" })).toBe("403 lesser-role");
  });

  test("events of others aren't told, neither live nor of before", async () => {
    const { token } = await tokenOf({ operator: "hanna", role: "viewer" });
    const stream = startOutside("curl", [
      ...["-sS", "-N", "--max-time", "15", "-H", `Authorization: Bearer ${token}`],
      `${manager.urls.http}/api/v1/events`,
    ]);
    await expect.poll(() => stream.out(), { timeout: 10_000 }).toContain("event: hello");
    for (const node of ["lamp", "crane"])
      expect(
        await said("PUT", `/nodes/${node}/mode`, { token: machine }, { mode: "maintenance", reason: "test" }),
      ).toBe("200");
    await expect.poll(() => stream.out(), { timeout: 10_000 }).toContain('"crane"');
    expect(stream.out()).not.toContain("lamp");
    const { json } = await ask("GET", "/events/recent", { token });
    expect(JSON.stringify(json)).toContain("crane");
    expect(JSON.stringify(json)).not.toMatch(/lamp|stray/);
    stream.child.kill();
    await stream.ended;
  });

  test("a label moves a node into a scope and out of it, at the next request", async () => {
    const hanna = await linkFor("hanna");
    expect(await said("PUT", "/nodes/stray/labels", { token: machine }, { site: "harbour", tags: ["pump"] })).toBe(
      "200",
    );
    expect(await said("GET", "/nodes/stray", hanna)).toBe("200");
    expect(await said("PUT", "/nodes/stray/labels", { token: machine }, {})).toBe("200");
    expect(await said("GET", "/nodes/stray", hanna)).toBe("403 out-of-scope");
  });
});

describe("tokens", () => {
  test("one that is revoked, made up, cut short or expired is nobody's, and its event stream ends", async () => {
    const { token, id } = await tokenOf({ operator: "otto", role: "operator", label: "try" });
    expect(await said("GET", "/nodes", { token })).toBe("200");
    const stream = startOutside("curl", [
      ...["-sS", "-N", "--max-time", "15", "-H", `Authorization: Bearer ${token}`],
      `${manager.urls.http}/api/v1/events`,
    ]);
    await expect.poll(() => stream.out(), { timeout: 10_000 }).toContain("event: hello");
    expect(await said("DELETE", `/tokens/${id}`, { token: machine })).toBe("204");
    expect((await stream.ended).code).toBe(0);
    expect(await said("GET", "/nodes", { token })).toBe("401 wrong-token");
    const other = await tokenOf({ operator: "otto", days: 1 / 1440 });
    expect(await said("GET", "/nodes", { token: `${other.token.slice(0, -1)}x` })).toBe("401 wrong-token");
    expect(await said("GET", "/nodes", { token: other.token.slice(0, 40) })).toBe("401 wrong-token");
    expect(await said("GET", "/nodes", { token: other.token })).toBe("200");
    expect(JSON.stringify((await ask("GET", "/tokens", { token: machine })).json)).not.toContain(other.token);
  });

  test("one can do no more than its owner, and than it was made for", async () => {
    const { token } = await tokenOf({ operator: "otto", role: "viewer" });
    expect(await said("POST", "/nodes/crane/commands", { token }, identify)).toBe("403 lesser-role");
    const scoped = await tokenOf({ operator: "otto", role: "operator", scope: ["site:pier"] });
    expect(await said("GET", "/nodes/crane", { token: scoped.token })).toBe("403 out-of-scope");
    expect(await said("GET", "/nodes/lamp", { token: scoped.token })).toBe("200");
    expect(await said("PUT", "/operators/otto/role", { token: machine }, { role: "viewer", scope: [] })).toBe("200");
    expect(await said("POST", "/nodes/lamp/commands", { token: scoped.token }, identify)).toBe("403 lesser-role");
    expect(await said("PUT", "/operators/otto/role", { token: machine }, { role: "operator" })).toBe("200");
  });

  test("one makes no other, no password and no session: it would outlive its own end", async () => {
    const { token } = await tokenOf({ operator: "adam", role: "admin" });
    expect(await said("GET", "/operators", { token })).toBe("200");
    expect(await said("POST", "/tokens", { token }, {})).toBe("403 not-with-a-token");
    expect(await said("PUT", "/password", { token }, { password: "correct horse battery" })).toBe(
      "403 not-with-a-token",
    );
    expect(await said("POST", "/sign-in-codes", { token }, {})).toBe("403 not-with-a-token");
    expect(await said("POST", "/session", {}, { token })).toBe("403 not-with-a-token");
  });
});

describe("sessions", () => {
  test("a stolen cookie without the CSRF token, and a page of elsewhere with it, change nothing", async () => {
    const adam = await linkFor("adam");
    const change = { timeZone: "UTC" };
    expect(await said("PATCH", "/settings", { ...adam, csrf: "0".repeat(32) }, change)).toBe("403 no-csrf-token");
    const { csrf: _, ...stolen } = adam;
    expect(await said("PATCH", "/settings", stolen, change)).toBe("403 no-csrf-token");
    const { origin: __, ...unsaid } = adam;
    expect(await said("PATCH", "/settings", unsaid, change)).toBe("403 cross-origin");
    expect(await said("PATCH", "/settings", { ...adam, origin: "https://evil.example" }, change)).toBe(
      "403 cross-origin",
    );
    expect(await said("PATCH", "/settings", adam, change)).toBe("200");
  });

  test("a password needs the old one, unless a link brought its owner; a new one ends the other sessions", async () => {
    const byLink = await linkFor("vera");
    expect(await said("PUT", "/password", byLink, { password: "short" })).toBe("400 bad-body");
    expect(await said("PUT", "/password", byLink, { password: "correct horse battery" })).toBe("204");
    expect(await said("POST", "/session", {}, { name: "vera", password: "correct horse" })).toBe("401 wrong-password");
    expect(await said("POST", "/session", {}, { name: "nobody", password: "correct horse battery" })).toBe(
      "401 wrong-password",
    );
    const one = await signIn({ name: "vera", password: "correct horse battery" });
    const other = await signIn({ name: "vera", password: "correct horse battery" });
    const next = { password: "another horse battery" };
    expect(await said("PUT", "/password", one, next)).toBe("401 wrong-password");
    expect(await said("PUT", "/password", one, { ...next, current: "correct horse battery" })).toBe("204");
    expect(await said("GET", "/nodes", one)).toBe("200");
    expect(await said("GET", "/nodes", other)).toBe("401 not-authorised");
    expect(await said("POST", "/session", {}, { name: "vera", password: "correct horse battery" })).toBe(
      "401 wrong-password",
    );
  });

  test("one is listed and ended by its owner or an admin, and by nobody else", async () => {
    const [vera, otto] = [await linkFor("vera"), await linkFor("otto")];
    const listed = (await ask("GET", "/sessions", otto)).json["sessions"] as {
      id: string;
      operator: string;
      isThis: boolean;
    }[];
    expect(new Set(listed.map(({ operator }) => operator))).toEqual(new Set(["otto"]));
    const id = listed.find(({ isThis }) => isThis)?.id;
    expect(await said("DELETE", `/sessions/${id}`, vera)).toBe("404 unknown-session");
    expect(await said("DELETE", `/sessions/${id}`, { token: machine })).toBe("204");
    expect(await said("GET", "/nodes", otto)).toBe("401 not-authorised");
  });

  test("an operator who is removed is nobody at once: session, token and link", async () => {
    expect(await said("POST", "/operators", { token: machine }, { name: "temp", role: "admin" })).toBe("201");
    const session = await linkFor("temp");
    const { token } = await tokenOf({ operator: "temp", role: "admin" });
    const { json } = await ask("POST", "/sign-in-codes", { token: machine }, { operator: "temp" });
    expect(await said("DELETE", "/operators/temp", { token: machine })).toBe("204");
    expect(await said("GET", "/nodes", session)).toBe("401 not-authorised");
    expect(await said("GET", "/nodes", { token })).toBe("401 wrong-token");
    expect(await said("POST", "/session", {}, { code: json["code"] })).toBe("401 wrong-code");
  });
});

test("the last admin of the whole fleet stays one", async () => {
  expect(await said("DELETE", "/operators/adam", { token: machine })).toBe("204");
  expect(await said("DELETE", "/operators/admin", { token: machine })).toBe("409 last-admin");
  expect(await said("PUT", "/operators/admin/role", { token: machine }, { role: "viewer" })).toBe("409 last-admin");
  expect(await said("PUT", "/operators/admin/role", { token: machine }, { role: "admin", scope: ["site:a"] })).toBe(
    "409 last-admin",
  );
});

test("who guesses is told to wait, and shuts out neither tokens nor links", async () => {
  const answers: string[] = [];
  for (let i = 0; i < 14; i++)
    answers.push(await said("POST", "/session", {}, { name: "hanna", password: `guess number ${i}` }));
  expect(answers.filter((each) => each === "401 wrong-password").length).toBeLessThanOrEqual(12);
  expect(answers.at(-1)).toBe("429 too-many-failures");
  expect(await said("GET", "/nodes", { token: machine })).toBe("200");
  expect(await said("GET", "/nodes", await linkFor("hanna"))).toBe("200");
});

test("everything of it is in the audit, with who and from where, and no secret is", async () => {
  const { json } = await ask("GET", "/audit?limit=1000", { token: machine });
  const text = JSON.stringify(json);
  for (const what of [
    "operator-added",
    "operator-changed",
    "operator-removed",
    "token-created",
    "token-revoked",
    "password-changed",
    "signed-in",
    "sign-in-link-made",
    "node-labelled",
  ]) {
    expect(text, what).toContain(`"${what}"`);
  }
  expect(text).toContain('"from":"127.0.0.1"');
  expect(text).not.toMatch(/cxt_|cxa_|argon2|horse/);
});
