import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { buildApp } from "../../tools/build-app.ts";
import { AppSite, packNodes, siteName } from "./app-site.ts";

const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A page from there came over plain http from another machine, as far as the browser knows.
  "--host-resolver-rules=MAP gateway.test 127.0.0.1",
];
const phoneSize = { width: 390, height: 844 };
const [first, second, third] = packNodes;

let app: string;
let browser: Browser;
let site: AppSite;
let context: BrowserContext;
let page: Page;
let complaints: string[];

beforeAll(async () => {
  app = mkdtempSync(join(tmpdir(), "coxswain-app-"));
  await buildApp(app);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
});
afterAll(async () => {
  await browser.close();
  rmSync(app, { recursive: true });
});
beforeEach(async () => {
  site = new AppSite(app);
  await site.open();
  await site.introduce();
  complaints = [];
  context = await browser.newContext({ viewport: phoneSize, locale: "en-GB" });
  page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A policy that was broken says so too. That a door is shut is part of some tests.
    if (message.type() === "error" && !/ERR_CONNECTION_REFUSED|WebSocket connection/.test(message.text())) {
      complaints.push(message.text());
    }
  });
});
afterEach(async () => {
  await context.close();
  await site.close();
  expect(complaints).toEqual([]);
});

const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 20_000, interval: 50 });
const linked = async (to: string): Promise<void> =>
  await page.locator(`.link[data-link="${to}"]`).waitFor({ timeout: 20_000 });
const value = (name: string) => page.locator(`[data-value="${name}"]`);
const says = async (selector: string, text: string | RegExp): Promise<void> =>
  await page.locator(selector, { hasText: text }).first().waitFor({ timeout: 20_000 });
const open = async (name: string): Promise<void> => {
  await page.evaluate(`location.hash = "#/${name}"`);
};
const joined = async (): Promise<void> => {
  await page.goto(site.link("home"));
  await linked("home");
};
/** The page's clock goes on by this; everything that it was told stays where it was. */
const later = async (ms: number): Promise<void> =>
  await page.evaluate((add) => {
    const now = Date.now;
    Date.now = () => now() + add;
  }, ms);
const commands = (name: string) => site.heard.filter(({ topic }) => topic.endsWith(`/${name}`));

