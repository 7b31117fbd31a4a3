import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { SiteAccess, SiteInvitation, SiteLink } from "../../schemas/generated/types.ts";
import { invitationIn } from "../../schemas/wire/site-invitation.ts";
import { gatewayUser, phoneUser } from "../../schemas/wire/site-users.ts";
import { soon, type TestManager, testManager } from "./manager-harness.ts";

interface Login {
  readonly user: string;
  readonly password: string;
}

let manager: TestManager;
const logins = new Map<string, Login>();

beforeAll(async () => {
  manager = await testManager();
  for (const site of ["home-1", "home-2"]) {
    expect((await api("POST", "/api/v1/sites", { site, timeZone: "Europe/Berlin" })).status).toBe(201);
    logins.set(`${site}/gateway`, await gatewayOf(site));
    logins.set(`${site}/phone`, (await phoneOf(site, "Anna's phone")).login);
  }
});
afterAll(async () => await manager.end());

async function api(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${manager.urls.http}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : JSON.parse(text) };
}

async function gatewayOf(site: string): Promise<Login & { secret: string }> {
  const { status, json } = await api("POST", `/api/v1/sites/${site}/link`, {});
  expect(status).toBe(201);
  const { secret } = json as SiteLink;
  return { user: gatewayUser(site), password: secret, secret };
}

async function phoneOf(
  site: string,
  name: string,
): Promise<{ login: Login; phone: string; links: { server: string } }> {
  const { status, json } = await api("POST", `/api/v1/sites/${site}/phones`, { name });
  expect(status, JSON.stringify(json)).toBe(201);
  const { phone, invitation, links } = json as {
    phone: string;
    invitation: SiteInvitation;
    links: { server: string };
  };
  return { login: { user: phoneUser(site, phone), password: invitation.serverPassword ?? "" }, phone, links };
}

async function connected(who: string | Login, more: IClientOptions = {}): Promise<MqttClient> {
  const { user, password } = typeof who === "string" ? (logins.get(who) as Login) : who;
  const client = await connectAsync(manager.urls.mqtt, {
    ...{ clientId: user, username: user, password, reconnectPeriod: 0, ...more },
  });
  client.on("error", () => {});
  onTestFinished(async () => await client.endAsync(true));
  return client;
}

/** Everything that the client gets, as `topic payload`. */
function heard(client: MqttClient): string[] {
  const list: string[] = [];
  client.on("message", (topic, payload) => list.push(`${topic} ${payload}`));
  return list;
}

/** What was on its way before this is there when it resolves: the client's own message has come around. */
async function settled(client: MqttClient, topic: string, list: string[]): Promise<void> {
  const mark = `mark-${Math.random()}`;
  await client.publishAsync(topic, mark, { qos: 1 });
  await soon(
    () => list.some((each) => each.endsWith(mark)),
    (isThere) => isThere,
  );
  list.splice(
    list.findIndex((each) => each.endsWith(mark)),
    1,
  );
}

