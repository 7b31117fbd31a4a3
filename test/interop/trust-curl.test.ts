import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { TestCa } from "../integration/dtls-harness.ts";
import { testManager } from "../integration/manager-harness.ts";
import { runOutside } from "./manager-outside.ts";
import { WholeManager } from "./whole-manager.ts";

const mebibyte = 1 << 20;

describe("HTTPS of a whole manager, by curl", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-trust-curl-"));
  const stranger = new TestCa();
  let manager: WholeManager;

  beforeAll(async () => {
    manager = await WholeManager.start(["--limits-artifact-bytes", String(mebibyte)]);
    for (const [name, role, scope] of [
      ["vera", "viewer", []],
      ["hanna", "operator", ["site:harbour"]],
      ["adam", "admin", []],
    ] as const) {
      expect((await manager.api("POST", "/operators", { name, role, scope })).status).toBe(201);
    }
    for (const [id, site] of [
      ["crane", "harbour"],
      ["lamp", "pier"],
    ]) {
      await manager.issue(id ?? "", "oscore");
      expect((await manager.api("PUT", `/nodes/${id}/labels`, { site })).status).toBe(200);
    }
  });
  afterAll(async () => {
    await manager.end();
    stranger.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Answer {
    /** curl's own; 0: there was an answer. */
    readonly exit: number | null;
    readonly status: number;
    readonly head: string;
    readonly body: string;
  }

  /** The path as it is written, at the HTTPS port, with the manager's CA unless `words` say otherwise. */
  async function curl(path: string, words: readonly string[] = [], base = manager.urls.https): Promise<Answer> {
    const ca = words.includes("--cacert") ? [] : ["--cacert", manager.caFile];
    const { code, out } = await runOutside("curl", [
      ...["-sS", "-i", "--max-time", "15", "--path-as-is", ...ca, ...words, `${base}${path}`],
    ]);
    const text = out.toString().replace(/^(HTTP\/1\.1 100 [^\r]*\r\n\r\n)+/, "");
    const at = text.indexOf("\r\n\r\n");
    const head = at === -1 ? text : text.slice(0, at);
    return { exit: code, status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0), head, body: text.slice(at + 4) };
  }
  const bearer = (token: string): string[] => ["-H", `Authorization: Bearer ${token}`];
  const json = (body: unknown): string[] => [
    "-H",
    "Content-Type: application/json",
    "--data-binary",
    JSON.stringify(body),
  ];
  const change = (method: string, body: unknown = {}): string[] => ["-X", method, ...json(body)];

  async function tokenOf(operator: string, more: object = {}): Promise<{ token: string; id: string }> {
    const { status, json: made } = await manager.api("POST", "/tokens", { operator, ...more });
    expect(status, JSON.stringify(made)).toBe(201);
    return { token: String(made["token"]), id: String(made["id"]) };
  }

  test("is nothing to who trusts another CA, asks for another name, or speaks no TLS or an old one", async () => {
    const port = new URL(manager.urls.https).port;
    expect((await curl("/api/v1/nodes", ["--cacert", stranger.caFile])).exit).toBe(60);
    const resolved = ["--resolve", `manager.example:${port}:127.0.0.1`];
    expect((await curl("/api/v1/nodes", resolved, `https://manager.example:${port}`)).exit).toBe(60);
    expect((await curl("/api/v1/nodes", ["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"])).exit).toBe(35);
    const open = await curl("/api/v1/nodes", bearer(manager.token), `http://127.0.0.1:${port}`);
    expect([52, 56]).toContain(open.exit);
    expect(open.body).toBe("");
    const { status, head } = await curl("/api/v1/nodes", bearer(manager.token));
    expect(status).toBe(200);
    expect(head).toMatch(/^content-security-policy: default-src 'none'; frame-ancestors 'none'\r?$/im);
    for (const header of [
      "x-content-type-options: nosniff",
      "referrer-policy: no-referrer",
      "cache-control: no-store",
    ]) {
      expect(head.toLowerCase()).toContain(header);
    }
    expect(head).not.toMatch(/^(server|x-powered-by):/im);
  });

  test("who shows nothing, half a token, a revoked one or a removed operator's is nobody", async () => {
    const { token, id } = await tokenOf("vera");
    expect((await curl("/api/v1/nodes", bearer(token))).status).toBe(200);
    expect((await manager.api("DELETE", `/tokens/${id}`)).status).toBe(204);
    const { token: good } = await tokenOf("vera");
    for (const shown of [
      [],
      bearer(token),
      bearer(good.slice(0, -1)),
      bearer(`${good}0`),
      bearer(good.toUpperCase()),
      bearer(""),
      ["-H", `Authorization: Basic ${Buffer.from(`vera:${good}`).toString("base64")}`],
      ["-H", `Cookie: __Host-coxswain=${good}`],
    ]) {
      const { status, body } = await curl("/api/v1/nodes", shown);
      expect([401, 429], shown.join(" ")).toContain(status);
      expect(body).not.toContain("crane");
    }
    expect((await curl(`/api/v1/nodes?token=${good}&access_token=${good}`)).status).toBe(401);
    expect((await manager.api("POST", "/operators", { name: "temp", role: "admin" })).status).toBe(201);
    const { token: orphan } = await tokenOf("temp");
    expect((await manager.api("DELETE", "/operators/temp")).status).toBe(204);
    expect([401, 429]).toContain((await curl("/api/v1/nodes", bearer(orphan))).status);
  });

  test("a cookie without the CSRF token of its session, or from a page of elsewhere, changes nothing", async () => {
    const { json: link } = await manager.api("POST", "/sign-in-codes", { operator: "adam" });
    const begun = await curl("/api/v1/session", change("POST", { code: link["code"] }));
    const cookie = /^set-cookie: ([^;]*);(.*)$/im.exec(begun.head);
    expect(cookie?.[2]).toMatch(/HttpOnly; SameSite=Strict; Secure/i);
    const shown = ["-H", `Cookie: ${cookie?.[1]}`];
    const origin = ["-H", `Origin: ${manager.urls.https}`];
    const { csrf } = JSON.parse(begun.body) as { csrf: string };
    const settings = (...more: string[]) =>
      curl("/api/v1/settings", [...shown, ...more, ...change("PATCH", { timeZone: "UTC" })]);
    for (const more of [
      [...origin],
      [...origin, "-H", `X-CSRF-Token: ${"0".repeat(csrf.length)}`],
      ["-H", `X-CSRF-Token: ${csrf}`, "-H", "Origin: https://evil.example"],
      ["-H", `X-CSRF-Token: ${csrf}`, "-H", "Origin: null"],
      ["-H", `X-CSRF-Token: ${csrf}`, "-H", "Sec-Fetch-Site: cross-site", "-H", "Origin: https://evil.example"],
    ]) {
      expect((await settings(...more)).status, more.join(" ")).toBe(403);
    }
    expect((await settings(...origin, "-H", `X-CSRF-Token: ${csrf}`)).status).toBe(200);
    const form = [
      "-H",
      "Content-Type: application/x-www-form-urlencoded",
      "--data-binary",
      "timeZone=UTC",
      "-X",
      "PATCH",
    ];
    expect((await curl("/api/v1/settings", [...shown, ...origin, "-H", `X-CSRF-Token: ${csrf}`, ...form])).status).toBe(
      415,
    );
    expect(
      (await curl("/api/v1/session", [...shown, ...origin, "-H", `X-CSRF-Token: ${csrf}`, "-X", "DELETE"])).status,
    ).toBe(204);
    expect((await settings(...origin, "-H", `X-CSRF-Token: ${csrf}`)).status).toBe(401);
  });

  test("a viewer does no operator's work, an operator none of another site, whatever headers say", async () => {
    const vera = bearer((await tokenOf("vera")).token);
    const hanna = bearer((await tokenOf("hanna", { role: "operator" })).token);
    const tries = [
      ["/api/v1/nodes/crane/commands", ...change("POST", { command: "identify" })],
      ["/api/v1/nodes/crane", "-X", "DELETE"],
      ["/api/v1/nodes/crane/credentials", ...change("POST", { scheme: "oscore" })],
      ["/api/v1/nodes/crane/credentials", "-X", "DELETE"],
      ["/api/v1/nodes/crane/mode", ...change("PUT", { mode: "maintenance", reason: "x" })],
      ["/api/v1/claims", ...change("POST")],
      ["/api/v1/updates", ...change("POST", { id: "x" })],
      ["/api/v1/operators", ...change("POST", { name: "mine", role: "admin" })],
      ["/api/v1/settings", ...change("PATCH", { timeZone: "UTC" })],
      ["/api/v1/system/shutdown", ...change("POST")],
      ["/api/v1/audit"],
    ] as const;
    for (const [path, ...words] of tries) {
      const { status, body } = await curl(path, [...vera, ...words]);
      expect(`${status} ${body}`, path).toMatch(/^403 .*"(lesser-role|whole-fleet-only)"/);
    }
    for (const [path, ...words] of tries.slice(0, 5)) {
      const elsewhere = path.replace("crane", "lamp");
      const { status, body } = await curl(elsewhere, [...hanna, ...words]);
      expect(`${status} ${body}`, elsewhere).toMatch(/^403 .*"out-of-scope"/);
    }
    for (const header of [
      "X-HTTP-Method-Override: DELETE",
      "X-HTTP-Method: DELETE",
      "X-Forwarded-For: 127.0.0.1",
      "X-Original-URL: /api/v1/operators",
      "X-Rewrite-URL: /api/v1/operators",
      "X-Forwarded-User: adam",
    ]) {
      const { body } = await curl("/api/v1/nodes", [...vera, "-H", header]);
      expect(body, header).not.toContain("adam");
    }
    expect((await manager.api("GET", "/nodes/crane/credentials")).status).toBe(200);
  });

  test("a path that is written in another way leads a viewer to no rule but its own, and nobody to a file", async () => {
    const vera = bearer((await tokenOf("vera")).token);
    for (const path of [
      "/api/v1/nodes/../operators",
      "/api/v1/nodes/%2e%2e/operators",
      "/api/v1/nodes/..%2foperators",
      "//api/v1/operators",
      "/api//v1/operators",
      "/api/v1/operators/",
      "/api/v1/%6fperators",
      "/API/V1/operators",
      "/api/v1/operators;x=1",
      "/api/v1/operators%00",
      "/api/v1/operators%20",
      "/api/v1/operators?/api/v1/nodes",
      "/api/v1/./operators",
    ]) {
      const { status, body } = await curl(path, vera);
      expect([400, 403, 404], path).toContain(status);
      expect(body, path).not.toContain("adam");
    }
    const node = await curl(
      "/api/v1/nodes/lamp%2F..%2Fcrane/credentials",
      bearer((await tokenOf("hanna", { role: "operator" })).token),
    );
    expect([400, 403, 404]).toContain(node.status);
    const secret = manager.token;
    for (const path of [
      "/../admin-token",
      "/%2e%2e/admin-token",
      "/..%2fadmin-token",
      "/artifacts/..%2f..%2fadmin-token",
      "/artifacts/../admin-token",
      "/artifacts/%2e%2e%2fkey",
      "/console.js/../../../../../../etc/passwd",
      "/....//....//etc/passwd",
      "/%5c..%5c..%5cadmin-token",
      "/ca.pem/../admin-token",
      "/admin-token",
      "/key",
      "/registry.db",
    ]) {
      const { status, body } = await curl(path);
      expect([400, 401, 403, 404], path).toContain(status);
      expect(body.includes(secret) || body.includes("root:") || body.includes("SQLite"), path).toBe(false);
    }
  });

  test("a body, an upload or headers that are too large are refused, also where they don't say how large they are", async () => {
    const big = join(folder, "big");
    writeFileSync(big, "");
    truncateSync(big, 2 * mebibyte);
    const adam = bearer((await tokenOf("adam", { role: "admin" })).token);
    const typed = (type: string): string[] => ["-H", `Content-Type: ${type}`];
    const chunked = ["-H", "Transfer-Encoding: chunked"];
    // The connection is closed behind the refusal; a client that is still sending may find that first.
    const isRefused = ({ status, exit }: Answer): boolean => status === 413 || [52, 55, 56].includes(exit ?? 0);
    for (const more of [[], chunked]) {
      const sent = (type: string): string[] => [...typed(type), ...more, "--data-binary", `@${big}`];
      for (const [method, path, type] of [
        ["PATCH", "/api/v1/settings", "application/json"],
        ["POST", "/api/v1/artifacts", "application/octet-stream"],
        ["POST", "/api/v1/session", "application/json"],
      ] as const) {
        const answer = await curl(path, [...adam, "-X", method, ...sent(type)]);
        expect(isRefused(answer), `${method} ${path} ${answer.exit} ${answer.head}`).toBe(true);
      }
    }
    expect((await curl("/api/v1/nodes", [...adam, "-H", `X-Large: ${"a".repeat(40_000)}`])).status).toBe(431);
    const both = [...chunked, "-H", "Content-Length: 2", "-X", "PATCH", ...json({ timeZone: "UTC" })];
    expect((await curl("/api/v1/settings", [...adam, ...both])).status).toBe(400);
    expect((await curl("/api/v1/nodes", adam)).status).toBe(200);
  });

  test("nothing of it is in the manager's log or in what it answered but what it should be", async () => {
    const { token } = await tokenOf("adam");
    await curl("/api/v1/nodes", bearer(`${token}x`));
    expect(manager.log).toContain('"level":"debug"');
    expect(manager.log).not.toContain(token);
    expect(manager.log).not.toContain(manager.token);
  });
});

