import { createHash, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonRecords } from "../../gateway/adapters/storage/json-records.ts";
import { SiteAuthority } from "../../gateway/adapters/storage/site-authority.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { buildApp } from "../../tools/build-app.ts";
import { AppSite } from "./app-site.ts";

let folder: string;
let site: AppSite;
let trusting: BrowserContext;
let page: Page;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-app-"));
  await buildApp(join(folder, "app"));
  const records = jsonRecords(join(folder, "state"));
  const household = { records, title: "Linden Street 7", clock: systemClock, entropy: systemEntropy };
  const authority = await SiteAuthority.open(household);
  site = new AppSite(join(folder, "app"), () => authority.serverCertificate(["127.0.0.1"]));
  await site.open();
  await site.introduce();
  // What a phone does that installed the household's CA: this browser trusts whatever that key signed, and nothing else that is new.
  const spki = new X509Certificate(authority.ca).publicKey.export({ type: "spki", format: "der" });
  const trusts = createHash("sha256").update(spki).digest("base64");
  trusting = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      `--ignore-certificate-errors-spki-list=${trusts}`,
    ],
    viewport: { width: 390, height: 844 },
    locale: "en-GB",
  });
  page = await trusting.newPage();
});
afterAll(async () => {
  await trusting.close();
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the app from the household's own gateway, over https", () => {
  test("isn't opened by a phone that doesn't trust the household's CA", async () => {
    const stranger = await chromium.launch({
      executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu"],
    });
    const other = await stranger.newPage();
    await expect(other.goto(site.link("home"))).rejects.toThrow("ERR_CERT_AUTHORITY_INVALID");
    await stranger.close();
  });

  test("connects by wss, can be installed, and opens without the network afterwards", async () => {
    expect(site.link("home")).toContain("https://");
    await page.goto(site.link("home"));
    await page.locator('.link[data-link="home"]').waitFor({ timeout: 20_000 });
    await page.locator(".flow", { hasText: "75 %" }).waitFor({ timeout: 20_000 });
    await page.waitForFunction('navigator.serviceWorker.ready.then(({ active }) => active.state === "activated")');
    await page.evaluate('location.hash = "#/more"');
    await page.locator('[data-install="manual"], [data-install="ready"]').waitFor();
    // A server broker in the clear isn't for a page that came over https; home is, and stays.
    expect(await page.locator(".link").getAttribute("data-link")).toBe("home");
    await site.close();
    await page.reload();
    await page.evaluate('location.hash = "#/overview"');
    await page.locator(".flow", { hasText: "75 %" }).waitFor({ timeout: 20_000 });
    await page.locator(".trouble", { hasText: "Neither home nor the server answers" }).waitFor({ timeout: 20_000 });
  });

  test("goes on trying where the invitation's server broker is one that a browser refuses", async () => {
    // From a page over https a broker in the clear on another machine is no broker.
    await page.goto(site.link("home", { server: "ws://gateway.test:1883/mqtt", home: [] }));
    await page.reload();
    await page.locator('.link[data-link="resting"]').waitFor({ timeout: 20_000 });
    await site.open();
    await page.evaluate('dispatchEvent(new Event("online"))');
    await page
      .getByRole("button", { name: "Try now" })
      .click({ timeout: 5_000 })
      .catch(() => {});
    await page.locator('.link[data-link="home"]').waitFor({ timeout: 20_000 });
  });

  test("says of an address in the clear that it can't be asked from there", async () => {
    await page.evaluate('location.hash = "#/more"');
    await page.getByLabel("Address").fill("http://192.168.1.20:8080");
    await page.getByRole("button", { name: "Add" }).click();
    await page.locator(".addresses", { hasText: "home must be https too" }).waitFor();
  });
});