describe("values", () => {
  test("that break their schema are counted and not shown", async () => {
    await joined();
    await page.locator(".flow").getByText("3.94 kW").waitFor();
    await site.say("aggregate", '{"stale":false,"packs":3,"known":3,"P_solar":"much"}');
    await site.say("aggregate", "not JSON");
    await site.say(`${first}/telemetry`, { stale: false, online: true, SOC: 101 });
    await open("more");
    await page.locator(".rows > div", { hasText: "Messages not understood" }).getByText("3", { exact: true }).waitFor();
    await open("overview");
    await says(".flow", "3.94 kW");
  });

  test("that were never heard are a dash, never 0 V and 0 %", async () => {
    await site.say("240ac400c009/telemetry", { stale: false, online: true });
    await joined();
    await open("packs/240ac400c009");
    await page.locator("h1", { hasText: "Pack c009" }).waitFor();
    await until(async () => expect(await value("SOC").innerText()).toMatch(/–$/));
    const words = await page.locator("main").innerText();
    expect(words).not.toMatch(/\b0 %|\b0(\.0+)? V/);
    expect(await page.getByRole("switch", { name: "Grid, Pack c009" }).getAttribute("data-standing")).toBe("unknown");
  });

  test("appear when the invitation's link is opened, and change by themselves", async () => {
    await joined();
    await says(".flow", "75 %");
    await says(".flow", "charging");
    await says(".packs-line", "3 of 3 packs online");
    await says(".packs-line", "Master: Pack 1");
    await says(".card", "3.72 kWh");
    await site.sum({ P_batt: -0.85, SOC: 19, P_solar: 0, P_home: 2.25, packs: 2, master: second });
    await says(".flow", "discharging");
    await says(".flow", "850 W");
    await says(".flow", "19 %");
    await says(".packs-line", "2 of 3 packs online");
    await says(".packs-line", "Master: Pack 2");
    expect(await page.locator('.flow-line[data-flow="solar"]').getAttribute("data-direction")).toBe("none");
    expect(await page.locator('.flow-line[data-flow="home"]').getAttribute("data-direction")).toBe("out");
    // Nobody reads the invitation over a shoulder, or in the browser's history.
    expect(page.url()).not.toContain("invite");
  });

  test("look stale when nothing comes any more, keep their figures, and are fresh again with the next", async () => {
    await joined();
    await says(".flow", "75 %");
    expect(await page.locator(".flow").getAttribute("data-stale")).toBe("false");
    await later(50_000);
    await says(".flow-card .age", /Last known, 5\d s ago/);
    expect(await page.locator(".flow").getAttribute("data-stale")).toBe("true");
    await says(".flow", "75 %");
    await open("packs");
    await page.locator(`.pack-card[data-node="${first}"][data-stale="true"]`).waitFor();
    await open("overview");
    await site.sum({ SOC: 77 });
    await page.locator('.flow[data-stale="false"]', { hasText: "77 %" }).waitFor();
    expect(await page.locator(".flow-card .age").count()).toBe(0);
  });

  test("that their gateway calls old look stale from the first moment, with their age", async () => {
    await site.sum({ stale: true, age: 7200 });
    await site.tell(first, { stale: true, online: false, age: 7200, canNode: 1 });
    await joined();
    await page.locator('.flow[data-stale="true"]').waitFor();
    await site.sum({ stale: true, age: 7200 });
    await says(".flow-card .age", "Last known, 2 h ago");
    await open("packs");
    await says(`.pack-card[data-node="${first}"]`, "silent");
  });

  test("of a silent BMS keep the last charge, and say so", async () => {
    await site.tell(second, { bms: "stale", canNode: 2, SOC: 41 });
    await joined();
    await open(`packs/${second}`);
    await says("main", "BMS is silent: the charge is the last known");
    await page.locator('.charge[data-old="true"]', { hasText: "41 %" }).waitFor();
  });
});

describe("what a person should know", () => {
  test("stands above all: loads limit, lock-out, a pack's alarms, the bus, the gateway", async () => {
    await joined();
    expect(await page.locator(".notices li").count()).toBe(0);
    await site.sum({ warning: "loads limit⚠️", lockedOut: 2 });
    await page.locator('[data-notice="loads"]').getByText("loads limit⚠️", { exact: true }).waitFor();
    await says('[data-notice="lock-out"]', "2 packs keep the grid off until 05:00");
    await says(".meter", "locked out until 05:00");
    await site.say(`${third}/alarm`, { alarms: [{ code: "relay-stuck", text: "a relay is stuck" }], bmsAlarms: 5 });
    await says(".notices", "Pack 3: a relay is stuck");
    await site.say("gateway", { online: true, can: "unplugged" });
    await says(".notices", "CAN adapter is unplugged");
    await site.say("gateway", { online: false, can: "unplugged" });
    await says(".notices", "The gateway isn't running");
    await open(`packs/${third}`);
    await says("main", "0x5");
  });

  test("includes the import that is used and left, per pack", async () => {
    const used = { used: 9.98, limit: 10, state: "locked-out" } as const;
    await site.tell(first, {
      canNode: 1,
      import: used,
      lockedOut: true,
      relays: { grid: 0, inv: 1, pump: 0, heater: 0 },
    });
    await joined();
    await open(`packs/${first}`);
    await says(".meter", "9.98 kWh");
    await says('.meter[data-locked="true"]', "used up");
    await says(".flow", "Grid disconnected");
  });

  test("includes how firmware gets to the packs", async () => {
    const node = { node: third, state: "transferring", percent: 23, version: "2.5.0" };
    const status = { state: "running", update: "a-2.5.0", version: "2.5.0", percent: 41, current: third };
    await site.say("ota/status", { ...status, nodes: [node, { node: first, state: "waiting" }] });
    await joined();
    await open("more");
    await says('[data-update="running"]', "To version 2.5.0.");
    await says(`[data-node="${third}"]`, "on its way over CAN");
    await until(async () =>
      expect(await page.getByRole("progressbar", { name: "Pack 3" }).getAttribute("value")).toBe("23"),
    );
    await site.say("ota/status", { state: "idle", nodes: [], available: "a-2.6.0", availableVersion: "2.6.0" });
    await says("main", "Version 2.6.0 is here.");
    const start = page.getByRole("button", { name: "Update all packs" });
    await start.click();
    expect(site.heard).toEqual([]);
    await start.click();
    await until(() => expect(commands("trigger")).toMatchObject([{ payload: { update: "a-2.6.0" } }]));
    await site.say("ack/ota", {
      id: commands("trigger")[0]?.payload["id"],
      outcome: "refused",
      reason: "Nobody signed it.",
    });
    await says('[data-control="firmware"]', "Nobody signed it.");
  });
});

