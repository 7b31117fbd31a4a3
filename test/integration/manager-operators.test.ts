import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-operators-"));

let manager: TestManager;
let token: string;
let api: string;
beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  token = readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
  api = `${manager.urls.http}/api/v1`;
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

const bearer = () => ({ authorization: `Bearer ${token}` });
const json = { "content-type": "application/json" };
const ask = (path: string, init: RequestInit = {}) => fetch(`${manager.urls.http}${path}`, init);

/** The command line as an operator runs it: exit code, what it printed, what it complained of. */
function coxswain(args: readonly string[], environment: Record<string, string> = {}, input = "") {
  const env = { ...process.env, COXSWAIN_URL: manager.urls.http, ...environment };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    const child = execFile(process.execPath, [cli, ...args], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
    child.stdin?.end(input);
  });
}

test("nobody without a token reads, changes or counts anything; the console's files hold no secret", async () => {
  for (const path of ["/api/v1/system", "/api/v1/nodes", "/api/v1/events", "/metrics", "/u/0000000000000000"]) {
    expect((await ask(path)).status, path).toBe(401);
  }
  const posts = ["/api/v1/nodes/porch/credentials", "/api/v1/sign-in-codes", "/api/v1/system/shutdown"];
  for (const path of posts) {
    expect((await ask(path, { method: "POST", headers: json, body: "{}" })).status, path).toBe(401);
  }
  for (const authorization of ["Bearer ", `Bearer ${token}0`, `Basic ${token}`]) {
    expect((await ask("/api/v1/system", { headers: { authorization } })).status, authorization).toBe(401);
  }
  expect((await ask("/")).status).toBe(200);
  // The household's app is for phones, which prove themselves to the broker; nothing else is below it.
  for (const path of ["/app/../package.json", "/app/%2e%2e/%2e%2e/package.json", "/app/key.pem"]) {
    expect([401, 404], path).toContain((await ask(path)).status);
  }
  expect((await ask(`/artifacts/${"0".repeat(64)}`)).status).toBe(401);
});

test("with the token everything is there, and who did it is told", async () => {
  const response = await fetch(`${api}/system`, { headers: bearer() });
  expect(await response.json()).toMatchObject({ isInsecure: false });
  await fetch(`${api}/nodes/garden/credentials`, { method: "POST", headers: { ...bearer(), ...json }, body: "{}" });
  const { credentials } = (await (await fetch(`${api}/nodes/garden/credentials`, { headers: bearer() })).json()) as {
    credentials: readonly object[];
  };
  expect(credentials).toEqual([expect.objectContaining({ state: "issued", issuedBy: "admin", scheme: "oscore" })]);
  expect(JSON.stringify(credentials)).not.toMatch(/sealed|ecret/);
});

test("a link signs in once and leaves a cookie that no script reads and no other site sends", async () => {
  const { out } = await coxswain(["sign-in"], { COXSWAIN_TOKEN: token });
  const code = /#code=([0-9a-f]{64})\s*$/.exec(out)?.[1];
  const signIn = () => ask("/api/v1/session", { method: "POST", headers: json, body: JSON.stringify({ code }) });
  const response = await signIn();
  expect(response.status).toBe(200);
  const { csrf } = (await response.json()) as { csrf: string };
  const cookie = response.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^coxswain_session_\d+=[0-9a-f]{64}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/);
  expect((await signIn()).status).toBe(401);
  const headers = { cookie: cookie.split(";")[0] ?? "" };
  expect((await ask("/api/v1/system", { headers })).status).toBe(200);
  const change = { method: "PATCH", body: '{"timeZone":"UTC"}' };
  expect((await ask("/api/v1/settings", { ...change, headers: { ...headers, ...json } })).status).toBe(403);
  const page = { ...headers, ...json, origin: manager.urls.http };
  expect((await ask("/api/v1/settings", { ...change, headers: page })).status).toBe(403);
  const own = { ...page, "x-csrf-token": csrf };
  expect((await ask("/api/v1/settings", { ...change, headers: own })).status).toBe(200);
  expect((await ask("/api/v1/session", { method: "DELETE", headers: own })).status).toBe(204);
  expect((await ask("/api/v1/system", { headers })).status).toBe(401);
});

test("the command line finds the token in the data folder, and says where it looked when there is none", async () => {
  const none = await coxswain(["status"]);
  expect([none.code, none.err]).toEqual([1, expect.stringContaining("admin-token")]);
  const missing = await coxswain(["status", "--data-dir", "nowhere"]);
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("nowhere/admin-token (ENOENT)")]);
  expect((await coxswain(["status", "--data-dir", manager.folder])).code).toBe(0);
  expect((await coxswain(["status"], { COXSWAIN_DATA_DIR: manager.folder })).code).toBe(0);
});

