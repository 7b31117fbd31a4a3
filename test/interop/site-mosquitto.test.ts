import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { SiteBridge } from "../../gateway/adapters/mqtt/site-bridge.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { mergedMosquittoFile } from "../../manager/cli/merged-mosquitto-file.ts";
import type { SiteInvitation, SiteLink } from "../../schemas/generated/types.ts";
import { gatewayUser, phoneUser } from "../../schemas/wire/site-users.ts";
import { soon, type TestManager, testManager } from "../integration/manager-harness.ts";

// Debian: mosquitto. Where it is missing these tests say so by being skipped.
const plugin = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/mosquitto_dynamic_security.so`)
  .find((path) => existsSync(path));
const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"].find((path) => existsSync(path));
const isInstalled =
  plugin !== undefined && program !== undefined && spawnSync("mosquitto_ctrl", ["help"]).error === undefined;

/** A TCP port that nobody has at this moment: Mosquitto can't say which one it took. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

interface Login {
  readonly user: string;
  readonly password: string;
}

describe.runIf(isInstalled)("two households at a Mosquitto with the rules that the manager wrote", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-mosquitto-"));
  const file = join(folder, "dynamic-security.json");
  const logins = new Map<string, Login>();
  let manager: TestManager;
  let mosquitto: ChildProcess;
  let port: number;
  let url: string;

  beforeAll(async () => {
    manager = await testManager();
    for (const site of ["home-1", "home-2"]) {
      await api("POST", "/api/v1/sites", { site });
      const { secret } = await api<SiteLink>("POST", `/api/v1/sites/${site}/link`, {});
      logins.set(`${site}/gateway`, { user: gatewayUser(site), password: secret });
      const { invitation } = await api<{ invitation: SiteInvitation }>("POST", `/api/v1/sites/${site}/phones`, {
        name: "Anna",
      });
      const user = phoneUser(site, invitation.phone);
      logins.set(`${site}/phone`, { user, password: invitation.serverPassword ?? "" });
    }
    execFileSync("mosquitto_ctrl", ["dynsec", "init", file, "admin", "admin-password"], { stdio: "ignore" });
    const rules = await api<Parameters<typeof mergedMosquittoFile>[1]>("GET", "/api/v1/site-access/mosquitto");
    writeFileSync(file, JSON.stringify(mergedMosquittoFile(readFileSync(file, "utf8"), rules)));
    port = await freePort();
    url = `mqtt://127.0.0.1:${port}`;
    const configuration = [
      ...[
        `listener ${port} 127.0.0.1`,
        "allow_anonymous false",
        "retain_available false",
        `user ${userInfo().username}`,
      ],
      ...[`plugin ${plugin}`, `plugin_opt_config_file ${file}`],
    ];
    writeFileSync(join(folder, "mosquitto.conf"), `${configuration.join("\n")}\n`);
    mosquitto = spawn(program ?? "", ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" });
    await soon(isListening, (is) => is);
  });
  afterAll(async () => {
    mosquitto.kill("SIGKILL");
    await manager.end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${manager.urls.http}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const text = await response.text();
    expect(response.ok, text).toBe(true);
    return JSON.parse(text) as T;
  }

  const isListening = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connectTcp(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });

  const loginOf = (who: string): Login => logins.get(who) as Login;

  async function connected(who: string | Login, more: IClientOptions = {}, at = url): Promise<MqttClient> {
    const { user, password } = typeof who === "string" ? loginOf(who) : who;
    const client = await connectAsync(at, { clientId: user, username: user, password, reconnectPeriod: 0, ...more });
    client.on("error", () => {});
    onTestFinished(async () => await client.endAsync(true));
    return client;
  }

  function heard(client: MqttClient): string[] {
    const list: string[] = [];
    client.on("message", (topic, payload) => list.push(`${topic} ${payload}`));
    return list;
  }

  /** Whether a filter is granted; Mosquitto may grant one that it then sends nothing for. */
  async function granted(client: MqttClient, filter: string): Promise<boolean> {
    const answer = await client.subscribeAsync(filter, { qos: 1 }).catch(() => [{ qos: 128 }]);
    return answer[0]?.qos !== 128;
  }

  /** What was on its way before is there: the phone's own command has come around. */
  async function settled(phone: MqttClient, site: string, list: string[]): Promise<void> {
    const mark = `mark-${Math.random()}`;
    await phone.publishAsync(`alfaspark/${site}/commands/request-status`, mark, { qos: 1 });
    await soon(
      () => list.some((each) => each.endsWith(mark)),
      (isThere) => isThere,
    );
    list.splice(0, list.length, ...list.filter((each) => !each.endsWith(mark)));
  }

  test("a wrong password, another's client id and nobody are refused", async () => {
    const { user, password } = loginOf("home-1/phone");
    for (const [login, more] of [
      [{ user, password: "wrong" }, {}],
      [{ user, password: "" }, {}],
      [{ user: loginOf("home-2/phone").user, password }, {}],
      [{ user, password }, { clientId: loginOf("home-2/phone").user }],
      [{ user, password }, { clientId: "anything" }],
    ] as const) {
      await expect(connected(login, more), JSON.stringify(more)).rejects.toMatchObject({ code: 5 });
    }
    expect((await connected("home-1/phone")).connected).toBe(true);
  });

  test.each(["home-1/phone", "home-1/gateway"])(
    "%s hears nothing of another household, whatever it asks for",
    async (who) => {
      const [nosy, other, otherGateway] = [
        await connected(who),
        await connected("home-2/phone"),
        await connected("home-2/gateway"),
      ];
      const [atNosy, atOther] = [heard(nosy), heard(other)];
      const filters = [
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
          "$SYS/#",
          "$share/g/alfaspark/home-2/#",
          "$share/g/#",
          "$CONTROL/#",
          "$CONTROL/dynamic-security/v1/response",
        ],
      ];
      const refusals = [];
      for (const filter of filters) if (!(await granted(nosy, filter))) refusals.push(filter);
      await other.subscribeAsync("alfaspark/home-2/#", { qos: 1 });
      await otherGateway.publishAsync("alfaspark/home-2/aggregate", "private", { qos: 1 });
      await otherGateway.publishAsync("alfaspark/home-2/5f0000000001/telemetry", "private", { qos: 1 });
      await settled(other, "home-2", atOther);
      await settled(other, "home-2", atOther);
      expect(atOther).toHaveLength(2);
      expect(atNosy).toEqual([]);
      expect(refusals).toEqual(filters);
    },
  );

  test("what one may publish is the same as at the manager's own broker", async () => {
    const tails = [
      ...[
        "aggregate",
        "master",
        "gateway",
        "ack/set-mode",
        "ota/status",
        "ota/trigger",
        "rules",
        "rules/cmd",
        "socket/a/state",
      ],
      ...["socket/a/cmd", "commands/set-mode", "5f0000000001/cmd/set-relay", "5f0000000001/telemetry", "x", "a/b/c/d"],
    ];
    const passed = async (at: string): Promise<string[]> => {
      const found: string[] = [];
      for (const who of ["home-1/phone", "home-1/gateway"]) {
        for (const site of ["home-1", "home-2"]) {
          const listener = await connected(`${site}/phone`, {}, at);
          // One client id has one connection: a phone hears itself.
          const speaker = who === `${site}/phone` ? listener : await connected(who, {}, at);
          const list = heard(listener);
          await listener.subscribeAsync(`alfaspark/${site}/#`, { qos: 1 });
          for (const tail of tails) await speaker.publishAsync(`alfaspark/${site}/${tail}`, "x", { qos: 1 });
          await settled(listener, site, list);
          found.push(...list.map((each) => `${who} ${each}`));
          await Promise.all([speaker.endAsync(true), listener.endAsync(true)]);
        }
      }
      return found;
    };
    const here = new Set(await passed(url));
    expect(here.size).toBeGreaterThan(10);
    expect(here).toEqual(new Set(await passed(manager.urls.mqtt)));
    expect([...here].filter((each) => each.includes("home-2"))).toEqual([]);
  });

  test("a will on another household's topic isn't published, and nothing is retained", async () => {
    const other = await connected("home-2/phone");
    const atOther = heard(other);
    await other.subscribeAsync("alfaspark/home-2/#", { qos: 1 });
    const will = {
      topic: "alfaspark/home-2/commands/set-mode",
      payload: Buffer.from("will"),
      qos: 1 as const,
      retain: false,
    };
    const dying = await connected("home-1/phone", { will }).catch(() => undefined);
    dying?.stream.destroy();
    await settled(other, "home-2", atOther);
    expect(atOther).toEqual([]);
    const gateway = await connected("home-2/gateway");
    await gateway.publishAsync("alfaspark/home-2/aggregate", "kept?", { qos: 0, retain: true }).catch(() => undefined);
    await other.endAsync(true);
    const late = await connected("home-2/phone");
    const atLate = heard(late);
    await late.subscribeAsync("alfaspark/home-2/#", { qos: 1 });
    await settled(late, "home-2", atLate);
    expect(atLate).toEqual([]);
  });

  test("a gateway's bridge carries what its household says, and brings what its phone asks for", async () => {
    const { password } = loginOf("home-1/gateway");
    const asked: string[] = [];
    const bridge = new SiteBridge({
      ...{ site: "home-1", url, secret: password, clock: systemClock, entropy: systemEntropy, log: silentLog },
      asked: (topic, payload) => void asked.push(`${topic} ${Buffer.from(payload)}`),
      retains: () => false,
    });
    onTestFinished(() => bridge.stop());
    bridge.said("alfaspark/home-1/aggregate", Buffer.from("before the link"), true);
    bridge.start();
    const phone = await connected("home-1/phone");
    const atPhone = heard(phone);
    await phone.subscribeAsync("alfaspark/home-1/#", { qos: 1 });
    await soon(
      () => bridge.isUp,
      (isUp) => isUp,
    );
    bridge.said("alfaspark/home-1/ack/set-mode", Buffer.from("done"), false);
    await soon(
      () => atPhone,
      (list) => list.some((each) => each.endsWith(" done")),
    );
    await phone.publishAsync("alfaspark/home-1/commands/set-mode", "please", { qos: 1 });
    await soon(
      () => asked,
      ({ length }) => length > 0,
    );
    expect(asked).toEqual(["alfaspark/home-1/commands/set-mode please"]);
  });

  test("a phone that is deleted there is cut off within a second", async () => {
    const { user, password } = loginOf("home-2/phone");
    const phone = await connected("home-2/phone");
    const closed = new Promise<number>((resolve) => phone.once("close", () => resolve(performance.now())));
    const askedMs = performance.now();
    const admin = ["-h", "127.0.0.1", "-p", String(port), "-u", "admin", "-P", "admin-password"];
    execFileSync("mosquitto_ctrl", [...admin, "dynsec", "deleteClient", user], { stdio: "ignore" });
    expect((await closed) - askedMs).toBeLessThan(1000);
    await expect(connected({ user, password })).rejects.toMatchObject({ code: 5 });
  });
});
