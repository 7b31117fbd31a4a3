import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { HouseholdPart } from "../../gateway/household-part.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";
import type { SiteInvitation, SiteLink } from "../../schemas/generated/types.ts";
import { invitationIn } from "../../schemas/wire/site-invitation.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";
import { soon, type TestManager, testManager } from "./manager-harness.ts";

const site = "home-1";
const home = ["https://192.168.1.5:8443"];
let manager: TestManager;

beforeAll(async () => {
  manager = await testManager();
  await api("POST", "/api/v1/sites", { site, title: "Linden Street 7" });
});
afterAll(async () => await manager.end());

async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${manager.urls.http}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const answer = await response.text();
  expect(response.ok, answer).toBe(true);
  return (answer === "" ? undefined : JSON.parse(answer)) as T;
}

interface Gateway {
  readonly part: HouseholdPart;
  readonly broker: Broker;
  readonly url: string;
  readonly folder: string;
  readonly asked: string[];
  stop(): Promise<void>;
}

/** The local broker and what of a gateway belongs to the household. */
async function gateway(link: SiteLink | undefined, folder = newFolder(), of = site): Promise<Gateway> {
  const asked: string[] = [];
  const broker = new Broker({
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog, limits: { batchDelayMs: 0 } },
    onPublished: (batch) => {
      for (const { topic, payload, retain } of batch) part.said(topic, payload, retain);
    },
  });
  const part = new HouseholdPart({
    ...{ site: of, title: "Linden Street 7", folder, link, broker },
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog, home: () => home },
    asked: (topic, payload) => void asked.push(`${topic} ${Buffer.from(payload)}`),
  });
  await broker.start();
  const listener = new TcpListener({
    ...{ host: "127.0.0.1", port: 0, log: silentLog },
    attach: (socket) => broker.attach(socket),
  });
  await listener.start();
  await part.start();
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await part.stop();
    listener.stop();
    await broker.stop();
  };
  onTestFinished(stop);
  return { part, broker, folder, asked, stop, url: `mqtt://127.0.0.1:${listener.address().port}` };
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-home-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function linked(of = site): Promise<SiteLink> {
  return await api<SiteLink>("POST", `/api/v1/sites/${of}/link`, {});
}

async function invite(name: string, of = site): Promise<SiteInvitation> {
  return (await api<{ invitation: SiteInvitation }>("POST", `/api/v1/sites/${of}/phones`, { name })).invitation;
}

async function phoneAt(url: string, phone: string, password: string | undefined): Promise<MqttClient> {
  const user = phoneUser(site, phone);
  const client = await connectAsync(url, {
    ...{ clientId: user, username: user, password: password ?? "", reconnectPeriod: 0 },
  });
  client.on("error", () => {});
  onTestFinished(async () => await client.endAsync(true));
  return client;
}

const closed = (client: MqttClient): Promise<number> =>
  new Promise((resolve) => client.once("close", () => resolve(performance.now())));

interface ControlJson {
  readonly link: string;
  readonly phones: readonly object[];
  readonly error: { readonly code: string };
}

