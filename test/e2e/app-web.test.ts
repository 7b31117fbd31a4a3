import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { appPage } from "./app-page.ts";
import { packNodes } from "./app-site.ts";

const t = appPage();
const [first, second, third] = packNodes;

describe("values", () => {
  test("that break their schema are counted and not shown", async () => {
    await t.joined();
    await t.page.locator(".flow").getByText("3.94 kW").waitFor();
    await t.site.say("aggregate", '{"stale":false,"packs":3,"known":3,"P_solar":"much"}');
    await t.site.say("aggregate", "not JSON");
    await t.site.say(`${first}/telemetry`, { stale: false, online: true, SOC: 101 });
    await t.open("more");
    await t.page
      .locator(".rows > div", { hasText: "Messages not understood" })
      .getByText("3", { exact: true })
      .waitFor();
    await t.open("overview");
    await t.says(".flow", "3.94 kW");
  });

  test("that were never heard are a dash, never 0 V and 0 %", async () => {
    await t.site.say("240ac400c009/telemetry", { stale: false, online: true });
    await t.joined();
    await t.open("packs/240ac400c009");
    await t.page.locator("h1", { hasText: "Pack c009" }).waitFor();
    await t.until(async () => expect(await t.value("SOC").innerText()).toMatch(/–$/));
    const words = await t.page.locator("main").innerText();
    expect(words).not.toMatch(/\b0 %|\b0(\.0+)? V/);
    expect(await t.page.getByRole("switch", { name: "Grid, Pack c009" }).getAttribute("data-standing")).toBe("unknown");
  });

  test("appear when the invitation's link is opened, and change by themselves", async () => {
    await t.joined();
    await t.says(".flow", "75 %");
    await t.says(".flow", "charging");
    await t.says(".packs-line", "3 of 3 packs online");
    await t.says(".packs-line", "Master: Pack 1");
    await t.says(".card", "3.72 kWh");
    await t.site.sum({ P_batt: -0.85, SOC: 19, P_solar: 0, P_home: 2.25, packs: 2, master: second });
    await t.says(".flow", "discharging");
    await t.says(".flow", "850 W");
    await t.says(".flow", "19 %");
    await t.says(".packs-line", "2 of 3 packs online");
    await t.says(".packs-line", "Master: Pack 2");
    expect(await t.page.locator('.flow-line[data-flow="solar"]').getAttribute("data-direction")).toBe("none");
    expect(await t.page.locator('.flow-line[data-flow="home"]').getAttribute("data-direction")).toBe("out");
    // Nobody reads the invitation over a shoulder, or in the browser's history.
    expect(t.page.url()).not.toContain("invite");
  });

  test("look stale when nothing comes any more, keep their figures, and are fresh again with the next", async () => {
    await t.joined();
    await t.says(".flow", "75 %");
    expect(await t.page.locator(".flow").getAttribute("data-stale")).toBe("false");
    await t.later(50_000);
    await t.says(".flow-card .age", /Last known, 5\d s ago/);
    expect(await t.page.locator(".flow").getAttribute("data-stale")).toBe("true");
    await t.says(".flow", "75 %");
    await t.open("packs");
    await t.page.locator(`.pack-card[data-node="${first}"][data-stale="true"]`).waitFor();
    await t.open("overview");
    await t.site.sum({ SOC: 77 });
    await t.page.locator('.flow[data-stale="false"]', { hasText: "77 %" }).waitFor();
    expect(await t.page.locator(".flow-card .age").count()).toBe(0);
  });

  test("that their gateway calls old look stale from the first moment, with their age", async () => {
    await t.site.sum({ stale: true, age: 7200 });
    await t.site.tell(first, { stale: true, online: false, age: 7200, canNode: 1 });
    await t.joined();
    await t.page.locator('.flow[data-stale="true"]').waitFor();
    await t.site.sum({ stale: true, age: 7200 });
    await t.says(".flow-card .age", "Last known, 2 h ago");
    await t.open("packs");
    await t.says(`.pack-card[data-node="${first}"]`, "silent");
  });

  test("of a silent BMS keep the last charge, and say so", async () => {
    await t.site.tell(second, { bms: "stale", canNode: 2, SOC: 41 });
    await t.joined();
    await t.open(`packs/${second}`);
    await t.says("main", "BMS is silent: the charge is the last known");
    await t.page.locator('.charge[data-old="true"]', { hasText: "41 %" }).waitFor();
  });
});

