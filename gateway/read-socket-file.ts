import { readFileSync, statSync } from "node:fs";
import { defineFaults } from "../kernel/fault.ts";
import { isSocketId } from "../schemas/wire/site-topics.ts";
import type { SocketSettings } from "./app/site-sockets.ts";
import { tasmotaSocket } from "./domain/sockets/tasmota-socket.ts";
import { type SocketTemplate, templateSocket, type ValuePlace } from "./domain/sockets/template-socket.ts";

export const socketFileFaults = defineFaults({
  "gateway.sockets-unreadable": {
    fault: "environment",
    message: "The file of smart sockets {path} can't be read ({reason}). docs/gateway.md shows one.",
  },
  "gateway.sockets-open": {
    fault: "environment",
    message: "Others may read the passwords in {path}. Make the file its owner's alone: chmod 600 {path}",
  },
});

/** A smart socket with what it comes in by at the local broker. */
export interface ConfiguredSocket extends SocketSettings {
  /** Its user name there, which is its client id too. Undefined: it comes by another one's. */
  readonly login?: {
    readonly user: string;
    readonly password: string;
    readonly publish: readonly string[];
    readonly subscribe: readonly string[];
  };
}

const maxSockets = 128;
const maxBytes = 262_144;

/**
 * Reads `{"sockets": [{"id": "pump", "name": "Pool pump", "number": 0, "tasmota": "pool-pump", "password": "..."}]}`. Throws a Fault that names
 * the place of what is wrong, and never a password.
 */
export function readSocketFile(path: string): readonly ConfiguredSocket[] {
  const fail = (reason: string): never => {
    throw socketFileFaults("gateway.sockets-unreadable", { path, reason });
  };
  let parsed: unknown;
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o077) !== 0) throw socketFileFaults("gateway.sockets-open", { path });
    if (size > maxBytes) fail("it is too large");
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof Error && "fault" in error) throw error;
    // A parser's words may hold what it read.
    fail(
      error instanceof SyntaxError
        ? "it isn't JSON"
        : error instanceof Error && "code" in error
          ? String(error.code)
          : "unreadable",
    );
  }
  const list = isObject(parsed) ? parsed["sockets"] : undefined;
  if (!Array.isArray(list)) return fail("it has no list named sockets");
  if (list.length > maxSockets) return fail(`more than ${maxSockets} sockets`);
  const sockets = list.map((each: unknown, index) => {
    const read = socketOf(each);
    return typeof read === "string" ? fail(`sockets[${index}]: ${read}`) : read;
  });
  for (const name of ["id", "number"] as const) {
    const values = sockets.map((each) => each[name]).filter((each) => each !== undefined);
    if (new Set(values).size !== values.length) fail(`two sockets have the same ${name}`);
  }
  const users = sockets.flatMap(({ login }) => (login === undefined ? [] : [login.user]));
  if (new Set(users).size !== users.length) fail("two sockets have the same user");
  return sockets;
}

/** A socket, or what is wrong with it. */
function socketOf(value: unknown): ConfiguredSocket | string {
  if (!isObject(value)) return "is no object";
  const { id, name, number, tasmota, relay, template, user, password } = value;
  if (typeof id !== "string" || !isSocketId(id)) return "id must be 1 to 32 of a-z 0-9 -";
  if (name !== undefined && (typeof name !== "string" || name.length > 48))
    return "name must be a text of at most 48 characters";
  if (number !== undefined && !isWhole(number, 0, 127)) return "number must be a whole number from 0 to 127";
  const settings = { id, ...(name !== undefined && { name }), ...(isWhole(number, 0, 127) && { number }) };
  const spoken = tasmota === undefined ? templateOf(template) : tasmotaOf(tasmota, relay);
  if (typeof spoken === "string") return spoken;
  const { dialect, publish, subscribe } = spoken;
  if (password === undefined) return { ...settings, dialect };
  if (typeof password !== "string" || password.length < 8 || password.length > 128)
    return "password must have 8 to 128 characters";
  const name_ = user ?? `socket-${id}`;
  // A phone's account begins with an underscore.
  if (typeof name_ !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name_))
    return "user must be 1 to 64 of A-Z a-z 0-9 . _ -, with a letter or digit first";
  return { ...settings, dialect, login: { user: name_, password, publish, subscribe } };
}

interface Spoken extends Pick<SocketSettings, "dialect"> {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

function tasmotaOf(topic: unknown, relay: unknown): Spoken | string {
  if (!isTopic(topic) || String(topic).includes("/")) return "tasmota must be the device's topic, one level";
  if (relay !== undefined && !isWhole(relay, 1, 32)) return "relay must be a whole number from 1 to 32";
  return {
    dialect: tasmotaSocket(topic, isWhole(relay, 1, 32) ? relay : undefined),
    publish: [`stat/${topic}/#`, `tele/${topic}/#`],
    subscribe: [`cmnd/${topic}/#`],
  };
}

function templateOf(value: unknown): Spoken | string {
  if (!isObject(value)) return "must have tasmota or template";
  const { command, state, power, energy, online, ask } = value;
  if (!isObject(command) || !isTopic(command["topic"]) || !isText(command["on"]) || !isText(command["off"]))
    return "template.command must have topic, on and off";
  if (!isPlace(state)) return "template.state must have a topic";
  for (const [name, place] of Object.entries({ power, energy, online }))
    if (place !== undefined && !isPlace(place)) return `template.${name} must have a topic`;
  if (online !== undefined && isObject(online) && !(isText(online["on"]) && isText(online["off"])))
    return "template.online must have on and off";
  if (ask !== undefined && !(isObject(ask) && isTopic(ask["topic"]) && typeof ask["payload"] === "string"))
    return "template.ask must have topic and payload";
  const template = value as unknown as SocketTemplate;
  const places = [state, power, energy, online].filter(isPlace).map(({ topic }) => topic);
  const asked = isObject(ask) ? [String(ask["topic"])] : [];
  return { dialect: templateSocket(template), publish: places, subscribe: [command["topic"], ...asked] };
}

function isPlace(value: unknown): value is ValuePlace {
  return isObject(value) && isTopic(value["topic"]) && (value["member"] === undefined || isText(value["member"]));
}

function isTopic(value: unknown): value is string {
  return typeof value === "string" && /^[^+#$\s/][^+#\s]{0,127}$/.test(value) && !value.startsWith("alfaspark/");
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= 128;
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