describe("a command", () => {
  test("that a pack refuses comes back with its reason, at the control that asked", async () => {
    await joined();
    await open(`packs/${first}`);
    const grid = page.getByRole("switch", { name: "Grid, Pack 1" });
    await page.locator('.switch[aria-label="Grid, Pack 1"][data-standing="on"]').waitFor();
    await grid.click();
    await until(() => expect(commands("set-relay")).toHaveLength(1));
    const [command] = commands("set-relay");
    expect(command).toMatchObject({
      door: "home",
      topic: `alfaspark/${siteName}/${first}/cmd/set-relay`,
      payload: { relay: "grid", on: false },
    });
    await site.acknowledge("set-relay", command?.payload["id"], [first], {
      outcome: "refused",
      result: "forbidden-by-backup",
    });
    await says(`[data-control="relay:grid:${first}"][data-state="refused"]`, "Backup keeps the grid connected");
    // It stays what it is, since the pack's own values say so.
    expect(await grid.getAttribute("aria-checked")).toBe("true");
    await page.getByRole("button", { name: "Close" }).click();
    await until(async () => expect(await page.locator('[data-state="refused"]').count()).toBe(0));
    expect(commands("set-relay")).toHaveLength(1);
  });

  test("to all packs goes out once, and names those that didn't obey", async () => {
    await joined();
    await open("control");
    await page.locator('.switch[aria-label="Backup, All packs"][data-standing="off"]').waitFor();
    await page.getByRole("switch", { name: "Backup, All packs" }).click();
    await until(() => expect(commands("set-mode")).toHaveLength(1));
    const [command] = commands("set-mode");
    expect(command).toMatchObject({
      topic: `alfaspark/${siteName}/commands/set-mode`,
      payload: { mode: "backup", on: true },
    });
    await says('[data-control="mode:backup:all"]', "waiting for the answer");
    expect(await page.getByRole("switch", { name: "Backup, All packs" }).isDisabled()).toBe(true);
    const id = command?.payload["id"];
    await site.acknowledge("set-mode", "somebody-elses", packNodes, { outcome: "refused", result: "busy" });
    await site.acknowledge("set-mode", id, [first, second], { outcome: "done", result: "ok" });
    await site.acknowledge("set-mode", id, [third], { outcome: "silent", reason: "no answer in 1 s" });
    await says('[data-control="mode:backup:all"]', "1 of 3 packs didn't:");
    await says('[data-control="mode:backup:all"]', "Pack 3: no answer in 1 s");
    expect(site.heard).toHaveLength(1);
  });

  test("that nobody answers says so after its deadline", async () => {
    await joined();
    await open("control");
    await page.getByRole("switch", { name: "Eco, All packs" }).click();
    await until(() => expect(site.heard).toHaveLength(1));
    await later(11_000);
    await says('[data-control="mode:eco:all"]', "No answer from the gateway");
    expect(site.heard).toHaveLength(1);
  });

  test("sets limits, windows and the day's import, and keeps what is no limit to itself", async () => {
    await joined();
    await open("control");
    const eco = page.locator('[data-mode="eco"]');
    await until(async () => expect(await eco.getByLabel("Limit").inputValue()).toBe("3000"));
    await eco.getByLabel("Limit").fill("70000");
    await eco.getByText("0 to 65535 W").waitFor();
    expect(await eco.getByRole("button", { name: "Set" }).isDisabled()).toBe(true);
    await eco.getByLabel("Limit").fill("2500");
    await eco.getByRole("button", { name: "Set" }).click();
    const tou = page.locator('[data-mode="time-of-use"]');
    await tou.getByLabel("From").fill("21:30");
    await tou.getByRole("button", { name: "Set" }).click();
    const grid = page.locator('[data-mode="grid-limit"]');
    await grid.getByRole("spinbutton").fill("12");
    await page.keyboard.press("Enter");
    await page.getByRole("switch", { name: "Time of Use, All packs" }).click();
    await until(() => expect(site.heard).toHaveLength(4));
    expect(site.heard.map(({ topic, payload: { id: _id, ...payload } }) => [topic.split("/").at(-1), payload])).toEqual(
      [
        ["set-eco-limit", { limit: 2500 }],
        ["set-tou", { start: 1290, end: 360 }],
        ["set-grid-limit", { on: true, limit: 12 }],
        ["set-mode", { mode: "time-of-use", on: true }],
      ],
    );
  });

  test("goes to a socket by keyboard alone", async () => {
    await site.say("socket/pump/state", { stale: false, online: true, on: false, power: 0, name: "Pool pump" });
    await joined();
    await open("control");
    const pump = page.getByRole("switch", { name: "Sockets, Pool pump" });
    await pump.focus();
    await page.keyboard.press("Space");
    await until(() =>
      expect(site.heard).toMatchObject([{ topic: `alfaspark/${siteName}/socket/pump/cmd`, payload: { on: true } }]),
    );
    await site.say("ack/socket", { id: site.heard[0]?.payload["id"], socket: "pump", outcome: "done" });
    await says('[data-control="socket:pump"]', "done");
    await site.say("socket/pump/state", { stale: false, online: true, on: true, power: 410, name: "Pool pump" });
    await says('[data-socket="pump"]', "410 W");
    expect(await pump.getAttribute("aria-checked")).toBe("true");
  });
});

