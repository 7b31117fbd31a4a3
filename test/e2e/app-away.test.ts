import { existsSync } from "node:fs";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { gatewayUser } from "../../schemas/wire/site-users.ts";
import { buildApp, builtApp } from "../../tools/build-app.ts";
import { type TestManager, testManager } from "../integration/manager-harness.ts";

let manager: TestManager;
let browser: Browser;
let page: Page;
let gateway: MqttClient;
let link: string;
let phone: string;
const heard: { topic: string; payload: Record<string, unknown> }[] = [];
const complaints: string[] = [];

const api = async (path: string, body: unknown, method = "POST"): Promise<Record<string, unknown>> => {
  const init = { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(`${manager.urls.http}/api/v1/sites${path}`, init);
  expect(response.ok, `${path}: ${response.status}`).toBe(true);
  return (await response.json()) as Record<string, unknown>;
};

beforeAll(async () => {
  if (!existsSync(join(builtApp, "index.html"))) await buildApp(builtApp);
  manager = await testManager();
  await api("", { site: "linden-7", title: "Linden Street 7" });
  const { secret, broker } = await api("/linden-7/link", {});
  const invited = await api("/linden-7/phones", { name: "Anna's phone" });
  link = (invited["links"] as { server: string }).server;
  phone = (invited["invitation"] as { phone: string }).phone;
  const user = gatewayUser("linden-7");
  gateway = await connectAsync(String(broker), { clientId: user, username: user, password: String(secret) });
  gateway.on("message", (topic, payload) => {
    heard.push({ topic, payload: JSON.parse(payload.toString()) as Record<string, unknown> });
  });
  await gateway.subscribeAsync(["alfaspark/linden-7/commands/+", "alfaspark/linden-7/+/cmd/+"], { qos: 1 });
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The manager is no household's home, which it says by 404.
    if (message.type() === "error" && !/404/.test(message.text())) complaints.push(message.text());
  });
});
afterAll(async () => {
  await browser.close();
  await gateway.endAsync();
  await manager.end();
});

const says = async (selector: string, text: string): Promise<void> =>
  await page.locator(selector, { hasText: text }).first().waitFor({ timeout: 20_000 });
const sums = { stale: false, packs: 1, known: 1, SOC: 64, P_solar: 2.5 };

describe("the app away from home, from the manager and through its broker", () => {
  test("opens by the invitation's link, with all of its files", async () => {
    await page.goto(link);
    await page.locator('.link[data-link="server"]').waitFor({ timeout: 20_000 });
    await says(".bar", "Linden Street 7");
    await says(".flow-card", "No pack was heard yet");
  });

  test("shows what the household's gateway says, and only its", async () => {
    await gateway.publishAsync("alfaspark/elm-2/aggregate", JSON.stringify({ ...sums, SOC: 11 }), { qos: 1 });
    await gateway.publishAsync("alfaspark/linden-7/aggregate", JSON.stringify(sums), { qos: 1 });
    await says(".flow", "64 %");
    await says(".flow", "2.50 kW");
  });

  test("sends a command once, and shows what became of it", async () => {
    await page.evaluate('location.hash = "#/control"');
    await page.getByRole("switch", { name: "Backup, All packs" }).click();
    await vi.waitFor(() => expect(heard).toHaveLength(1), { timeout: 20_000 });
    expect(heard[0]).toMatchObject({
      topic: "alfaspark/linden-7/commands/set-mode",
      payload: { mode: "backup", on: true },
    });
    const answer = { id: heard[0]?.payload["id"], outcome: "not-sent", reason: "No pack is there." };
    await gateway.publishAsync("alfaspark/linden-7/ack/set-mode", JSON.stringify(answer), { qos: 1 });
    await says('[data-control="mode:backup:all"]', "No pack is there.");
    expect(heard).toHaveLength(1);
  });

  test("is cut off when its phone is removed", async () => {
    expect(complaints).toEqual([]);
    await fetch(`${manager.urls.http}/api/v1/sites/linden-7/phones/${phone}`, { method: "DELETE" });
    await says(".trouble", "This phone was refused");
    await page.locator('.link[data-link="server"]').waitFor({ state: "detached" });
  });
});
