import { defineFaults } from "../../kernel/fault.ts";
import type { FleetSettings } from "./api/environments.ts";

export const settingFaults = defineFaults({
  "settings.unknown": { fault: "caller", message: 'There is no setting "{name}". Known: {known}.' },
  "settings.bad-value": { fault: "caller", message: 'The setting "{name}" must be {rule}.' },
});

type Check = { readonly rule: string; isGood(value: unknown): boolean };

const whole = (min: number, max: number): Check => ({
  rule: `a whole number from ${min} to ${max}`,
  isGood: (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
});
const text = (max: number, pattern: RegExp, rule: string): Check => ({
  rule: `${rule}, at most ${max} characters`,
  isGood: (value) => typeof value === "string" && value.length <= max && pattern.test(value),
});
const yesOrNo: Check = { rule: "true or false", isGood: (value) => typeof value === "boolean" };

const checks: Readonly<Record<keyof FleetSettings, Check>> = {
  mqttHost: text(63, /^[!-~]+$/, "a host name or address"),
  mqttPort: whole(1, 65_535),
  mqttTlsPort: whole(0, 65_535),
  allowPlainMqtt: yesOrNo,
  rootTopic: text(32, /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, "topic levels of letters, digits, - and _"),
  pollSeconds: whole(1, 86_400),
  reportSeconds: whole(1, 86_400),
  lifetimeSeconds: whole(60, 4_294_967_295),
  minLifetimeSeconds: whole(1, 4_294_967_295),
  maxLifetimeSeconds: whole(60, 4_294_967_295),
  wifi: {
    rule: "at most 4 networks {ssid, password}, with 1 to 32 and at most 63 characters",
    isGood: (value) => Array.isArray(value) && value.length <= 4 && value.every(isNetwork),
  },
  timeZone: text(64, /^[!-~]*$/, "a POSIX TZ"),
  nodeLogLevel: {
    rule: "error, warn, info or debug",
    isGood: (value) => ["error", "warn", "info", "debug"].includes(value as string),
  },
  keepMqttInMaintenance: yesOrNo,
  isLegacyTopics: yesOrNo,
};

/** Throws the first fault. The value itself isn't in it: it may be a password. */
export function checkFleetSettings(change: Partial<FleetSettings>): void {
  for (const [name, value] of Object.entries(change)) {
    const check = Object.hasOwn(checks, name) ? checks[name as keyof FleetSettings] : undefined;
    if (check === undefined) throw settingFaults("settings.unknown", { name, known: Object.keys(checks).join(", ") });
    if (!check.isGood(value)) throw settingFaults("settings.bad-value", { name, rule: check.rule });
  }
}

function isNetwork(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { ssid, password, ...rest } = value as Record<string, unknown>;
  return (
    typeof ssid === "string" &&
    ssid.length >= 1 &&
    ssid.length <= 32 &&
    typeof password === "string" &&
    password.length <= 63 &&
    Object.keys(rest).length === 0
  );
}