describe("rules", () => {
  const rule = { name: "Pump on sun", rule: "when P_solar > load for 60s then socket pump on" };

  test("that are none aren't sent, and those that are can be tried out and saved", async () => {
    await site.say("rules", { rules: [rule] });
    await site.say("rules/status", { rules: [{ name: rule.name, state: "holding", heldFor: 12 }] });
    await joined();
    await open("rules");
    await says(".rule", /condition holds, not yet long enough · for 12 s/);
    await page.getByRole("button", { name: "Add a rule" }).click();
    await page.getByLabel("Name").nth(1).fill("Dusk");
    await page.getByLabel("Rule", { exact: true }).nth(1).fill("when sun is gone");
    await says(".problem", "This isn't a rule");
    expect(await page.getByRole("button", { name: "Save all" }).isDisabled()).toBe(true);
    await page.getByLabel("Rule", { exact: true }).nth(1).fill("when P_solar < 200 W for 5 min then socket pump off");
    await page.getByRole("button", { name: "Would it fire now?" }).click();
    await until(() => expect(site.heard).toMatchObject([{ payload: { test: true } }]));
    const id = site.heard[0]?.payload["id"];
    await site.say("ack/rules", { id, outcome: "done" });
    const answer = [
      { name: rule.name, state: "false" },
      { name: "Dusk", state: "true" },
    ];
    await site.say("rules/status", { id, test: true, rules: answer });
    await says('[data-rule="Dusk"] [data-tested="true"]', "Yes.");
    await says(`[data-rule="${rule.name}"] [data-tested="false"]`, "No: its condition doesn't hold.");
    await page.getByRole("button", { name: "Save all" }).click();
    await until(() => expect(site.heard).toHaveLength(2));
    expect(site.heard[1]?.payload).toMatchObject({ rules: [rule, { name: "Dusk" }] });
    expect(site.heard[1]?.payload["test"]).toBeUndefined();
    await site.say("ack/rules", {
      id: site.heard[1]?.payload["id"],
      outcome: "invalid",
      reason: "There is no socket pump.",
    });
    await says('[data-control="rules:save"]', "There is no socket pump.");
  });
});