describe("what a person should know", () => {
  test("stands above all: loads limit, lock-out, a pack's alarms, the bus, the gateway", async () => {
    await t.joined();
    expect(await t.page.locator(".notices li").count()).toBe(0);
    await t.site.sum({ warning: "loads limit⚠️", lockedOut: 2 });
    await t.page.locator('[data-notice="loads"]').getByText("loads limit⚠️", { exact: true }).waitFor();
    await t.says('[data-notice="lock-out"]', "2 packs keep the grid off until 05:00");
    await t.says(".meter", "locked out until 05:00");
    await t.site.say(`${third}/alarm`, { alarms: [{ code: "relay-stuck", text: "a relay is stuck" }], bmsAlarms: 5 });
    await t.says(".notices", "Pack 3: a relay is stuck");
    await t.site.say("gateway", { online: true, can: "unplugged" });
    await t.says(".notices", "CAN adapter is unplugged");
    await t.site.say("gateway", { online: false, can: "unplugged" });
    await t.says(".notices", "The gateway isn't running");
    await t.open(`packs/${third}`);
    await t.says("main", "0x5");
  });

  test("includes the import that is used and left, per pack", async () => {
    const used = { used: 9.98, limit: 10, state: "locked-out" } as const;
    await t.site.tell(first, {
      canNode: 1,
      import: used,
      lockedOut: true,
      relays: { grid: 0, inv: 1, pump: 0, heater: 0 },
    });
    await t.joined();
    await t.open(`packs/${first}`);
    await t.says(".meter", "9.98 kWh");
    await t.says('.meter[data-locked="true"]', "used up");
    await t.says('.flow-node[data-node="grid"][data-open="true"]', "disconnected");
  });

  test("includes how firmware gets to the packs", async () => {
    const node = { node: third, state: "transferring", percent: 23, version: "2.5.0" };
    const status = { state: "running", update: "a-2.5.0", version: "2.5.0", percent: 41, current: third };
    await t.site.say("ota/status", { ...status, nodes: [node, { node: first, state: "waiting" }] });
    await t.joined();
    await t.says('[data-notice="update"]', "An update is under way. 41 %");
    await t.open("more");
    await t.says('[data-update="running"]', "To version 2.5.0.");
    await t.says(`[data-node="${third}"]`, "on its way over CAN");
    await t.until(async () =>
      expect(await t.page.getByRole("progressbar", { name: "Pack 3" }).getAttribute("value")).toBe("23"),
    );
    await t.site.say("ota/status", { state: "idle", nodes: [], available: "a-2.6.0", availableVersion: "2.6.0" });
    await t.says("main", "Version 2.6.0 is here.");
    const start = t.page.getByRole("button", { name: "Update all packs" });
    await start.click();
    expect(t.site.heard).toEqual([]);
    await start.click();
    await t.until(() => expect(t.commands("trigger")).toMatchObject([{ payload: { update: "a-2.6.0" } }]));
    await t.site.say("ack/ota", {
      id: t.commands("trigger")[0]?.payload["id"],
      outcome: "refused",
      reason: "Nobody signed it.",
    });
    await t.says('[data-control="firmware"]', "Nobody signed it.");
  });
});

test("it is small enough for a phone in the cellar: page, styles and scripts are less than 160 KB on their way", () => {
  const files = readdirSync(t.folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(js|css|html)$/.test(name),
  );
  const sizes = files.map((name) => gzipSync(readFileSync(join(t.folder, name)), { level: 9 }).length);
  expect(sizes.length).toBeGreaterThan(3);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(160_000);
});

describe("everyone", () => {
  const pages = ["overview", "packs", `packs/${first}`, "control", "rules", "more"];

  test.each([320, 390, 1280])("finds nothing wider than a screen of %i pixels", async (width) => {
    await t.page.setViewportSize({ width, height: 844 });
    await t.site.sum({ warning: "loads limit⚠️", lockedOut: 3 });
    await t.site.say("rules", {
      rules: [{ name: "A rule with a name that is long enough", rule: "when P_solar > load then socket pump on" }],
    });
    await t.joined();
    for (const each of pages) {
      await t.open(each);
      await t.page.locator("main .page").waitFor();
      expect(await t.page.evaluate("document.documentElement.scrollWidth"), each).toBe(width);
    }
  });

  test("has a name for every control, and keeps the keyboard where it was", async () => {
    await t.site.say("rules", { rules: [{ name: "Sun", rule: "when P_solar > load then socket pump on" }] });
    await t.joined();
    for (const each of pages) {
      await t.open(each);
      await t.page.locator("main .page").waitFor();
      const controls = t.page.locator("button, input, select, textarea, a, [role=img]");
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
    await t.open("control");
    await t.page.getByRole("switch", { name: "Eco, All packs" }).focus();
    await t.site.sum({ SOC: 12 });
    await t.site.tell(first, { canNode: 1, modes: [] });
    await t.page.locator('.switch[aria-label="Eco, All packs"][data-standing="mixed"]').waitFor();
    expect(await t.page.evaluate("document.activeElement.ariaLabel")).toBe("Eco, All packs");
  });

  test("may want less motion, a dark screen or German", async () => {
    await t.page.emulateMedia({ reducedMotion: "reduce", colorScheme: "dark" });
    await t.joined();
    await t.says(".flow", "75 %");
    const animated =
      "[...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).animationName !== 'none').length";
    expect(await t.page.evaluate(animated)).toBe(0);
    expect(await t.page.locator(".flow-line .marks").first().isVisible()).toBe(false);
    expect(await t.page.locator(".flow-line .arrow").first().isVisible()).toBe(true);
    await t.open("more");
    await t.page.getByLabel("Language").selectOption("de");
    await t.says(".tabs", "Übersicht");
    await t.page.reload();
    await t.says(".tabs", "Übersicht");
    expect(await t.page.evaluate("document.documentElement.lang")).toBe("de");
  });
});
