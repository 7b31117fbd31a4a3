import { execFile } from "node:child_process";
import { hkdfSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code } from "../../coap/message.ts";
import { routeActions } from "../../manager/adapters/coap/route-actions.ts";
import type { CreatedClaim } from "../../manager/app/api/enrolments.ts";
import { claimTimes } from "../../manager/domain/enrolment.ts";
import { codeOf, enrol, isStranger } from "./enrolment-harness.ts";
import { issueKeys, soon, type TestKeys, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const secure = { insecure: false, poll: "10", report: "10" };
const by = { kind: "operator", id: "test" } as const;
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");

/** As a device does it, by the reference page alone. */
function keysOf(code: string): TestKeys {
  const plain = code.replaceAll("-", "");
  const hex = Buffer.from(hkdfSync("sha256", plain, "", "coxswain-claim", 30)).toString("hex");
  return {
    ...{ masterSecret: hex.slice(0, 32), masterSalt: hex.slice(32, 48), senderId: hex.slice(48), recipientId: "" },
  };
}

async function claimFor(
  manager: TestManager,
  node: string,
  lifeMs: number = claimTimes.default,
): Promise<CreatedClaim> {
  const made = await manager.app.enrolments.createClaim(node, lifeMs, by);
  if (made === "full") throw new Error(made);
  return made;
}

describe("a claim code", () => {
  let manager: TestManager;
  beforeAll(async () => {
    manager = await testManager({ flags: secure });
  });
  afterAll(async () => {
    await manager.end();
  });
  const peerOf = (keys: TestKeys) => TestPeer.start(manager.coapPort, [], keys);

  test("a wrong code, and one that is revoked, are strangers", async () => {
    const { claim, code } = await claimFor(manager, "porch");
    const wrong = await peerOf({ ...keysOf(code), masterSecret: "00".repeat(16) });
    expect(await codeOf(wrong)).toMatch(isStranger);
    const peer = await peerOf(keysOf(code));
    expect(await manager.app.enrolments.revokeClaim(claim, by)).toBe("revoked");
    expect(await manager.app.enrolments.revokeClaim(claim, by)).toBe("unknown");
    expect(await codeOf(peer)).toMatch(isStranger);
    expect(manager.app.credentials.has("porch")).toBe(false);
    await wrong.end();
    await peer.end();
  });

  test("is refused 4.03 by every resource but POST /enrol, and that by everybody else", async () => {
    const { code } = await claimFor(manager, "gate");
    const peer = await peerOf(keysOf(code));
    for (const name of Object.keys(routeActions)) {
      if (name === "POST /enrol" || name.includes("/device/")) continue;
      const [method = "", path = ""] = name.split(" ");
      const target = path.replace(":node", "gate").replace("*", "health").replace(/:\w+/, "x");
      for (const query of ["", "?ep=gate", "?as=operator"]) {
        const format = method === "FETCH" ? 60 : undefined;
        const { code: answer } = await peer.ask(method as "GET", `${target}${query}`, undefined, format);
        expect(answer, `${name}${query}`).toBe("4.03");
      }
    }
    const node = await peerOf(await issueKeys(manager, "shed"));
    expect(await codeOf(node)).toBe("4.03");
    const nobody = await TestPeer.start(manager.coapPort);
    expect(await codeOf(nobody)).toBe("4.01");
    // Where it is anybody may know.
    expect((await nobody.ask("GET", "/.well-known/core?rt=coxswain.enrol")).text).toContain("</enrol>");
    expect(manager.app.registry.isRegistered("gate")).toBe(false);
    for (const each of [peer, node, nobody]) await each.end();
  });

  test("gives a device the same credentials until it used them, and is used up then", async () => {
    const { claim, code } = await claimFor(manager, "lamp");
    const peer = await peerOf(keysOf(code));
    const first = await enrol(peer);
    expect(first.id).toBe("lamp");
    expect(manager.app.enrolments.claims().find((each) => each.claim === claim)?.state).toBe("answered");
    // The power went between the answer and the device's storage.
    expect(await enrol(peer)).toEqual(first);
    const device = await peerOf(first);
    expect((await device.register({ id: "lamp", model: "lamp" })).code).toBe("2.01");
    expect(manager.app.enrolments.claims().find((each) => each.claim === claim)?.state).toBe("used");
    expect(await codeOf(peer)).toBe("4.03");
    // Somebody else with the same code: to the context that is still there he is a replay, and no other is made.
    expect(manager.app.enrolments.keyring.find(claim)).toBeUndefined();
    const other = await peerOf(keysOf(code));
    expect(await codeOf(other)).toMatch(isStranger);
    expect((await device.ask("POST", "/status?r=0")).code).toBe("2.04");
    for (const each of [peer, device, other]) await each.end();
    const { entries = [] } = (await manager.app.audit.list({ subject: "node/lamp" })) ?? {};
    expect(entries.map(({ entry }) => entry.what).sort()).toEqual(["claim-created", "credential-issued", "enrolled"]);
    expect(entries.find(({ entry }) => entry.what === "enrolled")?.entry.from).toBe("127.0.0.1");
  });

  test("ends with the credentials that it was exchanged for: revoking them doesn't open it again", async () => {
    const { code } = await claimFor(manager, "pump");
    const peer = await peerOf(keysOf(code));
    const device = await peerOf(await enrol(peer));
    expect(await manager.app.credentials.revoke("pump", by)).toBe("revoked");
    expect(await codeOf(peer)).toMatch(isStranger);
    expect(await codeOf(device, "/status?r=0")).toMatch(isStranger);
    await peer.end();
    await device.end();
  });

  test("that is open ends when its node is revoked, with credentials or without, or removed", async () => {
    const [one, two] = [await claimFor(manager, "well"), await claimFor(manager, "tank")];
    const left = await claimFor(manager, "other");
    const peers = [await peerOf(keysOf(one.code)), await peerOf(keysOf(two.code))];
    const device = await peerOf(await issueKeys(manager, "tank"));
    expect((await device.register({ id: "tank", model: "tank" })).code).toBe("2.01");
    expect(await manager.app.credentials.revoke("well", by)).toBe("revoked");
    expect(await manager.app.credentials.revoke("well", by)).toBe("none");
    await manager.app.registry.remove("tank", by);
    for (const each of peers) expect(await codeOf(each)).toMatch(isStranger);
    expect([manager.app.credentials.has("well"), manager.app.credentials.has("tank")]).toEqual([false, false]);
    expect(manager.app.enrolments.claims().find(({ node }) => node === "other")?.state).toBe("open");
    await manager.app.enrolments.revokeClaim(left.claim, by);
    for (const each of [...peers, device]) await each.end();
  });

  test("asks too often: told to wait, and the code is good for a device all the same", async () => {
    const { code } = await claimFor(manager, "bell");
    const peer = await peerOf(keysOf(code));
    const answers: string[] = [];
    for (let i = 0; i < 12; i++) answers.push(await codeOf(peer));
    expect(answers.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => "2.04"));
    expect(answers).toContain("5.03");
    await peer.end();
  });

  test("is made, listed and revoked by the command line, and expires", async () => {
    const run = (...args: string[]) =>
      new Promise<{ code: number; out: string; err: string }>((resolve) => {
        const all = [cli, "claim", ...args, "--url", manager.urls.http, "--data-dir", manager.folder];
        execFile(process.execPath, all, (error, out, err) =>
          resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err }),
        );
      });
    expect(await run("create", "--expires", "soon")).toMatchObject({ code: 2, err: expect.stringContaining("24h") });
    expect((await run("create", "--expires", "99d")).err).toContain("hours");
    expect((await run("create", "--node", "Bad Id")).code).not.toBe(0);
    expect((await run("revoke", "000000000000")).err).toContain("no claim");
    const made = await run("create", "--node", "siren", "--expires", "90m", "--json");
    expect([made.code, made.err]).toEqual([0, ""]);
    const { claim, code, expiresAtMs, createdAtMs } = JSON.parse(made.out) as CreatedClaim;
    expect(expiresAtMs - createdAtMs).toBe(90 * 60_000);
    expect((await run("list")).out).toMatch(new RegExp(`${claim} +siren +open`));
    expect((await run("list")).out).not.toContain(code.slice(0, 5));
    const peer = await peerOf(keysOf(code));
    expect((await enrol(peer)).id).toBe("siren");
    expect((await run("revoke", claim)).code).toBe(0);
    expect(await codeOf(peer)).toMatch(isStranger);
    const named = await run("create");
    expect(named.out).toMatch(/node-[0-9a-f]{8}[\s\S]*(\w{5}-){3}\w{5}/);
    await peer.end();
    const short = await claimFor(manager, "brief", 50);
    await soon(
      () => manager.app.enrolments.claims().find((each) => each.claim === short.claim)?.state,
      (state) => state === "expired",
    );
    const late = await peerOf(keysOf(short.code));
    expect(await codeOf(late)).toMatch(isStranger);
    await late.end();
  });
});

