import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { namedSettings, type SettingsDescription } from "../kernel/settings-entry.ts";
import { settingsInForce, settingsPage } from "../kernel/settings-help.ts";
import { loadSettings, type SettingsInput } from "../kernel/settings-load.ts";
import { settingsDescription } from "./settings.ts";
import { readStartFlags, startHelp } from "./settings-flags.ts";
import { isLoopbackHost, settingConflicts } from "./settings-rules.ts";

const nothing: SettingsInput = { environment: {}, flags: new Map() };
const load = (input: Partial<SettingsInput>) => loadSettings(settingsDescription, { ...nothing, ...input });
const file = (value: unknown) => ({ path: "coxswain.json", text: JSON.stringify(value) });

function problemsOf(input: Partial<SettingsInput>) {
  const loaded = load(input);
  return loaded.ok ? [] : loaded.problems;
}

function settingsFrom(input: Partial<SettingsInput>) {
  const loaded = load(input);
  if (!loaded.ok) throw new Error(loaded.problems.map((each) => each.message).join("\n"));
  return loaded;
}

describe("bad settings", () => {
  test("each problem names its source, the value and what would be right", () => {
    const problems = problemsOf({
      file: file({ coap: { port: 70_000 }, mqtt: { port: "many" } }),
      environment: { COXSWAIN_POLL: "0.5", COXSWAIN_LOG_LEVEL: "loud" },
      flags: new Map([["rootTopic", "cx/#"]]),
    });
    expect(problems).toEqual([
      {
        code: "broken-rule",
        message: 'flag --root-topic: "cx/#" is not topic levels of A-Z a-z 0-9 . _ - with / between them',
      },
      {
        code: "wrong-type",
        message: 'environment variable COXSWAIN_POLL: "0.5" is not a whole number from 1 to 86400 (seconds)',
      },
      {
        code: "out-of-range",
        message: "settings file coxswain.json, coap.port: 70000 is not a whole number from 0 to 65535 (port)",
      },
      {
        code: "wrong-type",
        message: 'settings file coxswain.json, mqtt.port: "many" is not a whole number from 0 to 65535 (port)',
      },
      {
        code: "broken-rule",
        message: 'environment variable COXSWAIN_LOG_LEVEL: "loud" is not one of debug, info, warn, error, silent',
      },
    ]);
  });

  test("a misspelt name is refused and the nearest one offered", () => {
    const problems = problemsOf({
      file: file({ coap: { prot: 5683 }, colour: "red" }),
      environment: { COXSWAIN_ROOT_TOPICS: "x" },
    });
    expect(problems.map((each) => each.code)).toEqual(["unknown-setting", "unknown-setting", "unknown-setting"]);
    expect(problems[0]?.message).toContain("did you mean coap.port?");
    expect(problems[1]?.message).toContain("coxswain start --help");
    expect(problems[2]?.message).toContain("did you mean COXSWAIN_ROOT_TOPIC?");
  });

  test.each([
    ["{", "unreadable-file"],
    ["[]", "wrong-type"],
    ["null", "wrong-type"],
  ])("a file that holds %s is refused", (text, code) => {
    expect(problemsOf({ file: { path: "a.json", text } })[0]?.code).toBe(code);
  });

  test.each([
    ["::1", true],
    ["::", true],
    ["fe80::1%eth0", true],
    ["192.0.2.7", true],
    ["fleet-1.example", true],
    ["http://x", false],
    ["a b", false],
    ["[::1]", false],
    ["-x", false],
  ])("the address %s is taken: %s", (host, isTaken) => {
    expect(load({ flags: new Map([["coap.host", host]]) }).ok).toBe(isTaken);
  });

  test("a group given as a value, and a value given as a group, are refused", () => {
    expect(problemsOf({ file: file({ coap: 5683 }) })[0]?.code).toBe("unknown-setting");
    expect(problemsOf({ file: file({ poll: { seconds: 5 } }) })[0]?.code).toBe("wrong-type");
  });

  test("a secret isn't taken from the command line, which others can read; the refusal says where it goes", () => {
    const asked = readStartFlags(["--mqtt-observer-password", "sesame"]);
    expect(asked).toMatchObject({ kind: "wrong", problems: [{ code: "shown-secret" }] });
    expect(JSON.stringify(asked)).toContain("COXSWAIN_MQTT_OBSERVER_PASSWORD");
    expect(JSON.stringify(asked)).not.toContain("sesame");
    expect(startHelp()).not.toContain("--mqtt-observer-password");
  });

  test("the observer's password is none or a long one: the broker counts no guesses", () => {
    const problems = problemsOf({ environment: { COXSWAIN_MQTT_OBSERVER_PASSWORD: "open sesame" } });
    expect(problems).toMatchObject([{ code: "broken-rule", message: expect.stringContaining("16 characters") }]);
    expect(JSON.stringify(problems)).not.toContain("open sesame");
    expect(load({ environment: { COXSWAIN_MQTT_OBSERVER_PASSWORD: "" } }).ok).toBe(true);
  });

  test("a secret never shows in a problem nor in the values in force", () => {
    const secret = "s".repeat(200);
    const problems = problemsOf({ environment: { COXSWAIN_MQTT_OBSERVER_PASSWORD: secret } });
    expect(problems[0]?.message).toContain("not shown");
    expect(JSON.stringify(problems)).not.toContain("sss");
    const loaded = settingsFrom({ environment: { COXSWAIN_MQTT_OBSERVER_PASSWORD: "swordfish-and-chips" } });
    const shown = JSON.stringify(settingsInForce(settingsDescription, loaded.settings, loaded.sources));
    expect(shown).not.toContain("swordfish");
    expect(shown).toContain("(secret)");
  });
});

