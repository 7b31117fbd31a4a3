import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, TestPeer, testManager } from "../integration/manager-harness.ts";

const image = new Uint8Array(3000).fill(5);
const digest = `sha256:${createHash("sha256").update(image).digest("hex")}`;
// A network that is closed must not make the browser wait for its own services.
const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
];

let manager: TestManager;
let node: TestPeer;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  manager = await testManager();
  node = await TestPeer.start(manager.coapPort);
  await node.register({
    id: "porch",
    model: "sensor-board",
    version: "1.0.0",
    site: "home",
    digest: `sha256:${"1".repeat(64)}`,
  });
  await node.register({ id: "cellar", model: "sensor-board", version: "1.0.0" });
  await node.register({ id: "rack", model: "linux-board", version: "3.1" });
  const headers = { "content-type": "application/octet-stream" };
  await fetch(`${manager.urls.http}/api/v1/artifacts/${digest.slice(7)}`, { method: "PUT", headers, body: image });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
  page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(manager.urls.http);
});
afterAll(async () => {
  await browser.close();
  await node.end();
  await manager.end();
});

const card = (id: string) => page.locator(".card", { has: page.getByRole("button", { name: id, exact: true }) });
const feed = () => page.locator("#feed");
const report = (body: string, path = "/nodes/porch/health") => node.ask("PUT", path, body, 50);
const hasText = async (of: ReturnType<typeof card>, text: string) =>
  await of.filter({ hasText: text }).waitFor({ timeout: 20_000 });

