import type { MosquittoFile } from "../domain/mosquitto-access.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";

/** The rules with what the file had that isn't ours: clients, groups and roles whose names don't begin with an underscore, and its own defaults. */
export function mergedMosquittoFile(text: string, rules: MosquittoFile): Readonly<Record<string, unknown>> {
  const before = parsed(text);
  const others = (name: string, key: string): readonly object[] => {
    const list = before[name];
    if (!Array.isArray(list)) return [];
    return (list as Readonly<Record<string, unknown>>[]).filter((each) => !String(each[key]).startsWith("_"));
  };
  return {
    ...before,
    // Ours stand on what isn't allowed being denied.
    defaultACLAccess: rules.defaultACLAccess,
    clients: [...others("clients", "username"), ...rules.clients],
    groups: others("groups", "groupname"),
    roles: [...others("roles", "rolename"), ...rules.roles],
  };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new CommandFailure(
    "bad-file",
    "The file isn't one of Mosquitto's dynamic-security plug-in.",
    "Make one by `mosquitto_ctrl dynsec init FILE ADMIN`.",
    exitCodes.usage,
  );
}
