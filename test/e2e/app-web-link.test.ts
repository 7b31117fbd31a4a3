import { describe, expect, test } from "vitest";
import { appPage } from "./app-page.ts";
import { phoneClient } from "./app-site.ts";

const t = appPage();

describe("the connection", () => {
  const isOn = (door: "home" | "server"): boolean => t.site[door].broker.isConnected(phoneClient);

  test("goes to the server broker when home is away, and comes back with it; never to both at once", async () => {
    await t.joined();
    expect([isOn("home"), isOn("server")]).toEqual([true, false]);
    await t.site.home.close();
    await t.linked("server");
    expect(isOn("server")).toBe(true);
    // Nothing is retained there: what was known stays, until something comes.
    await t.says(".flow", "75 %");
    await t.site.sum({ SOC: 31 });
    await t.says(".flow", "31 %");
    await t.open("control");
    await t.page.getByRole("switch", { name: "Backup, All packs" }).click();
    await t.until(() => expect(t.site.heard).toMatchObject([{ door: "server" }]));
    await t.site.home.open();
    // It would ask by itself within 20 s; a phone that joins its Wi-Fi asks at once.
    await t.page.evaluate('dispatchEvent(new Event("online"))');
    await t.linked("home");
    await t.until(() => expect([isOn("home"), isOn("server")]).toEqual([true, false]));
    // Its answer can't come any more, and nothing was asked twice.
    await t.says('[data-control="mode:backup:all"]', "The connection broke before the answer");
    expect(t.site.heard).toHaveLength(1);
  });

  test("doesn't take another household's gateway for home", async () => {
    await t.joined();
    // As if the other household's gateway had the address that is in the phone's list.
    await t.page.route("**/site.json", async (route) => {
      await route.fulfill({
        json: { site: "elm-street-2", mqttPath: "/mqtt" },
        headers: { "access-control-allow-origin": "*" },
      });
    });
    await t.page.evaluate('dispatchEvent(new Event("online"))');
    await t.linked("server");
    expect(isOn("home")).toBe(false);
  });

  test("belongs to one window of the phone, the one that is used", async () => {
    await t.joined();
    const other = await t.page.context().newPage();
    await other.goto(t.page.url());
    await other.locator('.link[data-link="home"]').waitFor();
    await t.says(".trouble", "open in another window");
    await t.linked("stopped");
    await t.page.getByRole("button", { name: "Try now" }).click();
    await t.linked("home");
    await other.locator('.link[data-link="stopped"]').waitFor();
    expect(isOn("home")).toBe(true);
  });

  test("isn't fought for at full speed with another phone that has the same invitation", async () => {
    await t.joined();
    const other = await t.anotherPhone();
    await other.goto(t.site.link("home"));
    // Each of them throws the other out; whoever is thrown out at once waits longer each time.
    await Promise.any(
      [t.page, other].map((page) => page.getByText("Is this invitation used on another phone").waitFor()),
    );
  });

  test("says that this phone was removed", async () => {
    await t.joined();
    await Promise.all([
      t.site.home.broker.removeCredentials([phoneClient]),
      t.site.server.broker.removeCredentials([phoneClient]),
    ]);
    await t.says(".trouble", "This phone was refused");
  });

  test("may be gone altogether: a reload shows the last values with their age, and sends nothing", async () => {
    await t.joined();
    await t.says(".flow", "75 %");
    await t.page.waitForFunction('navigator.serviceWorker.ready.then(({ active }) => active.state === "activated")');
    await t.site.close();
    await t.says(".trouble", "Neither home nor the server answers");
    await t.page.reload();
    await t.says(".flow", "75 %");
    await t.later(120_000);
    await t.says(".flow-card .age", "Last known, 2 min ago");
    expect(await t.page.locator(".flow").getAttribute("data-stale")).toBe("true");
    await t.open("control");
    await t.page.getByRole("switch", { name: "Eco, All packs" }).click();
    await t.says('[data-control="mode:eco:all"]', "Not connected: nothing was sent.");
    expect(t.site.heard).toEqual([]);
  });

  test("lists home's addresses, and looks where it was told", async () => {
    await t.joined();
    await t.open("more");
    await t.page.getByLabel("Address").fill("no address");
    await t.page.getByRole("button", { name: "Add" }).click();
    await t.says(".problem", "That is no address");
    await t.page.getByLabel("Label").fill("Attic Wi-Fi");
    await t.page.getByLabel("Address").fill("localhost:65000");
    await t.page.getByRole("button", { name: "Add" }).click();
    await t.says(".addresses", "http://localhost:65000");
    await t.page.getByRole("button", { name: "Remove Attic Wi-Fi" }).click();
    await t.until(async () => expect(await t.page.locator(".addresses li").count()).toBe(1));
  });
});

describe("joining", () => {
  test("without an invitation the page says how to get one, and takes a pasted link", async () => {
    await t.page.goto(`${t.site.home.base}/app/`);
    await t.says("main", "coxswain site invite");
    await t.page.getByLabel("Invitation").fill("https://gateway.example/app/#invite=broken!");
    await t.page.getByRole("button", { name: "Join" }).click();
    await t.says(".problem", "That is no whole invitation");
    await t.page.getByLabel("Invitation").fill(t.site.link("home"));
    await t.page.getByRole("button", { name: "Join" }).click();
    await t.linked("home");
    await t.page.reload();
    await t.linked("home");
  });

  test("an invitation to another household asks first, and forgetting one leaves nothing on the phone", async () => {
    await t.joined();
    const elsewhere = { site: "elm-street-2", title: "Elm Street 2" };
    await t.page.goto(t.site.link("home", elsewhere));
    await t.says(".trouble", "This invitation is for Elm Street 2.");
    await t.page.getByRole("button", { name: "Stay" }).click();
    await t.says(".bar", "Linden Street 7");
    await t.page.goto(t.site.link("home", elsewhere));
    await t.page.getByRole("button", { name: "Change to it" }).click();
    await t.says(".bar", "Elm Street 2");
    // Not a value of the household that it left.
    expect(await t.page.locator(".flow").textContent()).not.toMatch(/\d/);
    await t.page.goto(t.site.link("home"));
    await t.page.getByRole("button", { name: "Change to it" }).click();
    await t.linked("home");
    await t.open("more");
    const forget = t.page.getByRole("button", { name: "Forget this household" });
    await forget.click();
    await forget.click();
    await t.says("main", "Join a household");
    expect(await t.page.evaluate("localStorage.length")).toBe(0);
    await t.until(() => expect(t.site.home.broker.isConnected(phoneClient)).toBe(false));
  });

  test("over plain http the app is a page, and says that installing needs the certificate", async () => {
    await t.page.goto(t.site.link("home").replace("127.0.0.1", "gateway.test"));
    await t.linked("home");
    await t.says(".flow", "75 %");
    await t.open("more");
    await t.says('[data-install="insecure"]', "plain http");
    await t.page.getByText("How to install the certificate").click();
    await t.page.getByRole("link", { name: "Download the certificate" }).waitFor();
  });
});