describe("the console in a real browser", () => {
  test("shows the fleet, says that it is live, and warns that nobody is who they say", async () => {
    await hasText(card("porch"), "sensor-board · 1.0.0 · home");
    expect(await page.locator(".card").count()).toBe(3);
    await page.locator("#link", { hasText: "live" }).waitFor();
    await page.locator("#insecure", { hasText: "Insecure mode" }).waitFor();
    expect(await page.locator(".tile", { hasText: "nodes" }).innerText()).toContain("3");
  });

  test("begins with what happened before it was opened", async () => {
    await hasText(feed(), "porch registered");
  });

  test("shows a node that registers and health that changes without being asked", async () => {
    await node.register({ id: "attic", model: "sensor-board" });
    await hasText(card("attic"), "online");
    await report('{"status":"degraded","phase":"operational"}');
    await hasText(card("porch"), "degraded");
    await report('{"status":"unhealthy"}');
    await page.locator("#alerts", { hasText: "porch" }).waitFor();
    await report('{"status":"healthy"}');
    await page.locator("#alerts", { hasText: "Nothing is wrong." }).waitFor();
  });

  test("shows an update move through its states, to the end", async () => {
    const update = { id: "fw-2", version: "2.0.0", model: "sensor-board", size: image.length, digest };
    await node.ask("POST", "/updates", JSON.stringify(update), 50);
    await node.ask("POST", "/updates/fw-2/install", '{"nodes":["porch"]}', 50);
    const attempt = (state: string, more = "") =>
      report(`{"state":"${state}"${more}}`, "/updates/fw-2/status?ep=porch");
    await hasText(card("porch"), "is offered the update");
    await attempt("downloading", ',"percent":40');
    await hasText(card("porch"), "40 %");
    expect(await card("porch").getByRole("progressbar").getAttribute("aria-valuenow")).toBe("40");
    expect(await page.locator(".tile", { hasText: "updating" }).innerText()).toContain("1");
    await attempt("verifying", ',"percent":100');
    await hasText(card("porch"), "verifies the image");
    await page.locator("#updates", { hasText: "1 verifying" }).waitFor();
    await attempt("trial");
    await node.register({
      id: "porch",
      model: "sensor-board",
      version: "2.0.0",
      site: "home",
      digest,
      confirmed: true,
    });
    await hasText(card("porch"), "runs the new image, confirmed");
    await hasText(card("porch"), "2.0.0");
    await page.locator("#updates", { hasText: "1 succeeded" }).waitFor();
    await hasText(feed(), "porch runs the new image, confirmed");
  });

  test("shows a rollout with what it waits for", async () => {
    const json = { "content-type": "application/json" };
    const post = async (path: string, body: unknown) => {
      const response = await fetch(`${manager.urls.http}/api/v1${path}`, {
        ...{ method: "POST", headers: json, body: JSON.stringify(body) },
      });
      expect(response.ok, path).toBe(true);
    };
    await post("/rollouts", { id: "spring", update: "fw-2", staysOpen: true });
    await post("/rollouts/spring/steps", { step: "start" });
    await page.locator("#updates .rollout", { hasText: "rollout spring of fw-2" }).waitFor();
    await post("/rollouts/spring/steps", { step: "pause", why: "<b>storm</b>" });
    await page.locator("#updates .rollout", { hasText: "<b>storm</b>" }).waitFor();
    await post("/rollouts/spring/steps", { step: "abort", cancelsUnderWay: true });
    await page.locator("#updates .rollout", { hasText: "aborted" }).waitFor();
  });

  test("shows what a node measured last", async () => {
    const pack = '[{"n":"temperature","u":"Cel","v":21.48},{"n":"humidity","u":"%RH","v":40},{"n":"door","vs":"open"}]';
    expect((await node.ask("POST", "/nodes/cellar/telemetry", pack, 110)).code).toBe("2.04");
    await hasText(card("cellar"), "21.5 °C");
    await hasText(card("cellar"), "40 % RH");
  });

  test("filters by presence and by words", async () => {
    await page.getByRole("searchbox").fill("linux");
    await page.locator("#shown", { hasText: "1 of 4" }).waitFor();
    expect(await page.locator(".card").innerText()).toContain("rack");
    await page.getByRole("searchbox").fill("");
    await page.locator(".tile", { hasText: "offline" }).click();
    await page.locator("#empty", { hasText: "No node matches." }).waitFor();
    await page.locator(".tile", { hasText: "nodes" }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".card").nth(3).waitFor();
    // A redraw leaves the keyboard where it was.
    await report('{"status":"degraded","phase":"maintenance"}');
    await hasText(card("porch"), "maintenance");
    expect(await page.evaluate("document.activeElement.dataset.kind")).toBe("all");
  });

  test("shows everything of a node by keyboard alone, and sends it a command", async () => {
    await page.getByRole("button", { name: "porch", exact: true }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "porch" });
    await dialog.getByText("runs the new image").or(dialog.getByText(digest)).first().waitFor();
    await dialog.getByRole("button", { name: "Identify" }).click();
    await dialog.getByText(/identify is on its way \(rev \d+\)/).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
  });

  test("takes what a node says of itself for text, never for markup", async () => {
    await node.register({
      id: "rack",
      model: "linux-board",
      site: "<img src=x onerror=alert(1)>",
      version: "<b>9</b>",
    });
    await hasText(card("rack"), "<img src=x onerror=alert(1)>");
    expect(await card("rack").locator("img, b").count()).toBe(0);
  });

  test("fits a phone: nothing is wider than the screen, in the dark too", async () => {
    const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await phone.goto(manager.urls.http);
    await phone.locator(".card").nth(3).waitFor();
    expect(await phone.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await phone.getByRole("button", { name: "porch", exact: true }).click();
    await phone.getByRole("dialog").waitFor();
    expect(await phone.evaluate("document.documentElement.scrollWidth")).toBe(390);
    const background = await phone.evaluate("getComputedStyle(document.body).backgroundColor");
    expect(background).not.toBe(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
    await phone.close();
  });

  test("made no complaint so far", () => {
    expect(complaints).toEqual([]);
  });

  test("says that the manager is gone, and goes on by itself when it is back", async () => {
    const { coapPort, folder, urls } = manager;
    await manager.end({ keepsFolder: true });
    await page.locator("#link", { hasText: "connection lost" }).waitFor();
    const ports = {
      "coap.port": String(coapPort),
      "http.port": new URL(urls.http).port,
      "mqtt.port": new URL(urls.mqtt).port,
    };
    manager = await testManager({ folder, flags: ports });
    await page.locator("#link", { hasText: /^live$/ }).waitFor({ timeout: 15_000 });
    await node.register({ id: "newcomer" });
    await hasText(card("newcomer"), "online");
  });
});

describe("the console of a manager that asks who is there", () => {
  let secure: TestManager;
  let token: string;
  beforeAll(async () => {
    secure = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
    token = readFileSync(join(secure.folder, "admin-token"), "utf8").trim();
  });
  afterAll(() => secure.end());

  const linkOf = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = { method: "POST", headers, body: "{}" };
    const answer = (await (await fetch(`${secure.urls.http}/api/v1/sign-in-codes`, init)).json()) as { link: string };
    return answer.link;
  };

  test("takes a one-time link, which is gone from the address, and a second browser can't use it", async () => {
    const link = await linkOf();
    const first = await (await browser.newContext()).newPage();
    await first.goto(link);
    await first.locator("#link", { hasText: "live" }).waitFor({ timeout: 20_000 });
    expect(first.url()).not.toContain("code");
    expect(await first.locator("#sign-in").isVisible()).toBe(false);
    const second = await (await browser.newContext()).newPage();
    await second.goto(link);
    await second.locator("#sign-in-problem", { hasText: "used already" }).waitFor({ timeout: 20_000 });
    await first.close();
    await second.close();
  });

  test("takes a link where the page is open already and asks who it is", async () => {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${secure.urls.http}/`);
    await page.getByLabel("Name").waitFor();
    await page.goto(await linkOf());
    await page.locator("#link", { hasText: "live" }).waitFor({ timeout: 20_000 });
    expect(page.url()).not.toContain("code");
    expect(await page.locator("#sign-in").isVisible()).toBe(false);
    await page.close();
  });

  test("asks for the token, says when it is wrong, and stays signed in", async () => {
    const visitor = await (await browser.newContext()).newPage();
    await visitor.goto(secure.urls.http);
    await visitor.getByText("With the machine's token").click();
    const input = visitor.getByLabel("Token");
    const button = visitor.getByRole("button", { name: "Sign in with the token" });
    await input.fill("sesame");
    await button.click();
    await visitor.locator("#sign-in-problem", { hasText: "no token of this manager" }).waitFor({ timeout: 20_000 });
    await input.fill(token);
    await button.click();
    await visitor.locator("#link", { hasText: "live" }).waitFor({ timeout: 20_000 });
    await visitor.reload();
    await visitor.locator("#link", { hasText: "live" }).waitFor({ timeout: 20_000 });
    expect(await visitor.locator("#sign-in").isVisible()).toBe(false);
    expect(await visitor.evaluate("document.cookie")).toBe("");
    await visitor.close();
  });

  describe("with accounts", () => {
    const by = { kind: "operator", id: "test" } as const;
    const password = "correct horse battery";
    beforeAll(async () => {
      await secure.app.operators.add("vera", "viewer", [], by);
      await secure.app.operators.add("hanna", "operator", ["site:harbour"], by);
      for (const name of ["vera", "hanna"]) await secure.app.operators.setPassword(name, password, by);
      for (const [index, id] of ["crane", "lamp"].entries()) {
        await secure.app.registry.register({
          manifest: { id, model: "sensor" } as never,
          path: { address: "127.0.0.1", port: 40_000 + index, family: 4 },
          identity: "credential",
          face: "register",
        });
      }
      await secure.app.labels.set("crane", { site: "harbour", tags: [] }, by);
    });

    async function signedIn(name: string): Promise<Page> {
      const visitor = await (await browser.newContext()).newPage();
      await visitor.goto(secure.urls.http);
      await visitor.getByLabel("Name").fill(name);
      await visitor.getByLabel("Password").fill(password);
      await visitor.getByRole("button", { name: "Sign in", exact: true }).click();
      await visitor.locator("#link", { hasText: "live" }).waitFor({ timeout: 20_000 });
      return visitor;
    }

    test("says that name or password is wrong, and not which", async () => {
      const visitor = await (await browser.newContext()).newPage();
      await visitor.goto(secure.urls.http);
      for (const name of ["vera", "nobody"]) {
        await visitor.getByLabel("Name").fill(name);
        await visitor.getByLabel("Password").fill("wrong horse battery");
        await visitor.getByRole("button", { name: "Sign in", exact: true }).click();
        await visitor.locator("#sign-in-problem", { hasText: "no operator with that password" }).waitFor();
      }
      await visitor.close();
    });

    test("a viewer is offered no command, an operator of a site his nodes alone and their commands", async () => {
      const vera = await signedIn("vera");
      await vera.locator("#account", { hasText: "vera · viewer" }).waitFor();
      await vera.getByRole("button", { name: "lamp", exact: true }).click();
      await vera.getByRole("dialog").getByText("Timeline").waitFor();
      expect(await vera.getByRole("button", { name: "Restart" }).count()).toBe(0);
      await vera.close();
      const hanna = await signedIn("hanna");
      await hanna.getByRole("button", { name: "crane", exact: true }).click();
      await hanna.getByRole("button", { name: "Identify" }).click();
      await hanna.getByText("identify is on its way").waitFor();
      expect(await hanna.getByRole("button", { name: "lamp", exact: true }).count()).toBe(0);
      await hanna.close();
    });

    test("the password is changed there, other sessions are ended, and signing out ends one's own", async () => {
      const other = await signedIn("vera");
      const vera = await signedIn("vera");
      await vera.getByRole("button", { name: "vera · viewer" }).click();
      await vera.getByText("(this one)").waitFor();
      await vera.getByLabel("Present password").fill(password);
      await vera.getByLabel("New password").fill("another horse battery");
      await vera.getByRole("button", { name: "Set password" }).click();
      await vera.getByText("The password is set").waitFor();
      await other.reload();
      await other.locator("#sign-in").waitFor();
      await other.close();
      await vera.getByRole("button", { name: "Close" }).click();
      await vera.getByRole("button", { name: "Sign out" }).click();
      await vera.locator("#sign-in").waitFor();
      await vera.close();
    });
  });
});
