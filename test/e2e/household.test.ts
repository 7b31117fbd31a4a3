import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { systemClock } from "../../kernel/system/system-clock.ts";
import type { SiteInvitation } from "../../schemas/generated/types.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";
import { PlayedPack } from "../integration/played-pack.ts";
import { WholeManager } from "../interop/whole-manager.ts";
import { RealGateway, realHub } from "./real-gateway.ts";

const site = "home-7";
const folder = mkdtempSync(join(tmpdir(), "coxswain-household-"));
const linkFile = join(folder, "home-7.link.json");
const clients: MqttClient[] = [];
let manager: WholeManager;
let hub: Awaited<ReturnType<typeof realHub>>;
let pack: PlayedPack;
let gateway: RealGateway;
let managerCa: string;

beforeAll(async () => {
  manager = await WholeManager.start();
  managerCa = readFileSync(manager.caFile, "utf8");
  hub = await realHub();
  pack = new PlayedPack(hub.bus, systemClock, 1);
  pack.powerUp();
  pack.state = { ...pack.state, isMaster: true };
}, 120_000);
afterAll(async () => {
  await Promise.all(clients.map(async (each) => await each.endAsync(true)));
  await gateway?.kill();
  pack.cutPower();
  await hub.stop();
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

const until = (isSo: () => boolean | Promise<boolean>) =>
  expect.poll(isSo, { timeout: 60_000, interval: 20 }).toBe(true);

async function coxswain<T>(...args: readonly string[]): Promise<T> {
  const { code, out, err } = await manager.coxswain(...args, "--json");
  expect([code, err], args.join(" ")).toEqual([0, ""]);
  return JSON.parse(out.toString()) as T;
}

async function phone(
  base: string,
  ca: string,
  { phone: id }: SiteInvitation,
  password: string | undefined,
): Promise<MqttClient> {
  const user = phoneUser(site, id);
  const url = base.replace(/^http/, "ws");
  const client = await connectAsync(url, {
    ...{ clientId: user, username: user, password: password ?? "", ca, reconnectPeriod: 0 },
  });
  clients.push(client);
  client.on("error", () => {});
  return client;
}

function heard(client: MqttClient): string[] {
  const list: string[] = [];
  client.on("message", (topic) => list.push(topic));
  return list;
}

const closed = (client: MqttClient): Promise<number> =>
  new Promise((resolve) => client.once("close", () => resolve(performance.now())));

/** The household's CA as a phone fetches it, before it trusts it. */
function caOf(base: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(`${base}/ca.crt`, { rejectUnauthorized: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    asking.on("error", reject).end();
  });
}

test("a household from the operator's command line to a phone at home and away, over TLS throughout, and until it is removed", async () => {
  await coxswain("site", "add", site, "--title", "Linden Street 7", "--time-zone", "Europe/Berlin");
  const linked = await coxswain<object>("site", "link", site, "--out", linkFile);
  expect(JSON.stringify(linked)).not.toContain(JSON.parse(readFileSync(linkFile, "utf8")).secret);
  expect(statSync(linkFile).mode & 0o077).toBe(0);
  const started = (): Promise<RealGateway> =>
    RealGateway.start(join(folder, "gateway"), hub.address(), ["--site-link", linkFile]);
  gateway = await started();
  const { origin } = new URL(gateway.ready.appTls);
  // The invitation says where home is and which CA it has as soon as the gateway said so.
  await until(async () => (await coxswain<{ home: string[] }>("site", "show", site)).home.includes(origin));
  const { invitation: anna } = await coxswain<{ invitation: SiteInvitation }>(
    "site",
    "invite",
    site,
    "--name",
    "Anna's phone",
  );
  const { invitation: ben } = await coxswain<{ invitation: SiteInvitation }>(
    "site",
    "invite",
    site,
    "--name",
    "Ben's phone",
  );
  const homeCa = await caOf(origin);
  const fingerprint = new X509Certificate(homeCa).fingerprint256.replaceAll(":", "").toLowerCase();
  expect(anna.ca).toBe(`sha256:${fingerprint}`);
  expect(gateway.ready.fingerprint).toBe(anna.ca);

  const home = `${origin}/mqtt`;
  await until(async () => (await phone(home, homeCa, anna, anna.homePassword).catch(() => undefined)) !== undefined);
  const away = await phone(anna.server ?? "", managerCa, anna, anna.serverPassword);
  const atAway = heard(away);
  await away.subscribeAsync(`alfaspark/${site}/#`, { qos: 1 });
  // From the pack over CAN, the gateway, the bridge and the server broker.
  await until(() => atAway.includes(`alfaspark/${site}/${pack.hardware}/telemetry`));
  await away.publishAsync(`alfaspark/${site}/commands/set-mode`, JSON.stringify({ mode: "eco", on: true }), { qos: 1 });
  await until(() => pack.state.eco);
  await until(() => atAway.includes(`alfaspark/${site}/ack/set-mode`));

  const [annaHome, benHome] = [
    await phone(home, homeCa, anna, anna.homePassword),
    await phone(home, homeCa, ben, ben.homePassword),
  ];
  const ends = Promise.all([closed(annaHome), closed(away)]);
  const askedMs = performance.now();
  expect((await manager.api("DELETE", `/sites/${site}/phones/${anna.phone}`)).status).toBe(200);
  for (const endMs of await ends) expect(endMs - askedMs).toBeLessThan(1000);
  expect(benHome.connected).toBe(true);
  await expect(phone(home, homeCa, anna, anna.homePassword)).rejects.toMatchObject({ code: 4 });
  await expect(phone(anna.server ?? "", managerCa, anna, anna.serverPassword)).rejects.toMatchObject({ code: 4 });

  // The power is pulled: who was removed stays removed, who is there comes in, and the CA is the same.
  await gateway.kill();
  gateway = await started();
  const again = `${new URL(gateway.ready.appTls).origin}/mqtt`;
  await expect(phone(again, homeCa, anna, anna.homePassword)).rejects.toMatchObject({ code: 4 });
  expect((await phone(again, homeCa, ben, ben.homePassword)).connected).toBe(true);
  const audit = await coxswain<{ entries: { entry: { what: string } }[] }>(
    "audit",
    "list",
    "--subject",
    `site/${site}`,
  );
  const what = audit.entries.map(({ entry }) => entry.what);
  expect(new Set(what)).toEqual(
    new Set(["site-added", "site-linked", "phone-invited", "phone-removed", "site-home-told"]),
  );
}, 180_000);
