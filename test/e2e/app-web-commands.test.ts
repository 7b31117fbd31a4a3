import { describe, expect, test } from "vitest";
import { appPage } from "./app-page.ts";
import { packNodes, siteName } from "./app-site.ts";

const t = appPage();
const [first, second, third] = packNodes;

describe("a command", () => {
  test("that a pack refuses comes back with its reason, at the control that asked", async () => {
    await t.joined();
    await t.open(`packs/${first}`);
    const grid = t.page.getByRole("switch", { name: "Grid, Pack 1" });
    await t.page.locator('.switch[aria-label="Grid, Pack 1"][data-standing="on"]').waitFor();
    await grid.click();
    await t.until(() => expect(t.commands("set-relay")).toHaveLength(1));
    const [command] = t.commands("set-relay");
    expect(command).toMatchObject({
      door: "home",
      topic: `alfaspark/${siteName}/${first}/cmd/set-relay`,
      payload: { relay: "grid", on: false },
    });
    await t.site.acknowledge("set-relay", command?.payload["id"], [first], {
      outcome: "refused",
      result: "forbidden-by-backup",
    });
    await t.says(`[data-control="relay:grid:${first}"][data-state="refused"]`, "Backup keeps the grid connected");
    // It stays what it is, since the pack's own values say so.
    expect(await grid.getAttribute("aria-checked")).toBe("true");
    await t.page.getByRole("button", { name: "Close" }).click();
    await t.until(async () => expect(await t.page.locator('[data-state="refused"]').count()).toBe(0));
    expect(t.commands("set-relay")).toHaveLength(1);
  });

  test("to all packs goes out once, and names those that didn't obey", async () => {
    await t.joined();
    await t.open("control");
    await t.page.locator('.switch[aria-label="Backup, All packs"][data-standing="off"]').waitFor();
    await t.page.getByRole("switch", { name: "Backup, All packs" }).click();
    await t.until(() => expect(t.commands("set-mode")).toHaveLength(1));
    const [command] = t.commands("set-mode");
    expect(command).toMatchObject({
      topic: `alfaspark/${siteName}/commands/set-mode`,
      payload: { mode: "backup", on: true },
    });
    await t.says('[data-control="mode:backup:all"]', "waiting for the answer");
    expect(await t.page.getByRole("switch", { name: "Backup, All packs" }).isDisabled()).toBe(true);
    const id = command?.payload["id"];
    await t.site.acknowledge("set-mode", "somebody-elses", packNodes, { outcome: "refused", result: "busy" });
    await t.site.acknowledge("set-mode", id, [first, second], { outcome: "done", result: "ok" });
    await t.site.acknowledge("set-mode", id, [third], { outcome: "silent", reason: "no answer in 1 s" });
    await t.says('[data-control="mode:backup:all"]', "1 of 3 packs didn't:");
    await t.says('[data-control="mode:backup:all"]', "Pack 3: no answer in 1 s");
    expect(t.site.heard).toHaveLength(1);
  });

  test("that nobody answers says so after its deadline", async () => {
    await t.joined();
    await t.open("control");
    await t.page.getByRole("switch", { name: "Eco, All packs" }).click();
    await t.until(() => expect(t.site.heard).toHaveLength(1));
    await t.later(11_000);
    await t.says('[data-control="mode:eco:all"]', "No answer from the gateway");
    expect(t.site.heard).toHaveLength(1);
  });

  test("sets limits, windows and the day's import, and keeps what is no limit to itself", async () => {
    await t.joined();
    await t.open("control");
    const eco = t.page.locator('[data-mode="eco"]');
    await t.until(async () => expect(await eco.getByLabel("Limit").inputValue()).toBe("3000"));
    await eco.getByLabel("Limit").fill("70000");
    await eco.getByText("0 to 65535 W").waitFor();
    expect(await eco.getByRole("button", { name: "Set" }).isDisabled()).toBe(true);
    await eco.getByLabel("Limit").fill("2500");
    await eco.getByRole("button", { name: "Set" }).click();
    const tou = t.page.locator('[data-mode="time-of-use"]');
    await tou.getByLabel("From").fill("21:30");
    await tou.getByRole("button", { name: "Set" }).click();
    const grid = t.page.locator('[data-mode="grid-limit"]');
    await grid.getByRole("spinbutton").fill("12");
    await t.page.keyboard.press("Enter");
    await t.page.getByRole("switch", { name: "Time of Use, All packs" }).click();
    await t.until(() => expect(t.site.heard).toHaveLength(4));
    expect(
      t.site.heard.map(({ topic, payload: { id: _id, ...payload } }) => [topic.split("/").at(-1), payload]),
    ).toEqual([
      ["set-eco-limit", { limit: 2500 }],
      ["set-tou", { start: 1290, end: 360 }],
      ["set-grid-limit", { on: true, limit: 12 }],
      ["set-mode", { mode: "time-of-use", on: true }],
    ]);
  });

  test("of every kind that packs know can be asked for", async () => {
    const updates = { state: "idle", nodes: [], available: "a-2.6.0", availableVersion: "2.6.0" };
    await t.site.say("ota/status", updates);
    await t.joined();
    await t.open(`packs/${first}`);
    await t.page.getByRole("button", { name: "Ask for all values" }).click();
    const twice = ["Set the day's import to zero", "Make ready for firmware", "Forget all settings", "Update to 2.6.0"];
    for (const name of twice) {
      await t.page.getByRole("button", { name }).click();
      await t.page.getByRole("button", { name: `${name}: Really?` }).click();
    }
    await t.page.getByText("Give back the day's import").click();
    await t.page.getByLabel("Imported since 05:00").fill("4,371");
    await t.page.getByLabel("It was used up").check();
    await t.page.keyboard.press("Enter");
    await t.until(() => expect(t.site.heard).toHaveLength(6));
    const names = t.site.heard.map(({ topic }) => topic.split("/").at(-1));
    expect(names).toEqual(["request-status", "reset-grid", "ota-enter", "factory-reset", "trigger", "restore-last"]);
    expect(t.commands("trigger")[0]?.payload).toMatchObject({ update: "a-2.6.0", nodes: [first] });
    expect(t.commands("restore-last")[0]?.payload).toMatchObject({ import: 4.37, lockedOut: true });
  });

  test("goes to a socket by keyboard alone", async () => {
    await t.site.say("socket/pump/state", { stale: false, online: true, on: false, power: 0, name: "Pool pump" });
    await t.joined();
    await t.open("control");
    const pump = t.page.getByRole("switch", { name: "Sockets, Pool pump" });
    await pump.focus();
    await t.page.keyboard.press("Space");
    await t.until(() =>
      expect(t.site.heard).toMatchObject([{ topic: `alfaspark/${siteName}/socket/pump/cmd`, payload: { on: true } }]),
    );
    await t.site.say("ack/socket", { id: t.site.heard[0]?.payload["id"], socket: "pump", outcome: "done" });
    await t.says('[data-control="socket:pump"]', "done");
    await t.site.say("socket/pump/state", { stale: false, online: true, on: true, power: 410, name: "Pool pump" });
    await t.says('[data-socket="pump"]', "410 W");
    expect(await pump.getAttribute("aria-checked")).toBe("true");
  });
});