describe("sources", () => {
  test("a flag wins over the environment, that over the file, that over the default", () => {
    const { settings, sources } = settingsFrom({
      file: file({ $schema: "x", poll: 100, lifetime: 100, dataDir: "/file", coap: { port: 1 } }),
      environment: { COXSWAIN_LIFETIME: "200", COXSWAIN_DATA_DIR: "/environment", COXSWAIN_HTTP_PORT: "" },
      flags: new Map<string, string | boolean>([
        ["dataDir", "/flag"],
        ["insecure", true],
      ]),
    });
    expect(settings).toMatchObject({ poll: 100, lifetime: 200, dataDir: "/flag", insecure: true, coap: { port: 1 } });
    expect(settings.http.port).toBe(8683);
    expect(sources.get("lifetime")).toBe("environment");
    expect(sources.get("http.port")).toBe("default");
  });

  test("names in the environment and on the command line follow from the name in the file", () => {
    const names: SettingsDescription = { mqtt: { observerPassword: settingsDescription.mqtt.observerPassword } };
    expect(namedSettings(names)[0]).toMatchObject({
      name: "mqtt.observerPassword",
      variable: "COXSWAIN_MQTT_OBSERVER_PASSWORD",
      flag: "--mqtt-observer-password",
    });
  });

  test("every default passes its own rules", () => {
    const { settings, sources } = settingsFrom({});
    expect(settingConflicts(settings, sources)).toEqual([]);
  });
});

describe("settings that exclude each other", () => {
  const conflictsOf = (input: Partial<SettingsInput>) => {
    const { settings, sources } = settingsFrom(input);
    return settingConflicts(settings, sources).map((each) => each.message.split(":")[0]);
  };

  test("a poll of seconds needs loopback or insecure", () => {
    expect(conflictsOf({ file: file({ poll: 2, report: 1, coap: { host: "192.0.2.1" } }) })).toEqual([
      "poll",
      "report",
    ]);
    expect(conflictsOf({ file: file({ poll: 2, report: 1 }) })).toEqual([]);
    expect(conflictsOf({ file: file({ poll: 2, insecure: true }) })).toEqual([]);
  });

  test("insecure by flag does not open an address that only the file names", () => {
    const config = file({ coap: { host: "192.0.2.7" } });
    expect(conflictsOf({ file: config, flags: new Map([["insecure", true]]) })).toEqual(["coap.host"]);
    const both = new Map<string, string | boolean>([
      ["insecure", true],
      ["coap.host", "192.0.2.7"],
    ]);
    expect(conflictsOf({ file: config, flags: both })).toEqual([]);
  });

  test("a wildcard address needs to know what nodes should call", () => {
    expect(conflictsOf({ file: file({ http: { host: "::" } }) })).toEqual(["publicHost"]);
    expect(conflictsOf({ file: file({ http: { host: "::" }, publicHost: "fleet.example" }) })).toEqual([]);
  });

  test.each([
    ["127.0.0.1", true],
    ["127.8.8.8", true],
    ["::1", true],
    ["localhost", true],
    ["::ffff:127.0.0.1", true],
    ["0.0.0.0", false],
    ["127.evil.example", false],
    ["10.0.0.1", false],
  ])("%s is loopback: %s", (host, expected) => {
    expect(isLoopbackHost(host)).toBe(expected);
  });
});

// UPDATE_DOCS=1 writes the page anew.
test("docs/reference/settings.md is what the description renders", () => {
  const path = new URL("../docs/reference/settings.md", import.meta.url);
  const page = settingsPage(settingsDescription, {
    title: "Settings of the manager",
    source: "manager/settings.ts",
    intro: [
      "A setting comes from its flag, else its environment variable, else the settings file (`--config FILE`, `COXSWAIN_CONFIG`, or",
      "`coxswain.json` in the working folder), else its default. In the file a dot is a group: `coap.port` is",
      '`{"coap": {"port": 5683}}`. A name that doesn\'t exist or a value out of range stops the start with a message that names the place.',
      "`coxswain start --print-settings` shows the values in force and where each came from.",
    ],
  });
  if (process.env["UPDATE_DOCS"]) writeFileSync(path, page);
  expect(readFileSync(path, "utf8")).toBe(page);
});