describe("the connection", () => {
  const phone = "k3x9q2abcdef";
  const isOn = (door: "home" | "server"): boolean => site[door].broker.isConnected(phone);

  test("goes to the server broker when home is away, and comes back with it; never to both at once", async () => {
    await joined();
    expect([isOn("home"), isOn("server")]).toEqual([true, false]);
    await site.home.close();
    await linked("server");
    expect(isOn("server")).toBe(true);
    // Nothing is retained there: what was known stays, until something comes.
    await says(".flow", "75 %");
    await site.sum({ SOC: 31 });
    await says(".flow", "31 %");
    await open("control");
    await page.getByRole("switch", { name: "Backup, All packs" }).click();
    await until(() => expect(site.heard).toMatchObject([{ door: "server" }]));
    await site.home.open();
    // It would ask by itself within 20 s; a phone that joins its Wi-Fi asks at once.
    await page.evaluate('dispatchEvent(new Event("online"))');
    await linked("home");
    await until(() => expect([isOn("home"), isOn("server")]).toEqual([true, false]));
    // Its answer can't come any more, and nothing was asked twice.
    await says('[data-control="mode:backup:all"]', "The connection broke before the answer");
    expect(site.heard).toHaveLength(1);
  });

  test("doesn't take another household's gateway for home", async () => {
    await joined();
    // As if the other household's gateway had the address that is in the phone's list.
    await page.route("**/site.json", async (route) => {
      await route.fulfill({
        json: { site: "elm-street-2", mqttPath: "/mqtt" },
        headers: { "access-control-allow-origin": "*" },
      });
    });
    await page.evaluate('dispatchEvent(new Event("online"))');
    await linked("server");
    expect(isOn("home")).toBe(false);
  });

  test("says that this phone was removed", async () => {
    await joined();
    await Promise.all([site.home.broker.removeCredentials([phone]), site.server.broker.removeCredentials([phone])]);
    await says(".trouble", "This phone was refused");
  });

  test("may be gone altogether: a reload shows the last values with their age, and sends nothing", async () => {
    await joined();
    await says(".flow", "75 %");
    await page.waitForFunction('navigator.serviceWorker.ready.then(({ active }) => active.state === "activated")');
    await site.close();
    await says(".trouble", "Neither home nor the server answers");
    await page.reload();
    await says(".flow", "75 %");
    await later(120_000);
    await says(".flow-card .age", "Last known, 2 min ago");
    expect(await page.locator(".flow").getAttribute("data-stale")).toBe("true");
    await open("control");
    await page.getByRole("switch", { name: "Eco, All packs" }).click();
    await says('[data-control="mode:eco:all"]', "Not connected: nothing was sent.");
    expect(site.heard).toEqual([]);
  });

  test("lists home's addresses, and looks where it was told", async () => {
    await joined();
    await open("more");
    await page.getByLabel("Address").fill("no address");
    await page.getByRole("button", { name: "Add" }).click();
    await says(".problem", "That is no address");
    await page.getByLabel("Label").fill("Attic Wi-Fi");
    await page.getByLabel("Address").fill("localhost:65000");
    await page.getByRole("button", { name: "Add" }).click();
    await says(".addresses", "http://localhost:65000");
    await page.getByRole("button", { name: "Remove Attic Wi-Fi" }).click();
    await until(async () => expect(await page.locator(".addresses li").count()).toBe(1));
  });
});

