import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { invitationLink } from "../../schemas/wire/site-invitation.ts";
import { buildApp, builtApp } from "../../tools/build-app.ts";
import { BmsOnPty } from "../../tools/demo/bms-on-pty.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { requireBuild } from "../integration/supervisor/supervised-node.ts";
import { RealGateway, realHub } from "./real-gateway.ts";

// The greatest of the last four bytes leads.
const hardware = ["24a160000003", "24a160000104"] as const;
const [follower, master] = hardware;
const patience = { timeout: 60_000 };

const folder = mkdtempSync(join(tmpdir(), "app-gateway-"));
const bms: BmsOnPty[] = [];
const packs: PackProgram[] = [];
const complaints: string[] = [];
let hub: CanHub;
let gateway: RealGateway;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  requireBuild();
  if (!existsSync(join(builtApp, "index.html"))) await buildApp(builtApp);
  hub = await realHub();
  gateway = await RealGateway.start(join(folder, "gateway"), hub.address());
  for (const [at, number] of hardware.entries()) {
    const simulated = await BmsOnPty.start({ name: `bms-${at}` });
    simulated.set({ voltage: 52.8, current: 1.5 });
    bms.push(simulated);
    packs.push(
      new PackProgram({ name: `pack-${at}`, hardware: number, can: hub.address(), bms: simulated.device, folder }),
    );
  }
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args });
  page = await browser.newPage({ viewport: { width: 390, height: 844 }, locale: "en-GB" });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // The gateway's address by https is tried too, which this browser has no reason to trust.
    if (message.type() === "error" && !/ERR_CONNECTION|ERR_CERT|^WebSocket /.test(message.text()))
      complaints.push(message.text());
  });
});
afterAll(async () => {
  await browser?.close();
  await gateway?.kill("SIGTERM");
  for (const pack of packs) await pack.stop();
  for (const each of bms) await each.stop();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const says = async (selector: string, text: string | RegExp): Promise<void> =>
  await page.locator(selector, { hasText: text }).first().waitFor(patience);
const open = async (route: string): Promise<void> => {
  await page.evaluate(`location.hash = "#/${route}"`);
};
const stands = async (label: string, standing: string): Promise<void> =>
  await page.locator(`.switch[aria-label="${label}"][data-standing="${standing}"]`).waitFor(patience);

describe("the app at a real gateway with two real packs", () => {
  test("shows them, their batteries and who leads, by the link of the gateway's own invitation", async () => {
    const base = gateway.ready.app.replace("/app/", "");
    await page.goto(invitationLink(base, await gateway.phone("Anna's phone")));
    await page.locator('.link[data-link="home"]').waitFor(patience);
    await says(".packs-line", "2 of 2 packs online");
    await says(".flow", "40 %");
    await page.locator('.flow[data-stale="false"]').waitFor(patience);
    await open("packs");
    await page.locator(`.pack-card[data-node="${master}"]`, { hasText: "master" }).waitFor(patience);
    await open(`packs/${follower}`);
    await says(".rows", "52.8 V");
    await says("main", "BMS answers");
    await says(".rows > div", /Firmware\s*Alfaspark 2\.5/);
    await open("more");
    await says(".rows > div", /CAN bus\s*up/);
    // Everything that a real gateway says has a schema.
    await page.locator(".rows > div", { hasText: "Messages not understood" }).getByText("0", { exact: true }).waitFor();
  });

  test("tells all packs by one command, and each of them obeys", async () => {
    await open("control");
    await stands("Backup, All packs", "off");
    await page.getByRole("switch", { name: "Backup, All packs" }).click();
    await says('[data-control="mode:backup:all"][data-state="done"]', "done");
    await stands("Backup, All packs", "on");
    const eco = page.locator('[data-mode="eco"]');
    await eco.getByRole("spinbutton").fill("2750");
    await eco.getByRole("button", { name: "Set" }).click();
    await says('[data-control="setting:eco:all"][data-state="done"]', "done");
  });

  test("shows a pack's own reason where a mode forbids what was asked for", async () => {
    await open(`packs/${master}`);
    // It took the number that its MAC asks for.
    const grid = page.getByRole("switch", { name: "Grid, Pack 4" });
    await grid.click();
    await page.waitForTimeout(8000);
    console.log(await page.locator("main").innerText());
    await says(`[data-control="relay:grid:${master}"][data-state="refused"]`, "Backup keeps the grid connected");
    expect(await grid.getAttribute("data-standing")).toBe("on");
    await expect.poll(() => page.locator('[data-mode="eco"]').getByRole("spinbutton").inputValue()).toBe("2750");
  });

  test("tries rules out on what really is", async () => {
    await open("rules");
    await page.getByRole("button", { name: "Add a rule" }).click();
    await page.getByLabel("Name").fill("Full");
    await page.getByLabel("Rule", { exact: true }).fill("when SOC >= 90 then socket pump on");
    await page.getByRole("button", { name: "Would it fire now?" }).click();
    // This home has no smart socket.
    await says('[data-tested="unknown"]', "Nobody can say: there is no socket pump.");
    await page.getByRole("button", { name: "Save all" }).click();
    await page.locator('[data-control="rules:save"][data-state="done"]').waitFor(patience);
    await says('[data-standing="unknown"]', "there is no socket pump");
  });

  test("keeps a silent BMS's charge as the last known", async () => {
    await open(`packs/${follower}`);
    await says(".charge", "40 %");
    await bms[0]?.stop();
    await says("main", "BMS is silent: the charge is the last known");
    await page.locator('.charge[data-old="true"]', { hasText: "40 %" }).waitFor(patience);
  });

  test("keeps what it saw when the gateway is killed, and is back by itself with it", async () => {
    expect(complaints).toEqual([]);
    await open("overview");
    const { port } = new URL(gateway.ready.app);
    await gateway.kill("SIGKILL");
    await says(".trouble", "Home doesn't answer");
    await says(".flow", "40 %");
    gateway = await RealGateway.start(join(folder, "gateway"), hub.address(), ["--http-port", port]);
    await page.locator('.link[data-link="home"]').waitFor(patience);
    await page.locator('.flow[data-stale="false"]').waitFor(patience);
    await says(".packs-line", "2 of 2 packs online");
  });
});
