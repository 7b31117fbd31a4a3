import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeText } from "../../coap/message.ts";
import { routeActions as coapRoutes } from "../../manager/adapters/coap/route-actions.ts";
import { routeActions as httpRoutes } from "../../manager/adapters/http/route-actions.ts";
import { kidToBytes } from "../../manager/domain/node-credential.ts";
import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const by = { kind: "operator", id: "test" } as const;
const image = new Uint8Array(100).fill(7);
const hex = createHash("sha256").update(image).digest("hex");

let manager: TestManager;
let hanna: TestPeer;
let vera: TestPeer;
let crane: TestPeer;
const tokens = new Map<string, string>();
/** What stands for a parameter of a path. */
let named: Readonly<Record<string, string>>;

beforeAll(async () => {
  manager = await testManager();
  const { operators, labels, updates, registry } = manager.app;
  for (const [id, site] of [
    ["crane", "harbour"],
    ["lamp", "pier"],
    ["buoy", "pier"],
  ] as const) {
    await registry.register({
      manifest: { id, model: "sensor" } as never,
      path: { address: "127.0.0.1", port: 40_000 + id.length, family: 4 },
      identity: "credential",
      face: "register",
    });
    await labels.set(id, { site, tags: [] }, by);
  }
  const artifact = `${manager.urls.http}/api/v1/artifacts/${hex}`;
  const headers = { "content-type": "application/octet-stream" };
  expect((await fetch(artifact, { method: "PUT", headers, body: image })).ok).toBe(true);
  const targets = ["crane", "lamp"];
  const body = { id: "fw-2", version: "2", digest: `sha256:${hex}`, size: image.length, targets };
  expect((await updates.create(body as never, by)).kind).toBe("created");
  expect((await updates.start("fw-2", targets, by)).kind).toBe("started");
  // Of everything that a path can name there is one that tells of a node outside of hanna's scope.
  const plan = parseRolloutPlan({ id: "far", update: "fw-2", targets: { nodes: ["lamp", "crane"] } }, []);
  if (!plan.ok) throw new Error(plan.rule);
  expect(await manager.app.rollouts.create(plan.plan, by)).toMatchObject({ kind: "created" });
  const { batches } = manager.app.enrolments;
  const batchPlan = { model: "pier", limit: 2, lifeMs: 3_600_000, hardware: ["lamp"] };
  const made = await batches.create(batchPlan, by);
  if (made === "full") throw new Error(made);
  await batches.reopen(made.batch, "lamp", by);
  const claim = await manager.app.enrolments.createClaim("buoy", 3_600_000, by);
  if (claim === "full") throw new Error(claim);
  const household = { title: "Pier", timeZone: "UTC", gateway: "lamp", retains: false };
  expect(await manager.app.sites.add("pier", household, by)).toMatchObject({ site: "pier" });
  named = {
    ":site": "pier",
    ":rollout": "far",
    ":batch": made.batch,
    ":claim": claim.claim,
    ":model": "sensor",
    ":operator": "vera",
  };

  await operators.add("hanna", "viewer", ["site:harbour"], by);
  await operators.add("vera", "viewer", [], by);
  const peerOf = async (name: string) => {
    const wish = { operator: name, label: "test", role: "viewer", scope: [], days: 1 } as const;
    const made = await operators.createToken(wish, by);
    if (typeof made === "string") throw new Error(made);
    tokens.set(name, made.token);
    const key = await operators.issueKey(name, by);
    if (key === "unknown") throw new Error(key);
    const { masterSecret, masterSalt } = key.secrets;
    const keys = { masterSecret: toHex(masterSecret), masterSalt: toHex(masterSalt), senderId: key.kid };
    return await TestPeer.start(manager.coapPort, [], { ...keys, recipientId: "" });
  };
  hanna = await peerOf("hanna");
  vera = await peerOf("vera");
  const issued = await manager.app.credentials.issue("crane", by);
  if (issued.kind !== "issued" || issued.secrets.scheme !== "oscore") throw new Error(issued.kind);
  const { masterSecret, masterSalt } = issued.secrets;
  const senderId = toHex(kidToBytes(issued.kid));
  const keys = { masterSecret: toHex(masterSecret), masterSalt: toHex(masterSalt), senderId, recipientId: "" };
  crane = await TestPeer.start(manager.coapPort, [], keys);
});
afterAll(async () => {
  await hanna.end();
  await vera.end();
  await crane.end();
  await manager.end();
});

const get = (name: string, path: string) =>
  fetch(`${manager.urls.http}${path}`, { headers: { authorization: `Bearer ${tokens.get(name)}` } });
const got = async (name: string, path: string) => (await get(name, path)).json();

test("who sees one site is told how many nodes are there, and nothing that is counted of all", async () => {
  const own = (await got("hanna", "/api/v1/system")) as Record<string, unknown>;
  expect(own["counts"]).toMatchObject({ registered: 1 });
  const told = ["counts", "isInsecure", "startedAtMs", "uptimeSeconds", "urls", "version"];
  expect(new Set(Object.keys(own))).toEqual(new Set(told));
  expect(await got("vera", "/api/v1/system")).toMatchObject({
    counts: { registered: 3 },
    counters: expect.anything(),
    coap: expect.anything(),
    mqtt: expect.anything(),
  });
});

test("what Prometheus reads is for who sees the whole fleet", async () => {
  const refused = await get("hanna", "/metrics");
  expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: "whole-fleet-only" } }]);
  expect((await get("vera", "/metrics")).status).toBe(200);
});

