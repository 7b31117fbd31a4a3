import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { gatewayPrefix } from "../kernel/settings-entry.ts";
import { settingsPage } from "../kernel/settings-help.ts";
import { gatewayNames, loadSettings } from "../kernel/settings-load.ts";
import { readSocketFile } from "./read-socket-file.ts";
import { gatewayHelp } from "./run-gateway.ts";
import { gatewaySettings } from "./settings.ts";

const load = (environment: Record<string, string>, text?: string) =>
  loadSettings(gatewaySettings, {
    ...{ environment, flags: new Map(), program: gatewayNames },
    ...(text !== undefined && { file: { path: "gateway.json", text } }),
  });

describe("settings of the gateway", () => {
  test("that don't exist are named with the nearest that does; the manager's variables are none of its business", () => {
    const loaded = load({ COXSWAIN_GATEWAY_HTTP_PROT: "1", COXSWAIN_HTTP_PORT: "2" });
    expect(loaded.ok).toBe(false);
    if (!loaded.ok)
      expect(loaded.problems.map(({ message }) => message)).toEqual([
        "environment variable COXSWAIN_GATEWAY_HTTP_PROT: there is no such setting; did you mean COXSWAIN_GATEWAY_HTTP_PORT?",
      ]);
  });

  test("that can't be are refused with their place", () => {
    const loaded = load({}, '{"can": " ", "site": "Home", "http": {"port": 70000}}');
    expect(loaded.ok).toBe(false);
    if (!loaded.ok) expect(loaded.problems).toHaveLength(3);
  });

  test("have defaults that listen on this machine alone", () => {
    const loaded = load({});
    expect(loaded.ok && loaded.settings).toMatchObject({ host: "127.0.0.1", can: "can0", dataDir: "./gateway-data" });
  });

  test("are all in the help", () => {
    for (const flag of ["--can", "--site-link", "--sockets", "--manager-address", "--host"])
      expect(gatewayHelp()).toContain(flag);
  });
});

// UPDATE_DOCS=1 writes the page anew.
test("docs/reference/gateway-settings.md is what the description renders", () => {
  const path = new URL("../docs/reference/gateway-settings.md", import.meta.url);
  const page = settingsPage(gatewaySettings, {
    ...{ title: "Settings of the gateway", source: "gateway/settings.ts", prefix: gatewayPrefix },
    intro: [
      "A setting comes from its flag, else its environment variable, else the settings file (`--config FILE`, `COXSWAIN_GATEWAY_CONFIG`, or",
      '`gateway.json` in the working folder), else its default. In the file a dot is a group: `http.port` is `{"http": {"port": 8080}}`.',
      "`coxswain gateway --print-settings` shows the values in force and where each came from.",
    ],
  });
  if (process.env["UPDATE_DOCS"]) writeFileSync(path, page);
  expect(readFileSync(path, "utf8")).toBe(page);
});

describe("the file of smart sockets", () => {
  const read = (value: unknown, mode = 0o600) => {
    const folder = mkdtempSync(join(tmpdir(), "sockets-"));
    const path = join(folder, "sockets.json");
    try {
      writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value), { mode });
      return readSocketFile(path);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const pump = { id: "pump", tasmota: "pool-pump", password: "correct horse" };

  test("that others may read is refused, since passwords are in it", () => {
    expect(() => read({ sockets: [pump] }, 0o644)).toThrow(/chmod 600/);
  });

  test.each<[unknown, RegExp]>([
    ["{", /isn't JSON/],
    ['{"sockets": [{"password": "correct horse"', /isn't JSON/],
    [[], /no list named sockets/],
    [{ sockets: [1] }, /sockets\[0\]: is no object/],
    [{ sockets: [{ ...pump, id: "Pump" }] }, /sockets\[0\]: id/],
    [{ sockets: [{ ...pump, number: 128 }] }, /number/],
    [{ sockets: [{ ...pump, tasmota: "a/b" }] }, /tasmota/],
    [{ sockets: [{ ...pump, tasmota: "+" }] }, /tasmota/],
    [{ sockets: [{ ...pump, relay: 0 }] }, /relay/],
    [{ sockets: [{ ...pump, password: "short" }] }, /password must have 8/],
    [{ sockets: [{ ...pump, user: "a/b" }] }, /user/],
    [{ sockets: [{ id: "pump" }] }, /tasmota or template/],
    [{ sockets: [{ id: "pump", template: { command: { topic: "a", on: "1" } } }] }, /template.command/],
    [
      {
        sockets: [
          { id: "pump", template: { command: { topic: "alfaspark/x", on: "1", off: "0" }, state: { topic: "b" } } },
        ],
      },
      /template.command/,
    ],
    [
      { sockets: [{ id: "pump", template: { command: { topic: "a", on: "1", off: "0" }, state: {} } }] },
      /template.state/,
    ],
    [{ sockets: [pump, pump] }, /same id/],
    [
      {
        sockets: [
          { ...pump, number: 1 },
          { ...pump, id: "heater", user: "x", number: 1 },
        ],
      },
      /same number/,
    ],
    [
      {
        sockets: [
          { ...pump, user: "x" },
          { ...pump, id: "heater", user: "x" },
        ],
      },
      /same user/,
    ],
    [{ sockets: new Array(129).fill(pump) }, /more than 128/],
  ])("%j is refused", (value, words) => {
    expect(() => read(value)).toThrow(words);
    expect(() => read(value)).not.toThrow(/correct horse/);
  });

  test("gives no socket the account of a phone", () => {
    expect(() => read({ sockets: [{ ...pump, user: "_home.abcdefghjkmn" }] })).toThrow(/user/);
  });

  test("gives each its dialect, and rights on its own topics alone", () => {
    const template = {
      ...{ command: { topic: "zb/fan/set", on: "ON", off: "OFF" }, state: { topic: "zb/fan", member: "state" } },
      power: { topic: "zb/fan", member: "power" },
    };
    const [tasmota, other] = read({
      sockets: [
        { ...pump, number: 3, name: "Pool pump" },
        { id: "fan", template },
      ],
    });
    expect(tasmota).toMatchObject({ id: "pump", number: 3, name: "Pool pump" });
    expect(tasmota?.login).toEqual({
      ...{ user: "socket-pump", password: "correct horse" },
      ...{ publish: ["stat/pool-pump/#", "tele/pool-pump/#"], subscribe: ["cmnd/pool-pump/#"] },
    });
    expect(tasmota?.dialect.command(true)).toEqual({ topic: "cmnd/pool-pump/POWER", payload: "ON" });
    expect(other?.login).toBeUndefined();
    expect(other?.dialect.topics).toEqual(["zb/fan"]);
  });
});
