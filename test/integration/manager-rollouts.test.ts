import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RolloutView } from "../../manager/app/api/rollouts.ts";
import { type TestManager, testManager } from "./manager-harness.ts";

const by = { kind: "operator", id: "test" } as const;
const image = new Uint8Array(100).fill(9);
const hex = createHash("sha256").update(image).digest("hex");
const old = new Uint8Array(90).fill(8);

let manager: TestManager;
const tokens = new Map<string, string>();

beforeAll(async () => {
  manager = await testManager({ flags: { fourEyes: true } });
  const { operators, labels, updates, registry } = manager.app;
  for (let i = 0; i < 10; i++) {
    const id = `node-${i}`;
    await registry.register({
      manifest: { id, model: "sensor", version: "1" } as never,
      path: { address: "127.0.0.1", port: 41_000 + i, family: 4 },
      identity: "credential",
      face: "register",
    });
    await labels.set(id, { site: i < 4 ? "harbour" : "pier", tags: [] }, by);
  }
  const digests: string[] = [];
  for (const bytes of [image, old]) {
    const own = createHash("sha256").update(bytes).digest("hex");
    const headers = { "content-type": "application/octet-stream" };
    const artifact = `${manager.urls.http}/api/v1/artifacts/${own}`;
    await operators.add(`up-${own.slice(0, 4)}`, "operator", [], by);
    const made = await operators.createToken(
      { operator: `up-${own.slice(0, 4)}`, label: "t", role: "operator", scope: [], days: 1 },
      by,
    );
    if (typeof made === "string") throw new Error(made);
    const authorization = `Bearer ${made.token}`;
    expect((await fetch(artifact, { method: "PUT", headers: { ...headers, authorization }, body: bytes })).ok).toBe(
      true,
    );
    digests.push(`sha256:${own}`);
  }
  const [digest = "", previous = ""] = digests;
  const base = { model: "sensor" };
  const next = { ...base, id: "fw-2", version: "2", digest, size: 100, sequence: 2 };
  const back = { ...base, id: "fw-1-again", version: "1", digest: previous, size: 90, sequence: 3 };
  for (const body of [next, back]) expect((await updates.create(body as never, by)).kind).toBe("created");
  for (const [name, role, scope] of [
    ["ann", "operator", []],
    ["bob", "operator", []],
    ["vera", "viewer", []],
    ["hanna", "operator", ["site:harbour"]],
    ["piet", "operator", ["site:pier"]],
  ] as const) {
    await operators.add(name, role, scope, by);
    const made = await operators.createToken({ operator: name, label: "test", role, scope: [], days: 1 }, by);
    if (typeof made === "string") throw new Error(made);
    tokens.set(name, made.token);
  }
});
afterAll(() => manager.end());