test("an update's targets and counts are of the nodes that one sees, over HTTP", async () => {
  const one = { counts: { total: 1, states: { offered: 1 } }, update: { targets: ["crane"] } };
  expect(await got("hanna", "/api/v1/updates")).toMatchObject({ updates: [one] });
  expect(await got("hanna", "/api/v1/updates/fw-2")).toMatchObject(one);
  const all = { counts: { total: 2 }, update: { targets: ["crane", "lamp"] } };
  expect(await got("vera", "/api/v1/updates")).toMatchObject({ updates: [all] });
  expect(await got("vera", "/api/v1/updates/fw-2")).toMatchObject(all);
});

test("an update's targets and counts are of the nodes that one sees, on CoAP", async () => {
  for (const path of ["/updates", "/updates/fw-2"]) {
    const [own, all] = [await hanna.ask("GET", path), await vera.ask("GET", path)];
    expect([own.code, all.code], path).toEqual(["2.05", "2.05"]);
    expect(own.text, path).toContain("crane");
    expect(own.text, path).not.toContain("lamp");
    expect(all.text, path).toContain("lamp");
  }
  expect((await hanna.ask("GET", "/updates/fw-2/status")).json).toMatchObject({ total: 1, states: { offered: 1 } });
  expect((await vera.ask("GET", "/updates/fw-2/status")).json).toMatchObject({ total: 2 });
});

test("no route that an operator may read tells of a node outside of his scope, nor one that a node asks of other nodes", async () => {
  const { registry, alerts } = manager.app;
  expect([registry.isRegistered("lamp"), alerts.active().length]).toEqual([true, expect.any(Number)]);
  const filled = (path: string, node: string) =>
    Object.entries({ ...named, ":node": node, ":update": "fw-2", ":hex": hex, ":digest": hex }).reduce(
      (text, [parameter, value]) => text.replace(parameter, value),
      path,
    );
  // Those that are for who sees the whole fleet, and the one that never ends.
  const left = new Set(["GET /api/v1/events", "GET /artifacts/:hex", "GET /u/:digits"]);
  const paths = Object.keys(httpRoutes).filter((each) => each.startsWith("GET /api") && !left.has(each));
  expect(paths.length).toBeGreaterThan(25);
  // A route with a parameter that nothing stands for would be asked in vain.
  expect(paths.filter((each) => filled(each, "crane").includes(":"))).toEqual([]);
  expect(await (await get("vera", "/api/v1/rollouts/far/members")).text()).toContain("lamp");
  expect((await get("hanna", "/api/v1/rollouts/far/members")).status).toBe(404);
  const wish = { operator: "oskar", label: "test", role: "operator", scope: [], days: 1 } as const;
  await manager.app.operators.add("oskar", "operator", ["site:harbour"], by);
  const made = await manager.app.operators.createToken(wish, by);
  if (typeof made === "string") throw new Error(made);
  tokens.set("oskar", made.token);
  for (const path of paths) {
    const answer = await (await get("oskar", filled(path.slice(4), "crane"))).text();
    expect(answer.includes("lamp") || answer.includes("buoy"), `${path} ${answer}`).toBe(false);
  }
  for (const path of [
    ...paths,
    "GET /api/v1/nodes?prefix=l",
    "GET /api/v1/nodes?after=c&limit=1",
    "GET /api/v1/telemetry/latest?nodes=lamp",
  ]) {
    const answer = await (await get("hanna", filled(path.slice(4), "crane"))).text();
    expect(answer.includes("lamp") || answer.includes("buoy"), `${path} ${answer}`).toBe(false);
    // One that he doesn't see looks like one that isn't there, also to who asks for it.
    if (!path.includes(":node")) continue;
    const [hidden, absent] = await Promise.all([
      get("hanna", filled(path.slice(4), "lamp")),
      get("hanna", filled(path.slice(4), "lump")),
    ]);
    expect([hidden.status, (await hidden.text()).replaceAll("lamp", "lump")], path).toEqual([
      absent.status,
      await absent.text(),
    ]);
    expect(hidden.status, path).toBe(403);
  }
  const reads = Object.keys(coapRoutes).filter((each) => each.startsWith("GET /") && !each.includes("proxy"));
  for (const each of reads) {
    const path = filled(each.slice(4), "crane");
    const { code, text } = await hanna.ask("GET", path);
    expect(text.includes("lamp") || text.includes("buoy"), `${path} ${code} ${text}`).toBe(false);
    if (each.includes(":node")) expect((await hanna.ask("GET", filled(each.slice(4), "lamp"))).code, path).toBe("4.03");
    if (each.startsWith("GET /rd-lookup")) continue;
    const asNode = await crane.ask("GET", path);
    expect(asNode.text.includes("lamp"), `${path} ${asNode.code} ${asNode.text}`).toBe(false);
  }
});

test("what an operator observes on CoAP ends for him with the next change once the node isn't in his scope any more", async () => {
  const { operators, health } = manager.app;
  const put = (status: string) => crane.ask("PUT", "/nodes/crane/health", JSON.stringify({ status }), 50);
  expect((await put("healthy")).code).toBe("2.04");
  const said: string[] = [];
  const ends: string[] = [];
  const asked = { to: hanna.to, path: ["nodes", "crane", "health"] };
  hanna.endpoint.observe(asked, {
    notification: (response) => void said.push(new TextDecoder().decode(response.payload)),
    ended: (reason, response) => void ends.push(`${reason} ${response === undefined ? "" : codeText(response.code)}`),
  });
  await soon(
    () => said,
    (all) => all.length === 1,
  );
  await operators.change("hanna", "viewer", ["site:pier"], by);
  expect((await put("degraded")).code).toBe("2.04");
  await soon(
    () => ends,
    (all) => all.length === 1,
  );
  expect(ends).toEqual(["refused 4.03"]);
  expect(said.join()).not.toContain("degraded");
  expect(health.latest("crane")).toBeDefined();
  await operators.change("hanna", "viewer", ["site:harbour"], by);
});