test("`operator password` takes one line of standard input, and refuses none, a short one, and an API token", async () => {
  const password = (input: string, by = token) => coxswain(["operator", "password"], { COXSWAIN_TOKEN: by }, input);
  const signIn = (secret: string) =>
    fetch(`${api}/session`, {
      method: "POST",
      headers: json,
      body: JSON.stringify({ name: "admin", password: secret }),
    });
  expect(await password("")).toMatchObject({ code: 2, err: expect.stringContaining("no password on standard input") });
  expect(await password("short\n")).toMatchObject({ code: 1, err: expect.stringContaining("12") });
  const body = JSON.stringify({ operator: "admin", label: "t", role: "admin", scope: [], days: 1 });
  const made = await fetch(`${api}/tokens`, { method: "POST", headers: { ...bearer(), ...json }, body });
  const { token: other } = (await made.json()) as { token: string };
  expect((await password("correct horse battery\n", other)).code).toBe(1);
  expect((await signIn("correct horse battery")).status).toBe(401);

  const { code, out, err } = await password("correct horse battery\n");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("The password is set");
  expect(out).not.toContain("horse");
  expect((await signIn("correct horse battery")).status).toBe(200);
  // The last line needs no end.
  expect((await password("another long password")).code).toBe(0);
  expect((await signIn("correct horse battery")).status).toBe(401);
  expect((await signIn("another long password")).status).toBe(200);
});

test("`node add` writes the file of cxnode for its owner alone, prints the command, and overwrites nothing", async () => {
  const asked = ["node", "add", "--id", "porch", "--data-dir", manager.folder];
  const added = await coxswain(asked);
  expect(added.out).toContain(
    `cxnode --id porch --manager coap://127.0.0.1:${manager.coapPort} --credentials porch.credentials.json --state porch`,
  );
  const file = join(folder, "porch.credentials.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({
    id: "porch",
    oscore: {
      masterSecret: expect.stringMatching(/^[0-9a-f]{32}$/),
      masterSalt: expect.stringMatching(/^[0-9a-f]{16}$/),
      senderId: expect.stringMatching(/^[0-9a-f]{8}$/),
      recipientId: "",
    },
  });
  const again = await coxswain(asked);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("already")]);
  const bad = await coxswain(["node", "add", "--id", "No Node", "--data-dir", manager.folder]);
  expect([bad.code, bad.err]).toEqual([1, expect.stringContaining("no node id")]);
  expect(() => statSync(join(folder, "No Node.credentials.json"))).toThrow();
});

test("`node add` makes an id where none is given, and for programs tells all in one answer", async () => {
  const { out } = await coxswain(["node", "add", "--json", "--data-dir", manager.folder]);
  const { id, credentials, command } = JSON.parse(out) as Record<string, string>;
  expect(id).toMatch(/^node-[0-9a-f]{6}$/);
  expect([credentials, command]).toEqual([expect.objectContaining({ id }), expect.stringContaining(`--id ${id}`)]);
  const revoked = await coxswain(["node", "revoke", id ?? "", "--data-dir", manager.folder]);
  expect(revoked.code).toBe(0);
  const again = await coxswain(["node", "revoke", id ?? "", "--data-dir", manager.folder]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("no credentials")]);
});

test("every counter of the engines is on /metrics with its help and type", async () => {
  const peer = await TestPeer.start(manager.coapPort);
  await peer.ask("GET", "/environment?ep=porch");
  await peer.end();
  const { coap, mqtt } = (await (await fetch(`${api}/system`, { headers: bearer() })).json()) as {
    coap: Record<string, number>;
    mqtt: Record<string, number>;
  };
  const text = await (await ask("/metrics", { headers: bearer() })).text();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  const helps = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name));
  const samples = [...text.matchAll(/^([a-z0-9_]+)(\{[^}]*\})? [-0-9.e+]+$/gm)];
  for (const [line, name] of samples) {
    expect(types.has(name), line).toBe(true);
    expect(helps.has(name), line).toBe(true);
  }
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const isThere = (part: string, key: string): boolean => {
    const [group = "", rest] = key.includes(".") ? [key.split(".")[0], key.slice(key.indexOf(".") + 1)] : [key];
    const stem = `coxswain_${part}_${snake(group)}`;
    return samples.some(([, name, labels = ""]) => {
      const isNamed = name === stem || name === `${stem}_total`;
      return isNamed && (rest === undefined || labels.includes(`="${rest}"`));
    });
  };
  expect(Object.keys(coap).length).toBeGreaterThan(30);
  expect(Object.keys(coap).filter((key) => !isThere("coap", key))).toEqual([]);
  expect(Object.keys(mqtt).filter((key) => !isThere("mqtt", key))).toEqual([]);
  expect(text).toContain('coxswain_nodes{presence="online"} ');
  expect(text).toMatch(/^coxswain_coap_requests_total [1-9]/m);
});
