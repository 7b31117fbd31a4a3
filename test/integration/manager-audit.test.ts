import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import type { AuditPage, AuditVerdict } from "../../manager/app/api/audit.ts";
import { chainHash } from "../../manager/audit/audit-chain.ts";
import { type TestManager, testManager } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const json = { "content-type": "application/json" };
const wifiPassword = "correct horse battery staple";

let manager: TestManager;
const flags = { insecure: false, poll: "10", report: "10" };
beforeEach(async () => {
  manager = await testManager({ flags });
});
afterEach(() => manager.end());

const token = () => readFileSync(join(manager.folder, "admin-token"), "utf8").trim();
const ask = (path: string, method = "GET", body?: unknown) =>
  fetch(`${manager.urls.http}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token()}`, ...(body === undefined ? {} : json) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const listed = async (query = ""): Promise<AuditPage> => (await (await ask(`/audit${query}`)).json()) as AuditPage;

function coxswain(...args: string[]) {
  const env = { ...process.env, COXSWAIN_URL: manager.urls.http, COXSWAIN_TOKEN: token() };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [cli, ...args], { cwd: manager.folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

/** Three entries in the partition of the settings, and one of a node. */
async function act(): Promise<void> {
  for (const timeZone of ["UTC1", "UTC2", "UTC3"])
    expect((await ask("/settings", "PATCH", { timeZone })).status).toBe(200);
  expect((await ask("/nodes/porch/credentials", "POST", {})).status).toBe(201);
}

/** What somebody does to the database while the manager is away. */
async function tamper(...statements: string[]): Promise<AuditVerdict> {
  const { folder } = manager;
  await manager.end({ keepsFolder: true });
  const database = new DatabaseSync(join(folder, "registry.db"));
  for (const statement of statements) database.exec(statement);
  database.close();
  manager = await testManager({ flags, folder });
  return (await (await ask("/audit/verify")).json()) as AuditVerdict;
}

const settingsPartition = `stream = 'audit' AND partition = (SELECT partition FROM event WHERE stream = 'audit' AND key = 'settings' LIMIT 1)`;

test("an entry that somebody altered is named, and the command line fails", async () => {
  await act();
  const { problems } = await tamper(
    `UPDATE event SET value = replace(value, 'UTC2', 'UTC9') WHERE ${settingsPartition} AND sequence = 2`,
  );
  const partition = problems[0]?.partition;
  expect(problems).toEqual([{ kind: "altered", partition, sequence: 2 }]);
  const { code, out } = await coxswain("audit", "verify");
  expect(code).toBe(1);
  expect(out).toContain(`entry ${partition}.2 was altered`);
});

test("entries that were removed or exchanged are named", async () => {
  await act();
  const removed = await tamper(`DELETE FROM event WHERE ${settingsPartition} AND sequence = 2`);
  expect(removed.problems).toEqual([{ kind: "missing", partition: removed.problems[0]?.partition, sequence: 2 }]);
});

test("entries that changed places are named, and where they belong", async () => {
  await act();
  const { problems } = await tamper(
    `UPDATE event SET sequence = -1 WHERE ${settingsPartition} AND sequence = 1`,
    `UPDATE event SET sequence = 1 WHERE ${settingsPartition} AND sequence = 2`,
    `UPDATE event SET sequence = 2 WHERE ${settingsPartition} AND sequence = -1`,
  );
  expect(problems.map(({ kind, sequence, belongsAt }) => ({ kind, sequence, belongsAt }))).toEqual([
    { kind: "reordered", sequence: 1, belongsAt: 2 },
    { kind: "reordered", sequence: 2, belongsAt: 1 },
  ]);
});

const cutAll = [
  `CREATE TEMP TABLE cut AS SELECT partition FROM event WHERE stream = 'audit' AND key = 'settings' LIMIT 1`,
  `DELETE FROM event WHERE ${settingsPartition} AND sequence = 3`,
  `UPDATE audit_head SET sequence = 2, hash = (SELECT hash FROM event WHERE ${settingsPartition} AND sequence = 2)
   WHERE partition = (SELECT partition FROM cut)`,
  `UPDATE counter SET value = 2 WHERE name = 'audit/' || (SELECT partition FROM cut)`,
];

test("a tail that was cut with all that the database knows of it is found by the sealed copy, also after more was written", async () => {
  await act();
  const cut = await tamper(...cutAll);
  expect(cut).toMatchObject({ isWhole: false, copy: "kept", problems: [{ kind: "cut", sequence: 3 }] });
  expect((await ask("/settings", "PATCH", { timeZone: "UTC7" })).status).toBe(200);
  const later = await tamper();
  expect(later).toMatchObject({ isWhole: false, problems: [{ kind: "rewritten", sequence: 3 }] });
});

test("without the copy a cut tail isn't found here, but that the copy is missed is recorded, and an export finds it", async () => {
  await act();
  const out = join(manager.folder, "export.jsonl");
  expect((await coxswain("audit", "export", "--out", out)).code).toBe(0);
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const { folder } = manager;
  await manager.end({ keepsFolder: true });
  rmSync(join(folder, "audit-heads.bin"));
  manager = await testManager({ flags, folder });
  expect((await tamper(...cutAll)).problems).not.toEqual([]);
  rmSync(join(folder, "audit-heads.bin"));
  await manager.end({ keepsFolder: true });
  rmSync(join(folder, "audit-heads.bin"), { force: true });
  manager = await testManager({ flags, folder });
  expect((await coxswain("audit", "verify")).code).toBe(0);
  const { entries } = await listed("?subject=audit");
  expect(entries[0]?.entry).toMatchObject({ what: "audit-copy-missed", by: { kind: "manager" } });
  const against = await coxswain("audit", "verify", "--against", out, "--json");
  expect(against.code).toBe(1);
  expect(JSON.parse(against.out)).toMatchObject({ isWhole: false, problems: [{ kind: "cut", sequence: 3 }] });
});

test("a folder that is put back whole to an earlier time isn't found here, and an export finds it", async () => {
  const { folder } = manager;
  await manager.end({ keepsFolder: true });
  const earlier = mkdtempSync(join(tmpdir(), "coxswain-earlier-"));
  onTestFinished(() => rmSync(earlier, { recursive: true, force: true }));
  cpSync(folder, earlier, { recursive: true });
  manager = await testManager({ flags, folder });
  await act();
  const out = join(earlier, "export.jsonl");
  expect((await coxswain("audit", "export", "--out", out)).code).toBe(0);
  await manager.end({ keepsFolder: true });
  for (const name of readdirSync(folder)) if (/^(registry|audit)/.test(name)) rmSync(join(folder, name));
  for (const name of readdirSync(earlier))
    if (/^(registry|audit)/.test(name)) cpSync(join(earlier, name), join(folder, name));
  manager = await testManager({ flags, folder });
  expect((await coxswain("audit", "verify")).code).toBe(0);
  const against = await coxswain("audit", "verify", "--against", out, "--json");
  expect(against.code).toBe(1);
  const { problems } = JSON.parse(against.out) as AuditVerdict;
  expect(new Set(problems.map(({ kind }) => kind))).toEqual(new Set(["cut"]));
});

test("an entry that somebody adds at the end with the right hash isn't found: the chain shows what is gone and changed, not what was made up", async () => {
  await act();
  const { entries } = await listed("?subject=settings");
  const [last] = entries;
  if (last === undefined) throw new Error("no entry");
  const { partition, sequence, hash, entry } = last;
  const value = JSON.stringify({ ...entry, by: { kind: "operator", id: "ann" } });
  const wallMs = last.wallMs + 1;
  const forged = chainHash(hash, { partition, sequence: sequence + 1, wallMs, key: "settings", text: value });
  const verdict = await tamper(
    `INSERT INTO event (stream, partition, sequence, key, wall_ms, value, hash)
     VALUES ('audit', ${partition}, ${sequence + 1}, 'settings', ${wallMs}, '${value}', '${forged}')`,
    `UPDATE audit_head SET sequence = ${sequence + 1}, hash = '${forged}' WHERE partition = ${partition}`,
    `UPDATE counter SET value = ${sequence + 1} WHERE name = 'audit/${partition}'`,
  );
  expect(verdict).toMatchObject({ isWhole: true, problems: [] });
});

test("a copy that somebody wrote himself is refused", async () => {
  await act();
  await manager.end({ keepsFolder: true });
  writeFileSync(join(manager.folder, "audit-heads.bin"), "[]");
  manager = await testManager({ flags, folder: manager.folder });
  expect(await (await ask("/audit/verify")).json()).toMatchObject({ isWhole: false, copy: "unreadable", problems: [] });
  const { entries } = await listed("?subject=audit");
  expect(entries[0]?.entry).toMatchObject({ what: "audit-copy-missed", after: { copy: "unreadable" } });
});

test("an export is checked without a manager, and one that was cut or altered is refused", async () => {
  await act();
  const out = join(manager.folder, "export.jsonl");
  await coxswain("audit", "export", "--out", out);
  expect((await coxswain("audit", "export", "--out", out)).err).toContain("already");
  expect((await coxswain("audit", "verify", "--file", out)).out).toContain("whole");
  const lines = readFileSync(out, "utf8").trimEnd().split("\n");
  writeFileSync(out, `${lines.slice(0, -1).join("\n")}\n`);
  expect((await coxswain("audit", "verify", "--file", out)).err).toContain("its last line is missing");
  writeFileSync(out, `${lines.join("\n").replace("UTC2", "UTC8")}\n`);
  expect((await coxswain("audit", "verify", "--file", out)).code).toBe(1);
  writeFileSync(out, "no export\n");
  expect((await coxswain("audit", "verify", "--file", out)).err).toContain("none of an export");
});

test("who, from where, before and after are told, newest first, page by page; a wrong cursor is refused", async () => {
  await ask("/settings", "PATCH", { timeZone: "UTC1" });
  await ask("/settings", "PATCH", { timeZone: "UTC2", wifi: [{ ssid: "yard", password: wifiPassword }] });
  const first = await listed("?limit=1");
  expect(first.entries[0]).toMatchObject({
    subject: "settings",
    entry: {
      what: "settings-changed",
      by: { kind: "operator", id: "admin" },
      from: "127.0.0.1",
      before: { timeZone: "UTC1", wifi: [] },
      after: { timeZone: "UTC2", wifi: [{ ssid: "yard", password: "(secret)" }] },
    },
  });
  const second = await listed(`?limit=1&before=${first.next}`);
  expect(second.entries[0]?.entry.after).toEqual({ timeZone: "UTC1" });
  for (const before of ["x", "1.2", "1.2.3.4", "-1.2.3"])
    expect((await ask(`/audit?before=${before}`)).status).toBe(400);
  const { out } = await coxswain("audit", "list", "--subject", "settings");
  expect(out).toMatch(/admin +127\.0\.0\.1 +settings-changed +settings +from \{timeZone UTC1/);
});

test("uploads, removals and the end of the manager are told with who did them", async () => {
  const headers = { authorization: `Bearer ${token()}`, "content-type": "application/octet-stream" };
  const upload = await fetch(`${manager.urls.http}/api/v1/artifacts`, { method: "POST", headers, body: "image" });
  const { digest } = (await upload.json()) as { digest: string };
  expect((await ask(`/artifacts/${digest.slice("sha256:".length)}`, "DELETE")).status).toBe(204);
  const { entries } = await listed(`?subject=${encodeURIComponent(`artifact/${digest}`)}`);
  expect(entries.map(({ entry }) => [entry.what, entry.by.id])).toEqual([
    ["artifact-removed", "admin"],
    ["artifact-stored", "admin"],
  ]);
  // This manager can't be ended from outside, so that isn't told either.
  expect((await ask("/system/shutdown", "POST")).status).toBe(403);
  expect((await listed("?subject=manager")).entries).toEqual([]);
});

test("no secret of a run is in its audit, its export or the events", async () => {
  await ask("/settings", "PATCH", { wifi: [{ ssid: "yard", password: wifiPassword }] });
  const issued = (await (await ask("/nodes/porch/credentials", "POST", {})).json()) as {
    credentials: { oscore: { masterSecret: string; masterSalt: string } };
  };
  const { masterSecret, masterSalt } = issued.credentials.oscore;
  const told = await (await ask("/audit/export")).text();
  const events = await (await ask("/events/recent?limit=1000")).text();
  expect(told).toContain("credential-issued");
  for (const secret of [wifiPassword, masterSecret, masterSalt, token()]) {
    expect(told).not.toContain(secret);
    expect(events).not.toContain(secret);
  }
});
