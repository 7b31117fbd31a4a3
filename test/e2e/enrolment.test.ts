import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CreatedBatch } from "../../manager/app/api/batches.ts";
import type { ClaimView, CreatedClaim } from "../../manager/app/api/enrolments.ts";
import type { NodeView } from "../../manager/app/api/registry.ts";
import { coxswain, firmware, type ManagerUrls, Program, startManager } from "../../tools/demo/programs.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-enrolment-"));
const programs: Program[] = [];
let urls: ManagerUrls;
let ports: OwnPorts;

beforeAll(async () => {
  ports = await ownPorts();
  const started = await startManager(folder, { ports, isSecure: true, flags: ["--no-mdns"] });
  programs.push(started.program);
  ({ urls } = started);
});
afterAll(async () => {
  for (const program of programs.toReversed()) await program.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(name: string, ...flags: readonly string[]): Program {
  const args = [
    ...["--manager", urls.coap, "--image", firmware("cxnode-node"), "--model", "enrolled"],
    ...["--state", join(folder, name), ...flags],
  ];
  const program = new Program(name, firmware("cxnode"), args, folder);
  programs.push(program);
  return program;
}

const logOf = (name: string): string => readFileSync(join(folder, `${name}.log`), "utf8");
const has = (name: string, file: string): boolean => existsSync(join(folder, name, file));
const soon = (what: () => Promise<unknown>) => expect.poll(what, { timeout: 60_000, interval: 100 });
const claim = async (...words: string[]): Promise<CreatedClaim> =>
  (await coxswain(urls, "claim", "create", ...words)) as CreatedClaim;
const stateOf = async (id: string): Promise<string | undefined> => {
  const { claims } = (await coxswain(urls, "claim", "list")) as { claims: readonly ClaimView[] };
  return claims.find((each) => each.claim === id)?.state;
};

async function presence(id: string): Promise<string> {
  const token = readFileSync(join(urls.dataDir, "admin-token"), "utf8").trim();
  const response = await fetch(`${urls.http}/api/v1/nodes/${id}`, { headers: { authorization: `Bearer ${token}` } });
  return response.ok ? ((await response.json()) as { node: NodeView }).node.presence.state : "unknown";
}

test("what is no claim code is refused at once, without being repeated in the text", async () => {
  const program = start("mistyped", "--claim", "7K3QZ-00000-11111-22222");
  expect(await program.exitCode()).toBe(64);
  await soon(async () => logOf("mistyped")).toMatch(/--claim.*isn't a claim code.*coxswain claim create/);
  expect(logOf("mistyped")).not.toContain("7K3QZ");
  expect(await start("both", "--claim", "00000-00000-00000-00000", "--batch-key", "x").exitCode()).toBe(64);
});

test("a revoked code gets nothing: the node says what to do, tries again, and keeps quiet otherwise", async () => {
  const { claim: id, code } = await claim("--node", "gate");
  await coxswain(urls, "claim", "revoke", id);
  const program = start("gate", "--claim", code);
  await soon(async () => logOf("gate")).toMatch(
    /doesn't know this code[\s\S]*coxswain claim create[\s\S]*tried again in/,
  );
  expect(has("gate", "credentials")).toBe(false);
  expect(await presence("gate")).toBe("unknown");
  await program.stop();
  // Another code takes the place of the one that was no good.
  start("gate", "--claim", (await claim("--node", "gate")).code);
  await soon(() => presence("gate")).toBe("online");
});

test("a code for another node than --id ends the program with a code of its own, and is still good", async () => {
  const { claim: id, code } = await claim("--node", "porch");
  expect(await start("wrong-id", "--claim", code, "--id", "shed").exitCode()).toBe(77);
  await soon(async () => logOf("wrong-id")).toMatch(/calls this node porch, and --id says otherwise/);
  expect(has("wrong-id", "credentials")).toBe(false);
  expect(await stateOf(id)).toBe("answered");
  start("wrong-id", "--id", "porch");
  await soon(() => presence("porch")).toBe("online");
  expect(await stateOf(id)).toBe("used");
});

test("a node enrols by a code, goes on with what it got, and keeps nothing of the code", async () => {
  const { claim: id, code } = await claim("--node", "lamp");
  const program = start("lamp", "--claim", code);
  await soon(() => presence("lamp")).toBe("online");
  expect(await stateOf(id)).toBe("used");
  expect(has("lamp", "enrolment")).toBe(false);
  expect(statSync(join(folder, "lamp", "credentials")).mode & 0o777).toBe(0o600);
  expect(readFileSync(`/proc/${program.pid}/cmdline`, "latin1")).not.toContain(code);
  expect(logOf("lamp")).toMatch(/enrolled as lamp/);
  expect(logOf("lamp")).not.toContain(code);
  await program.stop();

  // Whoever starts it has the flag in a unit file, or not any more.
  const again = start("lamp", "--claim", code);
  await soon(async () => logOf("lamp")).toMatch(/has credentials: --claim is passed over/);
  await soon(() => presence("lamp")).toBe("online");
  await again.stop();
  start("lamp");
  await soon(() => presence("lamp")).toBe("online");

  // Somebody else with the same code is nobody.
  start("thief", "--claim", code);
  await soon(async () => logOf("thief")).toMatch(/doesn't know this code|enrolment refused: 4\.03/);
  expect(has("thief", "credentials")).toBe(false);
});

test("a node enrols by the key of its batch and keeps only a key of its own, and another in its place is refused", {
  timeout: 120_000,
}, async () => {
  const key = join(folder, "batch.json");
  const made = await coxswain(urls, "batch", "create", "--model", "row", "--limit", "2", "--out", key);
  const { batch } = made as CreatedBatch;
  const secret = (JSON.parse(readFileSync(key, "utf8")) as CreatedBatch).key;
  expect(await start("no-hardware", "--batch-key", key, "--hardware", "gw.0a").exitCode()).toBe(64);
  expect(await start("no-key", "--batch-key", join(folder, "nowhere.json")).exitCode()).toBe(64);
  const own = join(folder, "1.device.json");
  await coxswain(urls, "batch", "device-key", key, "1", "--out", own);
  expect(await start("other-hardware", "--batch-key", own, "--hardware", "2").exitCode()).toBe(64);
  start("row-1", "--batch-key", own);
  await soon(() => presence("row-1")).toBe("online");
  expect(has("row-1", "enrolment")).toBe(false);
  expect(readFileSync(join(folder, "row-1", "credentials"), "utf8")).not.toContain(secret);

  // The same hardware id in another folder: with the batch's key anybody could say so.
  const thief = start("thief-of-row-1", "--batch-key", key, "--hardware", "1");
  await soon(async () => logOf("thief-of-row-1")).toMatch(/enrolment refused: 4\.03|doesn't know this/);
  expect(has("thief-of-row-1", "credentials")).toBe(false);
  expect(readFileSync(join(folder, "thief-of-row-1", "enrolment"), "utf8")).not.toContain(secret);
  expect(await presence("row-1")).toBe("online");
  await thief.stop();

  // Without a hardware id it has a random one. The third is one too many.
  start("any", "--batch-key", key);
  await soon(async () => logOf("any")).toMatch(/enrolled as row-[0-9a-f]{16}/);
  const late = start("late", "--batch-key", key, "--hardware", "3");
  await soon(async () => logOf("late")).toMatch(/enrolment refused: 4\.03 as many devices[\s\S]*tried again in/);
  await coxswain(urls, "batch", "revoke", batch);
  await soon(async () => logOf("late")).toMatch(/doesn't know this batch key/);
  expect(has("late", "credentials")).toBe(false);
  expect(await presence("row-1")).toBe("online");
  await late.stop();
  // The key of the batch isn't needed any more, nor is the flag.
  rmSync(key);
});
