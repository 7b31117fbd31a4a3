import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { manifestErrors } from "../../manager/adapters/http/manifest-errors.ts";
import { type TestManager, testManager } from "./manager-harness.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

interface Vector {
  readonly name: string;
  readonly hex: string;
  readonly reason: string;
}
const text = readFileSync(new URL("../vectors/update-manifest.json", import.meta.url), "utf8");
const { bad } = JSON.parse(text) as { bad: readonly Vector[] };
/** What only a node can judge, about its own state, or where the manager's bound is another. */
const others = new Set([
  ...["no-payload-key", "unsupported-variant", "wrong-base", "over-budget", "no-previous-image"],
  ...["sequence-too-low", "sequence-reused", "image-too-large", "manifest-too-large", "digest-mismatch"],
]);
const judged = bad.filter(({ reason }) => !others.has(reason));

const image = Buffer.from("image");
const digest = `sha256:${createHash("sha256").update(image).digest("hex")}`;
const headers = { "content-type": "application/json" };
let manager: TestManager;
let api: string;

beforeAll(async () => {
  manager = await testManager({ flags: { vendor: "vendor.example" } });
  api = `${manager.urls.http}/api/v1`;
  const octets = { "content-type": "application/octet-stream" };
  await fetch(`${api}/artifacts/${digest.slice(7)}`, { method: "PUT", headers: octets, body: image });
  await trustKey(manager.app);
  await trustKey(manager.app, "second");
  await create({});
});
afterAll(() => manager.end());

async function create(more: object): Promise<{ status: number; error?: { code: string; next: string } }> {
  const body = { id: "fw", version: "1", model: "sensor", size: image.length, digest, sequence: 42, ...more };
  const answer = await fetch(`${api}/updates`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, ...((await answer.json()) as object) };
}

async function put(envelope: Uint8Array): Promise<{ status: number; error?: { code: string; next: string } }> {
  const octets = { "content-type": "application/octet-stream" };
  const body = Buffer.from(envelope);
  const answer = await fetch(`${api}/updates/fw/manifest`, { method: "PUT", headers: octets, body });
  return { status: answer.status, ...((await answer.json()) as object) };
}

test("there are many", () => {
  expect(judged.length).toBeGreaterThan(70);
});

test.each(judged)("$name is refused as $reason, with what to do next", async ({ hex, reason }) => {
  const { status, error } = await put(Buffer.from(hex, "hex"));
  expect(error?.code).toBe(reason);
  expect(status).toBe(manifestErrors[reason as keyof typeof manifestErrors].status);
  expect(error?.next.length).toBeGreaterThan(20);
  expect(manager.app.updates.find("fw")?.state).toBe("unsigned");
});

test("one that is too large, and one that isn't base64", async () => {
  expect((await put(Buffer.alloc(16_385))).error?.code).toBe("manifest-too-large");
  expect((await put(Buffer.alloc(70_000))).error?.code).toBe("body-too-large");
  for (const envelope of ["%%%", 5, "aGk"])
    expect((await create({ id: "fw-2", envelope })).error?.code).toBe("bad-body");
  expect(manager.app.updates.find("fw-2")).toBeUndefined();
});

test("what is offered keeps its envelope, and what is withdrawn gets none", async () => {
  const about = { digest, size: image.length, model: "sensor", version: "1", sequence: 42 } as never;
  const envelope = await envelopeOf(about);
  expect((await put(envelope)).status).toBe(200);
  await manager.app.registry.register({
    manifest: { id: "n1", model: "sensor" } as never,
    path: { address: "127.0.0.1", port: 4000, family: 4 },
    ...{ identity: "claimed", contentFormat: 60, face: "register" },
  });
  await manager.app.updates.start("fw", ["n1"], { kind: "operator", id: "test" });
  expect((await put(await envelopeOf(about))).error?.code).toBe("manifest-in-use");
  expect((await put(envelope)).status).toBe(200);
  await manager.app.updates.withdraw("fw", { kind: "operator", id: "test" });
  expect((await put(envelope)).error?.code).toBe("update-withdrawn");
});
