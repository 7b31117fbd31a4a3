import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MosquittoFile } from "../../manager/domain/mosquitto-access.ts";
import { invitationIn } from "../../schemas/wire/site-invitation.ts";
import { type TestManager, testManager } from "./manager-harness.ts";

const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-site-"));
let manager: TestManager;

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false } });
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

function site(
  ...words: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const env = { ...process.env, COXSWAIN_URL: manager.urls.http, COXSWAIN_DATA_DIR: manager.folder };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, "site", ...words], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

test("what is wrong is said with what to do, and nothing is made or written", async () => {
  const half = await site("add", "home-1", "--broker-phones", "wss://mq.example/mqtt");
  expect([half.code, half.err]).toEqual([2, expect.stringContaining("--broker-gateway together")]);
  const zone = await site("add", "home-1", "--time-zone", "Berlin");
  expect([zone.code, zone.err]).toEqual([1, expect.stringContaining("Europe/Berlin")]);
  const unknown = await site("link", "home-9");
  expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining("coxswain site list")]);
  expect(existsSync(join(folder, "home-9.link.json"))).toBe(false);
  const nameless = await site("invite", "home-9");
  expect([nameless.code, nameless.err]).toEqual([2, expect.stringContaining("--name")]);
  expect((await site("list")).out).toContain("There are no sites.");
});

test("a household is added, changed, linked and shown, and its secret stands in its file alone", async () => {
  const broker = ["--broker-phones", "wss://mq.example/mqtt", "--broker-gateway", "mqtts://mq.example:8883"];
  expect((await site("add", "home-1", "--title", "Linden Street 7", "--gateway", "gw-1")).code).toBe(0);
  expect((await site("add", "home-1")).err).toContain("site change");
  const changed = await site("change", "home-1", "--retain", "--time-zone", "Europe/Berlin", ...broker);
  expect(changed.out).toMatch(/kept there +last values/);
  expect((await site("change", "home-1", "--no-retain")).out).toMatch(/kept there +nothing/);
  const linked = await site("link", "home-1");
  const file = join(folder, "home-1.link.json");
  const { secret, broker: to } = JSON.parse(readFileSync(file, "utf8")) as { secret: string; broker: string };
  expect([statSync(file).mode & 0o077, to]).toEqual([0, "mqtts://mq.example:8883"]);
  expect(secret).toHaveLength(43);
  expect(linked.out).toContain("coxswain gateway --site-link home-1.link.json");
  const shown = await site("show", "home-1");
  expect(shown.out).toMatch(/site +home-1 \(Linden Street 7\)\n/);
  expect(shown.out).toMatch(/gateway +gw-1\n/);
  expect(shown.out).toMatch(/time zone +Europe\/Berlin\n/);
  expect(linked.out + shown.out + (await site("list")).out).not.toContain(secret);
});

test("a phone is invited by a code that is shown, listed without its passwords, and removed by its name", async () => {
  const invited = await site("invite", "home-1", "--name", "Anna's phone");
  const link = /^http\S+$/m.exec(invited.out)?.[0] ?? "";
  const read = invitationIn(new URL(link).hash);
  if (read?.ok !== true) throw new Error(invited.out);
  const { phone, serverPassword = "", homePassword = "", server } = read.value;
  expect(server).toBe("wss://mq.example/mqtt");
  // A code, before the link in words.
  expect(invited.out).toContain("\u001b[97;40m");
  expect(invited.out).toContain(`coxswain site remove-phone home-1 ${phone}`);
  expect((await site("invite", "home-1", "--name", "Anna's phone")).err).toContain("another name");
  const listed = await site("phones", "home-1");
  expect(listed.out).toMatch(new RegExp(`${phone} +Anna's phone`));
  for (const each of [serverPassword, homePassword]) expect(listed.out).not.toContain(each);
  const access = await site("access", "--mosquitto-dynsec");
  for (const each of [serverPassword, homePassword]) expect(access.out).not.toContain(each);
  const removed = await site("remove-phone", "home-1", "Anna's phone");
  expect(removed.out).toContain("no phone of home-1 any more");
  // The server broker of this household isn't the manager's, which can't do it there.
  expect(removed.out).toContain(`mosquitto_ctrl dynsec deleteClient _home-1.${phone}`);
  expect((await site("remove-phone", "home-1", phone)).code).toBe(1);
  expect((await site("phones", "home-1")).out).toContain("home-1 has no phones.");
});

test("rules for Mosquitto keep what is its operator's own, and take the place of what was ours", async () => {
  const admin = { username: "admin", password: "x", salt: "y", iterations: 101, roles: [{ rolename: "admin" }] };
  const before = {
    defaultACLAccess: { publishClientSend: true },
    clients: [admin, { username: "_home-0.gateway" }],
    groups: [{ groupname: "people" }],
    roles: [
      { rolename: "admin", acls: [] },
      { rolename: "_site.home-0.phone", acls: [] },
    ],
  };
  const file = join(folder, "dynamic-security.json");
  writeFileSync(file, JSON.stringify(before));
  const merged = JSON.parse((await site("access", "--mosquitto-dynsec", "--merge", file)).out) as MosquittoFile;
  expect(merged.clients.map(({ username }) => username)).toEqual(["admin", "_home-1.gateway"]);
  expect(merged.clients[0]).toEqual(admin);
  expect(merged.groups).toEqual(before.groups);
  expect(merged.roles.map(({ rolename }) => rolename)).toEqual(["admin", "_site.home-1.phone", "_site.home-1.gateway"]);
  // Whatever it was: ours stand on what isn't allowed being denied.
  expect(merged.defaultACLAccess).toMatchObject({
    publishClientSend: false,
    publishClientReceive: false,
    subscribe: false,
  });
  writeFileSync(file, "{");
  const broken = await site("access", "--mosquitto-dynsec", "--merge", file);
  expect([broken.code, broken.err]).toEqual([2, expect.stringContaining("mosquitto_ctrl dynsec init")]);
  const missing = await site("access", "--mosquitto-dynsec", "--merge", join(folder, "nowhere"));
  expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("nowhere")]);
});

test("a household that is removed is gone with its phones", async () => {
  const removed = await site("remove", "home-1");
  expect(removed.out).toContain("The site home-1 is removed.");
  expect(removed.out).toContain("mosquitto_ctrl dynsec deleteClient _home-1.gateway");
  expect((await site("remove", "home-1")).code).toBe(1);
  expect(JSON.parse((await site("access", "--mosquitto-dynsec", "--json")).out)).toMatchObject({
    clients: [],
    roles: [],
  });
});
