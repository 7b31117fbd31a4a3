import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Update } from "../../schemas/generated/types.ts";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";
import { type TestManager, testManager } from "./manager-harness.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const images = ["image", "deflated", "another"].map((each) => Buffer.from(each.repeat(100)));
const hexes = images.map((each) => createHash("sha256").update(each).digest("hex"));
const [image, deflated] = hexes.map((hex, i) => ({
  digest: `sha256:${hex}` as Update["digest"] & `sha256:${string}`,
  size: images[i]?.length ?? 0,
}));
let manager: TestManager;
let token: string;

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  token = await manager.app.operators
    .createToken({ operator: "admin", role: "admin", scope: [], days: 1, label: "test" } as never, operator)
    .then((made) => (typeof made === "string" ? made : made.token));
  for (const [i, body] of images.entries()) await put(hexes[i] ?? "", body);
  await trustKey(manager.app);
  await manager.app.registry.register({
    manifest: { id: "n1", model: "sensor" } as never,
    path: { address: "127.0.0.1", port: 4000, family: 4 },
    ...{ identity: "credential", contentFormat: 60, face: "register" },
  });
});
afterAll(() => manager.end());

function put(hex: string, body: Buffer<ArrayBuffer>): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" };
  return fetch(`${manager.urls.http}/api/v1/artifacts/${hex}`, { method: "PUT", headers, body });
}

async function status(url: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, { headers });
  const body = await answer.text();
  return answer.ok ? `${answer.status}` : `${answer.status} ${JSON.parse(body).error.code}`;
}

/** The link that the node is told by its heartbeat. */
function link(): string {
  const told = manager.app.heartbeats.beat("n1", 0, undefined, undefined);
  if (told.kind !== "action" || told.action.kind !== "update") throw new Error(told.kind);
  return told.action.uris.find((each) => each.startsWith("http:")) ?? "";
}

test("an artifact is fetched by the link of an open attempt, by an operator, and by nobody else", async () => {
  const update = { id: "fw-2", version: "2", model: "sensor", sequence: 2, ...image } as unknown as Update;
  const variants = [
    { kind: "deflate", window: 4096, ...deflated },
    { kind: "full", ...image },
  ];
  const envelope = await envelopeOf(update, { variants: variants as never }, ["vendor"], "coxswain.example");
  const created = await manager.app.updates.create(update, operator, envelope);
  expect(created.kind).toBe("created");
  await manager.app.updates.start("fw-2", ["n1"], operator);
  const url = link();
  expect(url).toContain(`/artifacts/${hexes[0]}?attempt=`);
  expect(await status(url)).toBe("200");
  // The path of a variant, with the query of the link: as a node makes it.
  const at = (hex: string | undefined, query = url.split("?")[1]) =>
    status(`${manager.urls.http}/artifacts/${hex}${query === "" ? "" : `?${query}`}`);
  expect(await at(hexes[1])).toBe("200");
  expect(await at(hexes[2])).toBe("403 wrong-artifact-token");
  expect(await at(hexes[0], "")).toBe("401 no-artifact-token");
  const [, attempt = ""] = /attempt=([^&]+)/.exec(url) ?? [];
  const [, mac = ""] = /t=([^&]+)/.exec(url) ?? [];
  expect(await at(hexes[0], `attempt=${attempt}`)).toBe("401 no-artifact-token");
  expect(await at(hexes[0], `attempt=${attempt}x&t=${mac}`)).toBe("403 wrong-artifact-token");
  expect(await at(hexes[0], `attempt=${attempt}&t=${mac.replace(/.$/, mac.endsWith("A") ? "Q" : "A")}`)).toBe(
    "403 wrong-artifact-token",
  );
  for (const bad of ["", "%00", "a".repeat(5000), `${mac}A`])
    expect(await at(hexes[0], `attempt=${attempt}&t=${bad}`), bad.slice(0, 9)).toBe("403 wrong-artifact-token");
  const headers = { authorization: `Bearer ${token}` };
  expect(await status(`${manager.urls.http}/artifacts/${hexes[2]}`, headers)).toBe("200");
  expect(await status(`${manager.urls.http}/artifacts/${hexes[2]}`, { authorization: "Bearer x" })).toMatch(/^401/);
  // What was served is counted for the attempt, whichever payload it was.
  const [view] = await manager.app.attempts.list({ update: "fw-2" });
  expect(view?.bytesByWay["http"]).toBe((image?.size ?? 0) + (deflated?.size ?? 0));
  await manager.app.attempts.cancel("n1", operator);
  expect(await status(url)).toBe("403 artifact-token-expired");
});

test("an update keeps what it can be fetched as from being deleted, until it is withdrawn", async () => {
  const remove = async (hex: string | undefined) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${manager.urls.http}/api/v1/artifacts/${hex}`, { method: "DELETE", headers })).status;
  };
  expect([await remove(hexes[0]), await remove(hexes[1]), await remove(hexes[2])]).toEqual([409, 409, 204]);
  await manager.app.updates.withdraw("fw-2", operator);
  expect(await remove(hexes[1])).toBe(204);
});

test("a link is good for a day, over restarts of the manager, and its action brings a new one", async () => {
  const update = { id: "fw-2", version: "2", size: 2000, digest: digestB, model: "sensor" } as unknown as Update;
  let h = await new AppHarness().start();
  await h.register("n1");
  await h.wait(h.app.updates.create(update, operator));
  await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
  const linkOf = (): readonly [attempt: string, token: string] => {
    const told = h.app.heartbeats.beat("n1", 0, undefined, undefined);
    if (told.kind !== "action" || told.action.kind !== "update") throw new Error(told.kind);
    return [told.action.attempt, new URL(told.action.uris[0] ?? "").searchParams.get("t") ?? ""];
  };
  const [attempt, first] = linkOf();
  const check = (mac: string, digest = digestB) => h.app.access.check(digest, attempt, mac).kind;
  await h.settle(86_390_000);
  expect(check(first)).toBe("good");
  expect(check(first, digestA)).toBe("wrong");
  h = await h.crash();
  expect(check(first)).toBe("good");
  await h.settle(20_000);
  expect(check(first)).toBe("expired");
  const [, second] = linkOf();
  expect(second).not.toBe(first);
  expect(check(second)).toBe("good");
});