describe("joining", () => {
  test("without an invitation the page says how to get one, and takes a pasted link", async () => {
    await page.goto(`${site.home.base}/app/`);
    await says("main", "coxswain site invite");
    await page.getByLabel("Invitation").fill("https://gateway.example/app/#invite=broken!");
    await page.getByRole("button", { name: "Join" }).click();
    await says(".problem", "That is no whole invitation");
    await page.getByLabel("Invitation").fill(site.link("home"));
    await page.getByRole("button", { name: "Join" }).click();
    await linked("home");
    await page.reload();
    await linked("home");
  });

  test("an invitation to another household asks first, and forgetting one leaves nothing on the phone", async () => {
    await joined();
    const elsewhere = { site: "elm-street-2", title: "Elm Street 2" };
    await page.goto(site.link("home", elsewhere));
    await says(".trouble", "This invitation is for Elm Street 2.");
    await page.getByRole("button", { name: "Stay" }).click();
    await says(".bar", "Linden Street 7");
    await page.goto(site.link("home", elsewhere));
    await page.getByRole("button", { name: "Change to it" }).click();
    await says(".bar", "Elm Street 2");
    // Not a value of the household that it left.
    expect(await page.locator(".flow").textContent()).not.toMatch(/\d/);
    await page.goto(site.link("home"));
    await page.getByRole("button", { name: "Change to it" }).click();
    await linked("home");
    await open("more");
    const forget = page.getByRole("button", { name: "Forget this household" });
    await forget.click();
    await forget.click();
    await says("main", "Join a household");
    expect(await page.evaluate("localStorage.length")).toBe(0);
    await until(() => expect(site.home.broker.isConnected("k3x9q2abcdef")).toBe(false));
  });

  test("over plain http the app is a page, and says that installing needs the certificate", async () => {
    await page.goto(site.link("home").replace("127.0.0.1", "gateway.test"));
    await linked("home");
    await says(".flow", "75 %");
    await open("more");
    await says('[data-install="insecure"]', "plain http");
    await page.getByText("How to install the certificate").click();
    await page.getByRole("link", { name: "Download the certificate" }).waitFor();
  });
});

describe("everyone", () => {
  const pages = ["overview", "packs", `packs/${first}`, "control", "rules", "more"];

  test.each([320, 390, 1280])("finds nothing wider than a screen of %i pixels", async (width) => {
    await page.setViewportSize({ width, height: 844 });
    await site.sum({ warning: "loads limit⚠️", lockedOut: 3 });
    await site.say("rules", {
      rules: [{ name: "A rule with a name that is long enough", rule: "when P_solar > load then socket pump on" }],
    });
    await joined();
    for (const each of pages) {
      await open(each);
      await page.locator("main .page").waitFor();
      expect(await page.evaluate("document.documentElement.scrollWidth"), each).toBe(width);
    }
  });

  test("has a name for every control, and keeps the keyboard where it was", async () => {
    await site.say("rules", { rules: [{ name: "Sun", rule: "when P_solar > load then socket pump on" }] });
    await joined();
    for (const each of pages) {
      await open(each);
      await page.locator("main .page").waitFor();
      const controls = page.locator("button, input, select, textarea, a, [role=img]");
      const nameless = await controls.evaluateAll((elements) =>
        elements
          .filter((element) => {
            const labels = "labels" in element ? [...(element.labels as Iterable<{ textContent: string }>)] : [];
            const words = [
              element.getAttribute("aria-label"),
              element.textContent,
              ...labels.map((one) => one.textContent),
            ];
            return words.join("").trim() === "";
          })
          .map((element) => element.outerHTML),
      );
      expect(nameless, each).toEqual([]);
      expect(await controls.count()).toBeGreaterThan(5);
    }
    await open("control");
    await page.getByRole("switch", { name: "Eco, All packs" }).focus();
    await site.sum({ SOC: 12 });
    await site.tell(first, { canNode: 1, modes: [] });
    await page.locator('.switch[aria-label="Eco, All packs"][data-standing="mixed"]').waitFor();
    expect(await page.evaluate("document.activeElement.ariaLabel")).toBe("Eco, All packs");
  });

  test("may want less motion, a dark screen or German", async () => {
    await page.emulateMedia({ reducedMotion: "reduce", colorScheme: "dark" });
    await joined();
    await says(".flow", "75 %");
    const animated =
      "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).animationName !== 'none').length";
    expect(await page.evaluate(animated)).toBe(0);
    expect(await page.locator(".flow-line .marks").first().isVisible()).toBe(false);
    expect(await page.locator(".flow-line .arrow").first().isVisible()).toBe(true);
    await open("more");
    await page.getByLabel("Language").selectOption("de");
    await says(".tabs", "Übersicht");
    await page.reload();
    await says(".tabs", "Übersicht");
    expect(await page.evaluate("document.documentElement.lang")).toBe("de");
  });
});