describe("two households on one broker", () => {
  const nosy = [
    ...[
      "#",
      "+/#",
      "alfaspark/#",
      "alfaspark/+/#",
      "+/+/+/telemetry",
      "alfaspark/home-2/#",
      "alfaspark/home-2/aggregate",
    ],
    ...[
      "alfaspark/+/ack/+",
      "$SYS/#",
      "$SYS/broker/clients/total",
      "$share/g/alfaspark/home-2/#",
      "$share/g/alfaspark/#",
    ],
    ...["$share/g/alfaspark/home-1/#", "$queue/alfaspark/home-2/#", "cx/#", "alfaspark"],
  ];

  test.each(["home-1/phone", "home-1/gateway"])("%s is granted no filter that reaches out of its own", async (who) => {
    const client = await connected(who);
    for (const filter of nosy) {
      const granted = await client.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
      expect(granted[0]?.qos, filter).toBe(128);
    }
  });

  test("neither hears the other's messages, nor has its own heard there", async () => {
    const [phone, other, gateway, otherGateway] = (await Promise.all(
      ["home-1/phone", "home-2/phone", "home-1/gateway", "home-2/gateway"].map(async (who) => await connected(who)),
    )) as [MqttClient, MqttClient, MqttClient, MqttClient];
    const [atPhone, atOther, atGateway, atOtherGateway] = [
      heard(phone),
      heard(other),
      heard(gateway),
      heard(otherGateway),
    ];
    await phone.subscribeAsync("alfaspark/home-1/#", { qos: 1 });
    await other.subscribeAsync("alfaspark/home-2/#", { qos: 1 });
    await gateway.subscribeAsync("alfaspark/home-1/commands/+", { qos: 1 });
    await otherGateway.subscribeAsync("alfaspark/home-2/commands/+", { qos: 1 });

    await gateway.publishAsync("alfaspark/home-2/aggregate", "foreign", { qos: 1 });
    await phone.publishAsync("alfaspark/home-2/commands/set-mode", "foreign", { qos: 1 });
    await gateway.publishAsync("alfaspark/home-1/aggregate", "own", { qos: 1 });
    await phone.publishAsync("alfaspark/home-1/commands/set-mode", "own", { qos: 1 });
    await settled(other, "alfaspark/home-2/commands/request-status", atOther);
    await settled(phone, "alfaspark/home-1/commands/request-status", atPhone);
    expect(atOther).toEqual([]);
    expect(atOtherGateway.filter((each) => !each.includes("mark-"))).toEqual([]);
    expect(atPhone).toEqual(["alfaspark/home-1/aggregate own", "alfaspark/home-1/commands/set-mode own"]);
    expect(atGateway.filter((each) => !each.includes("mark-"))).toEqual(["alfaspark/home-1/commands/set-mode own"]);
  });

  test("a phone says nothing in its gateway's name, and a gateway asks for nothing", async () => {
    const [phone, gateway] = [await connected("home-1/phone"), await connected("home-1/gateway")];
    const atPhone = heard(phone);
    await phone.subscribeAsync("alfaspark/home-1/#", { qos: 1 });
    const said = ["aggregate", "5f0000000001/telemetry", "ack/set-mode", "master", "ota/status", "socket/a/state", "x"];
    for (const tail of said) await phone.publishAsync(`alfaspark/home-1/${tail}`, "forged", { qos: 1 });
    const asked = ["commands/set-mode", "5f0000000001/cmd/set-relay", "ota/trigger", "socket/a/cmd", "rules/cmd"];
    for (const tail of asked) await gateway.publishAsync(`alfaspark/home-1/${tail}`, "forged", { qos: 1 });
    await settled(phone, "alfaspark/home-1/commands/request-status", atPhone);
    expect(atPhone).toEqual([]);
    // What it writes it can't read, so a bridge that went wrong couldn't feed it back.
    const granted = await gateway.subscribeAsync("alfaspark/home-1/aggregate", { qos: 1 }).catch(() => [{ qos: 128 }]);
    expect(granted[0]?.qos).toBe(128);
  });

  test("a will on the other's topic isn't published", async () => {
    const other = await connected("home-2/phone");
    const atOther = heard(other);
    await other.subscribeAsync("alfaspark/home-2/#", { qos: 1 });
    const will = {
      topic: "alfaspark/home-2/commands/set-mode",
      payload: Buffer.from("will"),
      qos: 1 as const,
      retain: false,
    };
    const dying = await connected("home-1/phone", { will });
    const refused = async (): Promise<number> =>
      ((await api("GET", "/api/v1/system")).json as { mqtt: { willsRefused: number } }).mqtt.willsRefused;
    const before = await refused();
    dying.stream.destroy();
    await soon(refused, (count) => count !== before);
    await settled(other, "alfaspark/home-2/commands/request-status", atOther);
    expect(atOther).toEqual([]);
  });

  test("one's password lets nobody in under the other's name or client id, and one client id has one connection", async () => {
    const { user, password } = logins.get("home-1/phone") as Login;
    const { user: other } = logins.get("home-2/phone") as Login;
    await expect(connected({ user: other, password })).rejects.toMatchObject({ code: 4 });
    await expect(connected({ user, password }, { clientId: other })).rejects.toMatchObject({ code: 2 });
    await expect(connected({ user, password }, { clientId: "anything" })).rejects.toMatchObject({ code: 2 });
    const first = await connected({ user, password });
    const closed = new Promise<void>((resolve) => first.once("close", () => resolve()));
    await connected({ user, password });
    await closed;
  });
});

