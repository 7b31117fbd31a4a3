import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { routeActions } from "../../manager/adapters/coap/route-actions.ts";
import type { BatchPlan, CreatedBatch } from "../../manager/app/api/batches.ts";
import { batchTimes } from "../../manager/domain/batch.ts";
import { codeOf, deviceKeys, enrol, isStranger } from "./enrolment-harness.ts";
import { issueKeys, soon, type TestKeys, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const secure = { insecure: false, poll: "10", report: "10" };
const by = { kind: "operator", id: "test" } as const;
/** A first answer with an Echo is left out while the manager takes its numbers: who waited two seconds each time would wait long. */
const repeatsAfterMs = 200;
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

async function makeBatch(manager: TestManager, plan: Partial<BatchPlan> = {}): Promise<CreatedBatch> {
  const whole = { model: "lamp", limit: 10, lifeMs: batchTimes.default, ...plan };
  const made = await manager.app.enrolments.batches.create(whole, by);
  if (made === "full") throw new Error(made);
  return made;
}

describe("a batch's key", () => {
  let manager: TestManager;
  const peers: TestPeer[] = [];
  beforeAll(async () => {
    manager = await testManager({ flags: secure });
  });
  afterAll(async () => {
    for (const peer of peers) await peer.end();
    await manager.end();
  });
  async function peerOf(keys?: TestKeys): Promise<TestPeer> {
    const peer = await TestPeer.start(manager.coapPort, [], keys, repeatsAfterMs);
    peers.push(peer);
    return peer;
  }
  const deviceOf = ({ batch, key }: CreatedBatch, hardware: string) => peerOf(deviceKeys(batch, key, hardware));
  const audited = async (subject: string) =>
    ((await manager.app.audit.list({ subject }))?.entries ?? []).map(({ entry }) => entry.what);

  test("another device's hardware id, a foreign key, no hardware id and no such batch are strangers", async () => {
    const made = await makeBatch(manager);
    const own = deviceKeys(made.batch, made.key, "0a");
    const wrong: readonly TestKeys[] = [
      { ...own, idContext: Buffer.from("0b").toString("hex") },
      deviceKeys(made.batch, "00".repeat(32), "0a"),
      deviceKeys("000000000000", made.key, "0a"),
      // What no hardware id may be, with the very key that would be derived of it: "Gw", "x.y", nothing, and one too long.
      ...["Gw", "gw.0a", "", "12345678901234567"].map((each) => deviceKeys(made.batch, made.key, each)),
      (({ idContext: _, ...rest }) => rest)(own),
    ];
    for (const keys of wrong) expect(await codeOf(await peerOf(keys))).toMatch(isStranger);
    expect(await manager.app.enrolments.batches.devices(made.batch)).toEqual([]);
    expect(await codeOf(await peerOf(own))).toBe("2.04");
  });

  test("is refused 4.03 by every resource but POST /enrol", async () => {
    const peer = await deviceOf(await makeBatch(manager), "gate");
    for (const name of Object.keys(routeActions)) {
      if (name === "POST /enrol" || name.includes("/device/")) continue;
      const [method = "", path = ""] = name.split(" ");
      const target = path.replace(":node", "lamp-gate").replace("*", "health").replace(/:\w+/, "x");
      for (const query of ["", "?ep=lamp-gate", "?as=operator"]) {
        const format = method === "FETCH" ? 60 : undefined;
        const { code: answer } = await peer.ask(method as "GET", `${target}${query}`, undefined, format);
        expect(answer, `${name}${query}`).toBe("4.03");
      }
    }
    expect(manager.app.registry.isRegistered("lamp-gate")).toBe(false);
  });

  test("gives each device credentials of its own, the same until it used them, and a replay nothing", async () => {
    const made = await makeBatch(manager);
    const keys = deviceKeys(made.batch, made.key, "a1");
    const [first, second] = [await peerOf(keys), await deviceOf(made, "a2")];
    const one = await enrol(first);
    const two = await enrol(second);
    expect([one.id, two.id]).toEqual(["lamp-a1", "lamp-a2"]);
    expect(one.masterSecret).not.toBe(two.masterSecret);
    // The power went between the answer and the device's storage.
    expect(await enrol(first)).toEqual(one);
    // The numbers of before: a recorded request would look the same.
    expect(await codeOf(await peerOf(keys))).toMatch(isStranger);
    const device = await peerOf(one);
    expect((await device.register({ id: "lamp-a1", model: "lamp" })).code).toBe("2.01");
    expect(await codeOf(first)).toBe("4.03");
    expect((await device.ask("POST", "/status?r=0")).code).toBe("2.04");
    const { batches } = manager.app.enrolments;
    expect((await batches.devices(made.batch))?.map(({ hardware, state }) => [hardware, state])).toEqual([
      ["a1", "used"],
      ["a2", "answered"],
    ]);
    expect(await audited("node/lamp-a1")).toEqual(expect.arrayContaining(["enrolled", "credential-issued"]));
  });

  test("over its limit another device is refused and that is recorded, and those that have a place keep it", async () => {
    const made = await makeBatch(manager, { model: "few", limit: 2 });
    const [a, b, c] = [await deviceOf(made, "a"), await deviceOf(made, "b"), await deviceOf(made, "c")];
    const first = await enrol(a);
    await enrol(b);
    expect(await codeOf(c)).toBe("4.03");
    expect(await enrol(a)).toEqual(first);
    expect(manager.app.enrolments.batches.list().find(({ batch }) => batch === made.batch)).toMatchObject({
      ...{ state: "full", enrolled: 2, limit: 2 },
    });
    await soon(
      () => audited(`batch/${made.batch}`),
      (found) => found.includes("enrolment-refused"),
    );
    expect(manager.app.credentials.has("few-c")).toBe(false);
  });

  test("takes no node over that has credentials, or had them, until an operator lets it", async () => {
    const made = await makeBatch(manager, { model: "door" });
    const owner = await peerOf(await issueKeys(manager, "door-1"));
    expect((await owner.register({ id: "door-1", model: "door" })).code).toBe("2.01");
    await issueKeys(manager, "door-2");
    await issueKeys(manager, "door-3");
    await manager.app.credentials.revoke("door-3", by);
    const taking = await deviceOf(made, "1");
    for (const peer of [taking, await deviceOf(made, "2"), await deviceOf(made, "3")]) {
      expect(await codeOf(peer)).toBe("4.03");
    }
    expect((await owner.ask("POST", "/status?r=0")).code).toBe("2.04");
    await soon(
      () => audited("node/door-1"),
      (found) => found.includes("enrolment-refused"),
    );
    await soon(
      async () => (await manager.app.timeline.list("door-1")).map(({ what }) => what),
      (found) => found.includes("enrolment-refused"),
    );
    const { batches } = manager.app.enrolments;
    expect(await batches.reopen("000000000000", "1", by)).toBe("unknown");
    expect(await batches.reopen(made.batch, "1", by)).toMatchObject({ node: "door-1", state: "reopened" });
    const taken = await enrol(taking);
    // The old ones are good until the new ones are used.
    expect((await owner.ask("POST", "/status?r=0")).code).toBe("2.04");
    expect(await enrol(taking)).toEqual(taken);
    const device = await peerOf(taken);
    expect((await device.register({ id: "door-1", model: "door" })).code).toBe("2.04");
    expect(await codeOf(owner, "/status?r=0")).toMatch(isStranger);
    // Once more was once.
    expect(await codeOf(taking)).toBe("4.03");
    expect(await audited("node/door-1")).toContain("enrolment-reopened");
  });

  test("doesn't bring back a device that was revoked or removed, nor one that was to enrol once more then", async () => {
    const made = await makeBatch(manager, { model: "horn" });
    const peer = await deviceOf(made, "1");
    await enrol(peer);
    const { batches } = manager.app.enrolments;
    expect(await manager.app.credentials.revoke("horn-1", by)).toBe("revoked");
    expect(await codeOf(peer)).toBe("4.03");
    await batches.reopen(made.batch, "1", by);
    await manager.app.credentials.revoke("horn-1", by);
    expect(await codeOf(peer)).toBe("4.03");
    await batches.reopen(made.batch, "1", by);
    const device = await peerOf(await enrol(peer));
    expect((await device.register({ id: "horn-1", model: "horn" })).code).toBe("2.01");
    await manager.app.registry.remove("horn-1", by);
    expect(await codeOf(peer)).toBe("4.03");
  });

  test("ends for all its devices at the next datagram, and what they got stays unless asked otherwise", async () => {
    const [made, other] = [await makeBatch(manager, { model: "bell" }), await makeBatch(manager, { model: "gong" })];
    const devices = await Promise.all(["1", "2", "3"].map((each) => deviceOf(made, each)));
    const kept = await deviceOf(other, "1");
    const first = await enrol(devices[0] as TestPeer);
    await enrol(devices[1] as TestPeer);
    // A context that was never good for an answer is there too.
    expect(await codeOf(devices[2] as TestPeer, "/status?r=0")).toBe("4.03");
    const { batches } = manager.app.enrolments;
    expect(await batches.revoke(made.batch, false, by)).toEqual({ nodes: [] });
    for (const each of devices) expect(await codeOf(each)).toMatch(isStranger);
    expect(await batches.revoke(made.batch, false, by)).toBe("unknown");
    expect(await batches.devices(made.batch)).toBeUndefined();
    expect(await codeOf(kept)).toBe("2.04");
    const device = await peerOf(first);
    expect((await device.register({ id: "bell-1", model: "bell" })).code).toBe("2.01");
    expect(await batches.revoke(other.batch, true, by)).toEqual({ nodes: ["gong-1"] });
    expect(manager.app.credentials.has("gong-1")).toBe(false);
  });

  test("with a list lets in only what stands in it, and expires with its secret", async () => {
    const listed = await makeBatch(manager, { model: "pump", hardware: ["1", "2"] });
    expect(await codeOf(await deviceOf(listed, "3"))).toMatch(isStranger);
    expect((await enrol(await deviceOf(listed, "2"))).id).toBe("pump-2");
    const brief = await makeBatch(manager, { model: "brief", lifeMs: 300 });
    const early = await deviceOf(brief, "1");
    await codeOf(early);
    await soon(
      () => manager.app.enrolments.batches.list().find(({ batch }) => batch === brief.batch)?.state,
      (state) => state === "expired",
    );
    expect(await codeOf(early)).toMatch(/^4\.0[13]$|^coap\./);
    expect(await codeOf(await deviceOf(brief, "2"))).toMatch(isStranger);
  });

  test("is made, listed, reopened and revoked by the command line", async () => {
    const run = (...args: string[]) =>
      new Promise<{ code: number; out: string; err: string }>((resolve) => {
        const all = [cli, "batch", ...args, "--url", manager.urls.http, "--data-dir", manager.folder];
        execFile(process.execPath, all, { cwd: manager.folder }, (error, out, err) =>
          resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
        );
      });
    expect(await run("create", "--limit", "none")).toMatchObject({ code: 2, err: expect.stringContaining("--limit") });
    expect((await run("create", "--model", "Bad Model", "--out", "bad.json")).err).toContain("model");
    expect(readdirSync(manager.folder)).not.toContain("bad.json");
    expect((await run("create", "--hardware", "nowhere.txt")).err).toContain("--hardware");
    expect((await run("revoke", "000000000000")).err).toContain("no batch");
    expect((await run("reopen", "000000000000", "1")).err).toContain("no batch");
    writeFileSync(join(manager.folder, "ids.txt"), "s1\ns2\n\n");
    const file = join(manager.folder, "siren.json");
    const made = await run("create", "--model", "siren", "--limit", "2", "--hardware", "ids.txt", "--out", file);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toMatch(/cxnode --manager coap:\/\/\S+ --batch-key ID\.device\.json/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { batch, key } = JSON.parse(readFileSync(file, "utf8")) as { batch: string; key: string };
    expect(made.out).not.toContain(key);
    expect((await run("create", "--out", file)).err).toContain("There is a file");
    expect((await run("list")).out).toMatch(new RegExp(`${batch} +siren +open +0/2 +2 listed`));
    expect((await run("devices", batch)).out).toContain("No device");
    expect((await run("device-key", file, "gw.0a")).err).toContain("no hardware id");
    expect((await run("device-key", "ids.txt", "s1")).err).toContain("isn't the key of a batch");
    expect((await run("device-key", file, "s1")).out).toContain("s1.device.json");
    const device = JSON.parse(readFileSync(join(manager.folder, "s1.device.json"), "utf8")) as { secret: string };
    const { masterSecret, masterSalt } = deviceKeys(batch, key, "s1");
    expect(device).toEqual({ batch, hardware: "s1", secret: masterSecret + masterSalt });
    expect(statSync(join(manager.folder, "s1.device.json")).mode & 0o777).toBe(0o600);
    const peer = await peerOf(deviceKeys(batch, key, "s1"));
    expect((await enrol(peer)).id).toBe("siren-s1");
    expect((await run("devices", batch)).out).toMatch(/s1 +siren-s1 +answered/);
    expect((await run("reopen", batch, "s1")).out).toMatch(/s1 may enrol once more, as siren-s1/);
    expect((await run("revoke", batch, "--with-nodes")).out).toContain("credentials of 1 nodes");
    expect(await codeOf(peer)).toMatch(isStranger);
    const asData = JSON.parse((await run("create", "--json")).out) as CreatedBatch;
    expect(asData.key).toMatch(/^[0-9a-f]{64}$/);
  });
});

test("the key stays out of the database, and is good after a restart, from where on nothing recorded is taken", async () => {
  const first = await testManager({ flags: secure });
  const made = await makeBatch(first);
  const keys = deviceKeys(made.batch, made.key, "b1");
  const peer = await TestPeer.start(first.coapPort, [], keys, repeatsAfterMs);
  const answered = await enrol(peer);
  await first.end({ keepsFolder: true });
  const files = readdirSync(first.folder).filter((name) => name.startsWith("registry.db"));
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(first.folder, name))));
  expect(bytes.includes("batch-created")).toBe(true);
  for (const text of [made.key, Buffer.from(made.key, "hex"), keys.masterSecret])
    expect(bytes.includes(text)).toBe(false);
  const flags = { ...secure, "coap.port": String(first.coapPort) };
  const second = await testManager({ flags, folder: first.folder });
  expect(second.app.enrolments.batches.list()).toMatchObject([{ batch: made.batch, enrolled: 1, limit: 10 }]);
  // The window was lost with the process: an Echo, then the same answer as before.
  expect(await enrol(peer)).toEqual(answered);
  await peer.end();
  await second.end();
});