async function ask(name: string, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${tokens.get(name)}`, "content-type": "application/json" };
  const response = await fetch(`${manager.urls.http}/api/v1${path}`, {
    ...{ method, headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as Record<string, unknown> };
}
const codeOf = ({ body }: { body: Record<string, unknown> }) => (body["error"] as { code: string } | undefined)?.code;

/** The command line as a program, by ann's token. */
function coxswain(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const environment = { COXSWAIN_TOKEN: tokens.get("ann") ?? "", COXSWAIN_URL: manager.urls.http };
  const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
  const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, ...environment } });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => (out += String(chunk)));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

describe("rollouts over HTTP", () => {
  test("a plan with a slip in it is refused with the place of it; nothing is made", async () => {
    const refused = await ask("ann", "POST", "/rollouts", { id: "r0", update: "fw-2", limits: { concurency: 5 } });
    expect([refused.status, codeOf(refused)]).toEqual([400, "bad-body"]);
    expect(JSON.stringify(refused.body)).toContain("limits.concurency");
    // A list of nodes may be longer than other bodies; not as long as one likes.
    const listed = (count: number) => ({ nodes: Array.from({ length: count }, (_, i) => `node-${i}`) });
    const long = await ask("ann", "POST", "/rollouts/preview", { id: "r0", update: "fw-2", targets: listed(9000) });
    expect(long.body).toMatchObject({ members: 10 });
    const longer = await ask("ann", "POST", "/rollouts/preview", { id: "r0", update: "fw-2", targets: listed(10_001) });
    expect([longer.status, codeOf(longer)]).toEqual([400, "bad-body"]);
    const unknown = await ask("ann", "POST", "/rollouts", { id: "r0", update: "none" });
    expect([unknown.status, codeOf(unknown)]).toEqual([409, "plan-refused"]);
    expect(JSON.stringify(unknown.body)).toContain("coxswain update list");
    const noWay = { id: "r0", update: "fw-2", revert: { update: "none", automatic: true } };
    expect(codeOf(await ask("ann", "POST", "/rollouts", noWay))).toBe("plan-refused");
    expect(codeOf(await ask("ann", "GET", "/rollouts/r0"))).toBe("unknown-rollout");
  });

  test("a viewer may preview and look, and make or steer nothing", async () => {
    const preview = await ask("vera", "POST", "/rollouts/preview", { id: "r1", update: "fw-2" });
    expect(preview).toMatchObject({ status: 200, body: { members: 10, waves: [1, 1, 2, 10], out: {} } });
    expect(codeOf(await ask("vera", "POST", "/rollouts", { id: "r1", update: "fw-2" }))).toBe("lesser-role");
    expect((await ask("vera", "POST", "/rollouts/forecast", { id: "r1", update: "fw-2", seed: 7 })).body).toMatchObject(
      {
        ...{ kind: "forecast", members: 10, seed: 7 },
      },
    );
  });

  test("a forecast as lines has its answer in the last one, refused or not", async () => {
    const lines = async (body: object) => {
      const headers = { authorization: `Bearer ${tokens.get("vera")}`, "content-type": "application/json" };
      const response = await fetch(`${manager.urls.http}/api/v1/rollouts/forecast`, {
        ...{ method: "POST", body: JSON.stringify(body), headers: { ...headers, accept: "application/x-ndjson" } },
      });
      expect(response.headers.get("content-type")).toContain("application/x-ndjson");
      return (await response.text())
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const told = await lines({ id: "r1", update: "fw-2", seed: 7 });
    expect(told.at(-1)).toMatchObject({ kind: "forecast", members: 10, seed: 7 });
    expect(told.slice(0, -1).every(({ done }) => typeof done === "number")).toBe(true);
    expect((await lines({ id: "r1", update: "none" })).at(-1)).toMatchObject({
      kind: "refused",
      why: "unknown-update",
    });
  });

  test("four eyes: the manager's setting makes each rollout wait for a second person", async () => {
    expect((await ask("ann", "POST", "/rollouts", { id: "r1", update: "fw-2" })).status).toBe(201);
    const started = await ask("ann", "POST", "/rollouts/r1/steps", { step: "start" });
    expect(started.body).toMatchObject({ status: "awaiting-approval" });
    const own = await ask("ann", "POST", "/rollouts/r1/steps", { step: "approve" });
    expect([own.status, codeOf(own)]).toEqual([409, "rollout-refused"]);
    expect(JSON.stringify(own.body)).toContain("Another operator approves it");
    expect((await ask("bob", "POST", "/rollouts/r1/steps", { step: "approve" })).body).toMatchObject({
      status: "running",
    });
    expect(codeOf(await ask("bob", "POST", "/rollouts/r1/steps", { step: "jump" }))).toBe("bad-body");
  });

  test("an operator with a scope makes rollouts that can't leave it, and sees no others", async () => {
    const preview = await ask("hanna", "POST", "/rollouts/preview", { id: "rh", update: "fw-2" });
    expect(preview.body).toMatchObject({ members: 4, out: { "out-of-scope": 6 }, outNodes: [] });
    expect((await ask("hanna", "POST", "/rollouts", { id: "rh", update: "fw-2" })).body).toMatchObject({ members: 4 });
    const seen = async (name: string) =>
      ((await ask(name, "GET", "/rollouts")).body["rollouts"] as RolloutView[]).map(({ id }) => id);
    expect(await seen("hanna")).toEqual(["rh"]);
    expect(await seen("piet")).toEqual([]);
    expect(await seen("ann")).toEqual(["rh", "r1"]);
    for (const [name, rollout] of [
      ["hanna", "r1"],
      ["piet", "rh"],
    ] as const) {
      expect((await ask(name, "GET", `/rollouts/${rollout}`)).status).toBe(404);
      expect((await ask(name, "POST", `/rollouts/${rollout}/steps`, { step: "abort" })).status).toBe(404);
    }
    const { body } = await ask("hanna", "GET", "/rollouts/rh/members?limit=3");
    expect(body).toMatchObject({
      next: "node-2",
      members: [{ node: "node-0" }, { node: "node-1" }, { node: "node-2" }],
    });
    // A member that is told to be elsewhere is hidden from then on, and so is whether the walk goes past it.
    await manager.app.labels.set("node-2", { site: "pier", tags: [] }, by);
    const left = await ask("hanna", "GET", "/rollouts/rh/members?limit=3");
    expect(left.body).toMatchObject({ next: "node-3", members: [{ node: "node-0" }, { node: "node-1" }, {}] });
    expect(JSON.stringify(left.body)).not.toContain("node-2");
    expect(JSON.stringify((await ask("ann", "GET", "/rollouts/rh/members")).body)).toContain("node-2");
    await manager.app.labels.set("node-2", { site: "harbour", tags: [] }, by);
    expect((await ask("hanna", "POST", "/rollouts/rh/steps", { step: "abort" })).body).toMatchObject({
      status: "aborted",
    });
  });

  test("why a node waits is for who may see the node", async () => {
    const { body } = await ask("hanna", "GET", "/nodes/node-1/rollouts");
    expect(body["rollouts"]).toMatchObject([{ rollout: "r1", node: "node-1" }]);
    expect((await ask("hanna", "GET", "/nodes/node-7/rollouts")).status).toBe(403);
    // One of somebody else that doesn't have the node isn't told of; who made it learns why.
    const targets = { nodes: ["node-9"] };
    expect((await ask("ann", "POST", "/rollouts", { id: "far", update: "fw-2", targets })).status).toBe(201);
    const told = async (name: string) =>
      ((await ask(name, "GET", "/nodes/node-1/rollouts")).body["rollouts"] as { rollout: string }[]).map(
        ({ rollout }) => rollout,
      );
    expect([await told("hanna"), new Set(await told("ann"))]).toEqual([["r1"], new Set(["far", "r1"])]);
    await ask("ann", "POST", "/rollouts/far/steps", { step: "abort" });
    expect((await ask("ann", "GET", "/nodes/nobody/rollouts")).status).toBe(404);
  });

  test("only who has no scope lifts a quarantine", async () => {
    const path = `/quarantine/sensor/${hex}`;
    expect(codeOf(await ask("hanna", "DELETE", path))).toBe("whole-fleet-only");
    expect(codeOf(await ask("ann", "DELETE", path))).toBe("not-quarantined");
    expect((await ask("vera", "GET", "/quarantine")).body).toEqual({ quarantined: [] });
  });
});

describe("coxswain rollout", () => {
  test("previews, makes, shows, pauses and aborts, for people and for programs", async () => {
    const preview = await coxswain("rollout", "preview", "fw-2", "--site", "pier");
    expect(preview.out).toMatch(/^6 nodes are in: node-4, .*\nwaves reach 1, 1, 2, 6 of them\n4 are out: 4 other-site/);
    const plan = await coxswain("rollout", "plan", "fw-2", "--simulate", "--seed", "3", "--json");
    expect(JSON.parse(plan.out)).toMatchObject({ kind: "forecast", seed: 3, members: 10 });
    const flags = ["--id", "r2", "--waves", "2,100%", "--window", "daily 02:00-02:01", "--revert-to", "fw-1-again"];
    const made = await coxswain("rollout", "create", "fw-2", ...flags);
    expect([made.code, made.out]).toEqual([0, "r2 is made for 10 nodes. Start it with: coxswain rollout start r2\n"]);
    expect((await coxswain("rollout", "start", "r2")).out).toContain("waits for the approval of a second person");
    await ask("bob", "POST", "/rollouts/r2/steps", { step: "approve" });
    const shown = JSON.parse((await coxswain("rollout", "show", "r2", "--json")).out) as RolloutView;
    expect(shown).toMatchObject({ status: "running", plan: { waves: [{ count: 2 }, { percent: 100 }] } });
    expect((await coxswain("rollout", "pause", "r2", "--why", "storm")).out).toContain("r2: paused by ann, storm");
    const watched = await coxswain("rollout", "watch", "r2");
    expect([watched.code, watched.out]).toMatchObject([1, expect.stringContaining("paused, wave 1 of 2")]);
    expect((await coxswain("rollout", "why", "node-4")).out).toMatch(
      /r2: node-4 is waiting\n {2}1\. the rollout is paused: storm/,
    );
    expect((await coxswain("rollout", "abort", "r2")).out).toContain("r2: aborted");
    const over = (await coxswain("rollout", "show", "r2")).out;
    expect(over).toContain("10 not reached");
    expect(over).toMatch(/1 +2 .* never judged\n/);
    expect((await coxswain("rollout", "list")).out).toMatch(/r2 +fw-2 +aborted/);
  }, 60_000);

  test("says what is wrong and what to do, and ends with another code than 0", async () => {
    const refused = await coxswain("rollout", "resume", "r2");
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("make another, with --id")]);
    expect(await coxswain("rollout", "create", "fw-2", "--id", "r3", "--waves", "5%")).toMatchObject({ code: 1 });
    expect((await coxswain("rollout", "create")).code).toBe(2);
    const empty = await coxswain("rollout", "create", "fw-2", "--id", "r4", "--site", "nowhere");
    expect([empty.code, empty.out]).toEqual([
      0,
      expect.stringMatching(/made for 0 nodes.*\nNobody is in it: .* preview fw-2/),
    ]);
    const noWayBack = await coxswain("rollout", "create", "fw-2", "--auto-revert");
    expect([noWayBack.code, noWayBack.err]).toEqual([2, expect.stringContaining("--revert-to UPDATE")]);
    expect((await coxswain("rollout", "plan", "fw-2")).code).toBe(2);
    expect((await coxswain("quarantine", "lift", "sha256:00")).err).toContain("quarantine list");
    expect((await coxswain("rollout", "create", "--help")).out).toContain("--per-site <N>");
  }, 60_000);
});