test("a token, a session and a link are nobody's after their end, by curl and a clock that goes on", async () => {
  let aheadMs = 0;
  const clock = {
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    wallMs: () => systemClock.wallMs() + aheadMs,
    after: systemClock.after.bind(systemClock),
  };
  const manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" }, clock });
  onTestFinished(() => manager.end());
  const machine = readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
  const ask = async (path: string, ...words: string[]): Promise<{ status: number; head: string; body: string }> => {
    const { out } = await runOutside("curl", [
      "-sS",
      "-i",
      "--max-time",
      "15",
      ...words,
      `${manager.urls.http}${path}`,
    ]);
    const [head = "", body = ""] = out.toString().split("\r\n\r\n");
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body };
  };
  const post = (path: string, body: object, ...more: string[]) =>
    ask(path, ...more, "-H", "Content-Type: application/json", "--data-binary", JSON.stringify(body));
  const asMachine = ["-H", `Authorization: Bearer ${machine}`];
  const made = JSON.parse((await post("/api/v1/tokens", { days: 1 }, ...asMachine)).body) as { token: string };
  const codes = [1, 2].map(async () => JSON.parse((await post("/api/v1/sign-in-codes", {}, ...asMachine)).body));
  const [used, late] = (await Promise.all(codes)) as { code: string }[];
  const session = await post("/api/v1/session", { code: used?.code });
  const shown = ["-H", `Cookie: ${/^set-cookie: ([^;]*)/im.exec(session.head)?.[1]}`];
  const withToken = ["-H", `Authorization: Bearer ${made.token}`];
  expect((await ask("/api/v1/nodes", ...withToken)).status).toBe(200);
  expect((await ask("/api/v1/nodes", ...shown)).status).toBe(200);
  expect((await post("/api/v1/session", { code: used?.code })).status).toBe(401);
  aheadMs = 16 * 60_000;
  expect((await post("/api/v1/session", { code: late?.code })).status).toBe(401);
  expect((await ask("/api/v1/nodes", ...shown)).status).toBe(200);
  aheadMs += 13 * 3_600_000;
  expect((await ask("/api/v1/nodes", ...shown)).status).toBe(401);
  expect((await ask("/api/v1/nodes", ...withToken)).status).toBe(200);
  aheadMs = 86_400_000;
  expect((await ask("/api/v1/nodes", ...withToken)).status).toBe(401);
});