describe("rules", () => {
  const rule = { name: "Pump on sun", rule: "when P_solar > load for 60s then socket pump on" };

  test("that are none aren't sent, and those that are can be tried out and saved", async () => {
    await t.site.say("rules", { rules: [rule] });
    await t.site.say("rules/status", { rules: [{ name: rule.name, state: "holding", heldFor: 12 }] });
    await t.joined();
    await t.open("rules");
    await t.says(".rule", /condition holds, not yet long enough · for 12 s/);
    await t.page.getByRole("button", { name: "Add a rule" }).click();
    await t.page.getByLabel("Name").nth(1).fill("Dusk");
    await t.page.getByLabel("Rule", { exact: true }).nth(1).fill("when sun is gone");
    await t.says(".problem", "This isn't a rule");
    expect(await t.page.getByRole("button", { name: "Save all" }).isDisabled()).toBe(true);
    await t.page.getByLabel("Rule", { exact: true }).nth(1).fill("when P_solar < 200 W for 5 min then socket pump off");
    await t.page.getByRole("button", { name: "Would it fire now?" }).click();
    await t.until(() => expect(t.site.heard).toMatchObject([{ payload: { test: true } }]));
    const id = t.site.heard[0]?.payload["id"];
    await t.site.say("ack/rules", { id, outcome: "done" });
    const answer = [
      { name: rule.name, state: "false" },
      { name: "Dusk", state: "true" },
    ];
    await t.site.say("rules/status", { id, test: true, rules: answer });
    await t.says('[data-rule="Dusk"] [data-tested="true"]', "Yes.");
    await t.says(`[data-rule="${rule.name}"] [data-tested="false"]`, "No: its condition doesn't hold.");
    await t.page.getByRole("button", { name: "Save all" }).click();
    await t.until(() => expect(t.site.heard).toHaveLength(2));
    expect(t.site.heard[1]?.payload).toMatchObject({ rules: [rule, { name: "Dusk" }] });
    expect(t.site.heard[1]?.payload["test"]).toBeUndefined();
    await t.site.say("ack/rules", {
      id: t.site.heard[1]?.payload["id"],
      outcome: "invalid",
      reason: "There is no socket pump.",
    });
    await t.says('[data-control="rules:save"]', "There is no socket pump.");
  });
});