describe("what is retained at the server broker", () => {
  const retainedFor = async (site: string): Promise<string[]> => {
    const reader = await phoneOf(site, `reader ${Math.random()}`);
    const client = await connected(reader.login);
    const list = heard(client);
    await client.subscribeAsync(`alfaspark/${site}/#`, { qos: 1 });
    await settled(client, `alfaspark/${site}/commands/request-status`, list);
    await api("DELETE", `/api/v1/sites/${site}/phones/${reader.phone}`);
    return list;
  };

  test("is nothing, unless the household's owner asks, and never a command", async () => {
    const [phone, gateway] = [await connected("home-1/phone"), await connected("home-1/gateway")];
    const atGateway = heard(gateway);
    await gateway.subscribeAsync("alfaspark/home-1/commands/set-mode", { qos: 1 });
    await gateway.publishAsync("alfaspark/home-1/aggregate", "1", { qos: 1, retain: true });
    await phone.publishAsync("alfaspark/home-1/commands/set-mode", "1", { qos: 1, retain: true });
    expect(await retainedFor("home-1")).toEqual([]);
    // Refused, and not only kept from lying about: whoever retains a command means it for later.
    await phone.publishAsync("alfaspark/home-1/commands/set-mode", "now", { qos: 1 });
    await soon(
      () => atGateway.length,
      (count) => count > 0,
    );
    expect(atGateway).toEqual(["alfaspark/home-1/commands/set-mode now"]);
    expect((await api("PATCH", "/api/v1/sites/home-1", { retains: true })).status).toBe(200);
    await gateway.publishAsync("alfaspark/home-1/aggregate", "2", { qos: 1, retain: true });
    await phone.publishAsync("alfaspark/home-1/commands/set-mode", "2", { qos: 1, retain: true });
    expect(await retainedFor("home-1")).toEqual(["alfaspark/home-1/aggregate 2"]);
    expect((await api("PATCH", "/api/v1/sites/home-1", { retains: false })).status).toBe(200);
    expect(await retainedFor("home-1")).toEqual([]);
  });
});

describe("a phone that is removed", () => {
  test("is cut off within a second, its will isn't published, and it doesn't come back", async () => {
    const { login } = await phoneOf("home-1", "Ben's phone");
    const will = {
      topic: "alfaspark/home-1/commands/set-mode",
      payload: Buffer.from("will"),
      qos: 1 as const,
      retain: false,
    };
    const ben = await connected(login, { will });
    const anna = await connected("home-1/phone");
    const atAnna = heard(anna);
    await anna.subscribeAsync("alfaspark/home-1/#", { qos: 1 });
    const closed = new Promise<number>((resolve) => ben.once("close", () => resolve(performance.now())));
    const askedMs = performance.now();
    const { status } = await api("DELETE", `/api/v1/sites/home-1/phones/${encodeURIComponent("Ben's phone")}`);
    expect(status).toBe(200);
    expect((await closed) - askedMs).toBeLessThan(1000);
    await expect(connected(login)).rejects.toMatchObject({ code: 4 });
    await settled(anna, "alfaspark/home-1/commands/request-status", atAnna);
    expect(atAnna).toEqual([]);
    expect(anna.connected).toBe(true);
  });

  test("and its gateway, which waits for that, hears of it within a second", async () => {
    const { phone } = await phoneOf("home-2", "Cleo's phone");
    const { password } = logins.get("home-2/gateway") as Login;
    const follow = async (revision: number, waitSeconds: number): Promise<Response> =>
      await fetch(`${manager.urls.http}/site-link/home-2`, {
        method: "POST",
        headers: { authorization: `Bearer ${password}`, "content-type": "application/json" },
        body: JSON.stringify({ revision, waitSeconds }),
      });
    const first = (await (await follow(0, 0)).json()) as SiteAccess;
    expect(first.phones.map((each) => each.phone)).toContain(phone);
    expect((await follow(first.revision, 0)).status).toBe(204);
    const waiting = follow(first.revision, 30);
    await sleep(50);
    const askedMs = performance.now();
    await api("DELETE", `/api/v1/sites/home-2/phones/${phone}`);
    const second = (await (await waiting).json()) as SiteAccess;
    expect(performance.now() - askedMs).toBeLessThan(1000);
    expect(second.phones.map((each) => each.phone)).not.toContain(phone);
    expect(second.revision).toBeGreaterThan(first.revision);
  });
});