test("the code and what is derived of it stay out of the database and the log, and it is good after a restart", async () => {
  const first = await testManager({ flags: secure });
  const { code } = await claimFor(first, "porch");
  const keys = keysOf(code);
  const peer = await TestPeer.start(first.coapPort, [], keys);
  const answered = await enrol(peer);
  await first.end({ keepsFolder: true });
  const files = readdirSync(first.folder).filter((name) => name.startsWith("registry.db"));
  const bytes = Buffer.concat(files.map((name) => readFileSync(join(first.folder, name))));
  expect(bytes.includes("claim-created")).toBe(true);
  const secret = Buffer.from(keys.masterSecret, "hex");
  for (const text of [
    code,
    code.replaceAll("-", ""),
    keys.masterSecret,
    secret.toString("base64").slice(0, 20),
    secret,
  ]) {
    expect(bytes.includes(text)).toBe(false);
  }
  const flags = { ...secure, "coap.port": String(first.coapPort) };
  const second = await testManager({ flags, folder: first.folder });
  // The window was lost with the process: an Echo, then the same answer as before.
  expect(await enrol(peer)).toEqual(answered);
  await peer.end();
  await second.end();
});

test("an enrolment key is no operator under --insecure either, and nobody else enrols there", async () => {
  const manager = await testManager();
  const { code } = await claimFor(manager, "porch");
  const peer = await TestPeer.start(manager.coapPort, [], keysOf(code));
  for (const target of ["/nodes", "/nodes?as=operator", "/system/config", "/environment?ep=porch", "/rd-lookup/ep"]) {
    const answer = await peer.ask("GET", target);
    expect([target, answer.response.code]).toEqual([target, Code.forbidden]);
  }
  const open = await TestPeer.start(manager.coapPort);
  expect(await codeOf(open)).toBe("4.01");
  expect((await enrol(peer)).id).toBe("porch");
  await peer.end();
  await open.end();
  await manager.end();
});