/** As `coxswain gateway phone` asks. */
async function control(
  folder: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: ControlJson }> {
  return await new Promise((resolve, reject) => {
    const asking = request({ socketPath: join(folder, "control.sock"), method, path }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
      resolve({ status: response.statusCode ?? 0, json: JSON.parse(Buffer.concat(chunks).toString()) });
    });
    asking.on("error", reject);
    asking.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** The command itself, as a program. */
async function coxswain(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const program = new URL("../../manager/cli/coxswain.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err] = [text(child.stdout), text(child.stderr)];
  const code = await new Promise<number>((resolve) => child.once("close", (value) => resolve(value ?? -1)));
  return { code, out: await out, err: await err };
}

const has = (part: HouseholdPart, name: string): boolean => part.phones.list().some((each) => each.name === name);

test("a phone that is removed at the manager is cut off within a second on both brokers, and comes back at neither", async () => {
  const { part, url } = await gateway(await linked());
  const { phone, homePassword, serverPassword } = await invite("Anna's phone");
  await soon(
    () => has(part, "Anna's phone"),
    (isThere) => isThere,
  );
  // Each password is good at its own broker alone.
  await expect(phoneAt(url, phone, serverPassword)).rejects.toMatchObject({ code: 4 });
  await expect(phoneAt(manager.urls.mqtt, phone, homePassword)).rejects.toMatchObject({ code: 4 });
  const [atHome, away] = [
    await phoneAt(url, phone, homePassword),
    await phoneAt(manager.urls.mqtt, phone, serverPassword),
  ];
  const ends = Promise.all([closed(atHome), closed(away)]);
  const askedMs = performance.now();
  await api("DELETE", `/api/v1/sites/${site}/phones/${phone}`);
  for (const endMs of await ends) expect(endMs - askedMs).toBeLessThan(1000);
  await expect(phoneAt(url, phone, homePassword)).rejects.toMatchObject({ code: 4 });
  await expect(phoneAt(manager.urls.mqtt, phone, serverPassword)).rejects.toMatchObject({ code: 4 });
});

test("a phone that is removed at the gateway is cut off within a second there, and at the server as soon as that hears of it", async () => {
  const { part, url, folder } = await gateway(await linked());
  const { phone, homePassword, serverPassword } = await invite("Ben's phone");
  await soon(
    () => has(part, "Ben's phone"),
    (isThere) => isThere,
  );
  const [atHome, away] = [
    await phoneAt(url, phone, homePassword),
    await phoneAt(manager.urls.mqtt, phone, serverPassword),
  ];
  const ends = Promise.all([closed(atHome), closed(away)]);
  const askedMs = performance.now();
  expect((await control(folder, "DELETE", `/phones/${encodeURIComponent("Ben's phone")}`)).status).toBe(200);
  for (const endMs of await ends) expect(endMs - askedMs).toBeLessThan(1000);
  await soon(
    () => part.phones.removed.length,
    (count) => count === 0,
  );
  expect(has(part, "Ben's phone")).toBe(false);
});

test("with the manager away the household adds and removes phones, who was there stays, and a restart changes nothing", async () => {
  const link = { ...(await linked()), manager: "http://127.0.0.1:9", broker: undefined } as unknown as SiteLink;
  const first = await gateway(link);
  const { part, url, folder } = first;
  const added = await control(folder, "POST", "/phones", { name: "Cleo's phone" });
  expect(added.status).toBe(201);
  const read = invitationIn(new URL(added.json.link).hash);
  if (read?.ok !== true) throw new Error("no invitation");
  const { phone, homePassword, server, ca } = read.value;
  expect([server, ca]).toEqual([undefined, part.authority.fingerprint]);
  const cleo = await phoneAt(url, phone, homePassword);
  expect(cleo.connected).toBe(true);
  expect((await control(folder, "POST", "/phones", { name: "Cleo's phone" })).json.error.code).toBe("phone-exists");
  expect((await control(folder, "POST", "/phones", { name: "\n" })).json.error.code).toBe("bad-name");
  expect((await control(folder, "DELETE", "/phones/nobody")).status).toBe(404);
  const fingerprint = part.authority.fingerprint;
  await first.stop();
  const second = await gateway(link, folder);
  expect((await control(folder, "GET", "/phones")).json.phones).toEqual([
    { phone, name: "Cleo's phone", from: "here" },
  ]);
  expect(second.part.authority.fingerprint).toBe(fingerprint);
  const again = await phoneAt(second.url, phone, homePassword);
  const end = closed(again);
  const askedMs = performance.now();
  expect((await control(folder, "DELETE", `/phones/${phone}`)).status).toBe(200);
  expect((await end) - askedMs).toBeLessThan(1000);
  await expect(phoneAt(second.url, phone, homePassword)).rejects.toMatchObject({ code: 4 });
});

test("`coxswain gateway phone` lets a phone in, lists it and takes it away, and says where no gateway is", async () => {
  const { url, folder } = await gateway(undefined);
  const nowhere = await coxswain("gateway", "phone", "list", "--data-dir", join(folder, "nowhere"));
  expect([nowhere.code, nowhere.err]).toEqual([3, expect.stringContaining("No gateway answers")]);
  const at = ["--data-dir", folder];
  const added = await coxswain("gateway", "phone", "add", "--name", "Gina's phone", "--json", ...at);
  const { phone, invitation } = JSON.parse(added.out) as { phone: string; invitation: SiteInvitation };
  expect((await phoneAt(url, phone, invitation.homePassword)).connected).toBe(true);
  const shown = await coxswain("gateway", "phone", "add", "--name", "Hugo's phone", ...at);
  // The code, and what is in it for who can't scan it.
  expect(shown.out).toContain("\u001b[97;40m");
  expect(shown.out).toMatch(/^https:\/\/192\.168\.1\.5:8443\/app\/#invite=\S+$/m);
  expect((await coxswain("gateway", "phone", "list", ...at)).out).toMatch(/Gina's phone +here/);
  const again = await coxswain("gateway", "phone", "add", "--name", "Gina's phone", ...at);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("already")]);
  const removed = await coxswain("gateway", "phone", "remove", "Gina's phone", ...at);
  expect([removed.code, removed.out]).toEqual([0, expect.stringContaining("no phone of home-1")]);
  await expect(phoneAt(url, phone, invitation.homePassword)).rejects.toMatchObject({ code: 4 });
});

test("who was removed at home while the manager was away is off the server as soon as it is there again", async () => {
  const link = await linked();
  const first = await gateway(link);
  const { phone, serverPassword } = await invite("Dora's phone");
  await soon(
    () => has(first.part, "Dora's phone"),
    (isThere) => isThere,
  );
  await first.stop();
  const alone = await gateway({ ...link, manager: "http://127.0.0.1:9" }, first.folder);
  await control(alone.folder, "DELETE", `/phones/${phone}`);
  expect(alone.part.phones.removed).toEqual([phone]);
  await alone.stop();
  const away = await phoneAt(manager.urls.mqtt, phone, serverPassword);
  const end = closed(away);
  await gateway(link, first.folder);
  await end;
  const listed = async (): Promise<string[]> =>
    (await api<{ phones: { phone: string }[] }>("GET", `/api/v1/sites/${site}`)).phones.map((each) => each.phone);
  await soon(listed, (phones) => !phones.includes(phone));
});

test("a second gateway with the same folder doesn't start, and what a killed one left behind is no hindrance", async () => {
  const first = await gateway(undefined);
  await expect(gateway(undefined, first.folder)).rejects.toMatchObject({ code: "gateway.control-in-use" });
  await first.stop();
  await gateway(undefined, first.folder);
});

test("the manager knows where the gateway is at home and which CA it has, and invitations say so", async () => {
  await api("POST", "/api/v1/sites", { site: "home-2" });
  const { part } = await gateway(await linked("home-2"), newFolder(), "home-2");
  const told = async (): Promise<string[]> => (await api<{ home: string[] }>("GET", "/api/v1/sites/home-2")).home;
  await soon(told, ({ length }) => length > 0);
  expect(await invite("Emil's phone", "home-2")).toMatchObject({ home, ca: part.authority.fingerprint });
});

test("a phone that is away hears its household and asks for things, and a command is never brought twice or back", async () => {
  const { part, url, broker, asked } = await gateway(await linked());
  const { phone, serverPassword, homePassword } = await invite("Finn's phone");
  await soon(
    () => part.isBridged && has(part, "Finn's phone"),
    (isReady) => isReady,
  );
  const [away, atHome] = [
    await phoneAt(manager.urls.mqtt, phone, serverPassword),
    await phoneAt(url, phone, homePassword),
  ];
  const heard: string[] = [];
  away.on("message", (topic, payload) => heard.push(`${topic} ${payload}`));
  await away.subscribeAsync(`alfaspark/${site}/#`, { qos: 1 });
  await away.publishAsync(`alfaspark/${site}/commands/set-mode`, "from away", { qos: 1 });
  await soon(
    () => asked,
    ({ length }) => length > 0,
  );
  // What is said at home on a command's topic isn't carried to the server.
  await atHome.publishAsync(`alfaspark/${site}/commands/set-mode`, "at home", { qos: 1 });
  part.said(`alfaspark/${site}/aggregate`, Buffer.from("totals"), true);
  await soon(
    () => heard,
    (list) => list.some((each) => each.endsWith("totals")),
  );
  expect(asked).toEqual([`alfaspark/${site}/commands/set-mode from away`]);
  expect(heard).toEqual([`alfaspark/${site}/commands/set-mode from away`, `alfaspark/${site}/aggregate totals`]);
  expect(broker.counters().publishesRefused).toBe(0);
});