describe("the HTTP API of households", () => {
  test("says what is wrong with a request, and what to do", async () => {
    for (const [method, path, body, status, code] of [
      ["POST", "/api/v1/sites", { site: "Home 1" }, 400, "bad-body"],
      ["POST", "/api/v1/sites", { site: "home-1" }, 409, "site-exists"],
      ["POST", "/api/v1/sites", { site: "home-3", timeZone: "Berlin" }, 400, "bad-body"],
      ["POST", "/api/v1/sites", { site: "home-3", title: "a\u0007" }, 400, "bad-body"],
      ["POST", "/api/v1/sites", { site: "home-3", gateway: "GW" }, 400, "bad-body"],
      ["POST", "/api/v1/sites", { site: "home-3", broker: { phones: "http://x" } }, 400, "bad-body"],
      ["POST", "/api/v1/sites", { site: "home-3", owner: "x" }, 400, "bad-body"],
      ["PATCH", "/api/v1/sites/home-1", { retains: "yes" }, 400, "bad-body"],
      ["GET", "/api/v1/sites/home-9", undefined, 404, "unknown-site"],
      ["PATCH", "/api/v1/sites/home-9", {}, 404, "unknown-site"],
      ["DELETE", "/api/v1/sites/home-9", undefined, 404, "unknown-site"],
      ["POST", "/api/v1/sites/home-9/link", {}, 404, "unknown-site"],
      ["POST", "/api/v1/sites/home-9/phones", { name: "x" }, 404, "unknown-site"],
      ["POST", "/api/v1/sites/home-1/phones", { name: "" }, 400, "bad-body"],
      ["POST", "/api/v1/sites/home-1/phones", { name: "Anna's phone" }, 409, "phone-exists"],
      ["DELETE", "/api/v1/sites/home-1/phones/nobody", undefined, 404, "unknown-phone"],
      ["POST", "/site-link/home-1", { revision: 0 }, 401, "wrong-site-link"],
      ["POST", "/site-link/home-9", { revision: 0 }, 401, "wrong-site-link"],
    ] as const) {
      const answer = await api(method, path, body);
      expect(answer, `${method} ${path}`).toMatchObject({ status, json: { error: { code } } });
    }
  });

  test("an invitation comes out of its link, and the link of a site that isn't linked with a gateway leads to the server", async () => {
    const { links, login } = await phoneOf("home-1", "Dora's phone");
    expect(new URL(links.server).origin).toBe(manager.urls.http);
    const read = invitationIn(new URL(links.server).hash);
    expect(read).toMatchObject({
      ok: true,
      value: {
        site: "home-1",
        serverPassword: login.password,
        server: `${manager.urls.http.replace("http", "ws")}/mqtt`,
      },
    });
    expect(JSON.stringify((await api("GET", "/api/v1/sites")).json)).not.toContain(login.password);
  });

  test("an operator with a scope has the households of his sites alone", async () => {
    const by = { kind: "operator", id: "test" } as const;
    await manager.app.operators.add("hanna", "operator", ["site:home-1"], by);
    const made = await manager.app.operators.createToken(
      { operator: "hanna", label: "test", role: "operator", scope: [], days: 1 },
      by,
    );
    if (typeof made === "string") throw new Error(made);
    const ask = async (method: string, path: string, body?: unknown): Promise<number> => {
      const response = await fetch(`${manager.urls.http}${path}`, {
        method,
        headers: { authorization: `Bearer ${made.token}`, "content-type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (path === "/api/v1/sites" && method === "GET") {
        expect(((await response.json()) as { sites: { site: string }[] }).sites.map(({ site }) => site)).toEqual([
          "home-1",
        ]);
      }
      return response.status;
    };
    expect(await ask("GET", "/api/v1/sites")).toBe(200);
    expect(await ask("GET", "/api/v1/sites/home-1")).toBe(200);
    for (const [method, path, body] of [
      ["GET", "/api/v1/sites/home-2", undefined],
      ["PATCH", "/api/v1/sites/home-2", { title: "mine" }],
      ["DELETE", "/api/v1/sites/home-2", undefined],
      ["POST", "/api/v1/sites/home-2/phones", { name: "mine" }],
      ["POST", "/api/v1/sites/home-2/link", {}],
      ["POST", "/api/v1/sites", { site: "home-5" }],
      ["GET", "/api/v1/site-access/mosquitto", undefined],
    ] as const) {
      expect(await ask(method, path, body), `${method} ${path}`).toBe(403);
    }
  });
});
