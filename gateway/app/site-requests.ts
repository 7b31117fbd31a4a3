import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Messages, SiteAck } from "../../schemas/generated/types.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import {
  isSiteCommandName,
  isSiteRequest,
  otherAckNames,
  type SiteId,
  type SiteTopic,
  type SiteTopics,
  siteMessageKind,
} from "../../schemas/wire/site-topics.ts";
import { instantOf } from "../domain/local-time.ts";
import { RequestMemory } from "../domain/request-memory.ts";
import { parseRule } from "../domain/rules/parse-rule.ts";
import type { SiteMessage } from "../ports/site-broker.ts";
import type { BusCommands, CheckedCommand } from "./bus-commands.ts";
import type { SitePublisher } from "./site-publisher.ts";

/** Who does what isn't a command to a pack; its answer becomes the acknowledgement. Never rejects. */
export interface SiteHandlers {
  socket?(socket: string, command: Messages["site-cmd-socket"]): Promise<SiteAnswer>;
  rules?(command: Messages["site-cmd-rules"]): Promise<SiteAnswer>;
  update?(trigger: Messages["site-cmd-ota"]): Promise<SiteAnswer>;
}

export type SiteAnswer = Pick<SiteAck, "outcome" | "reason">;

export interface SiteRequestsOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly publisher: SitePublisher;
  readonly commands: BusCommands;
  readonly clock: Clock;
  readonly log: Log;
  isTimeValid(): boolean;
}

/** Requests that are being worked on; a further one is told so. */
const requestsMax = 128;
/** A command's id, as the schemas have it: an acknowledgement with another one couldn't be said. */
const idForm = /^[A-Za-z0-9._-]{1,24}$/;

/**
 * What people ask for, from wherever it comes: the local broker or the bridge. Each payload is looked at by its schema before anything is
 * done, and every request is acknowledged with what became of it.
 */
export class SiteRequests {
  readonly counters = { taken: 0, invalid: 0, retainedRefused: 0, overLimit: 0, repeated: 0 };
  readonly handlers: SiteHandlers = {};
  readonly #options: SiteRequestsOptions;
  readonly #memory = new RequestMemory();
  #running = 0;

  constructor(options: SiteRequestsOptions) {
    this.#options = options;
  }

  /** Anything but a request of this household is nothing. */
  take({ topic, payload, isRetained, from }: SiteMessage): void {
    const { site, topics } = this.#options;
    const parsed = topics.parse(topic);
    if (parsed === undefined || parsed.site !== site || !isSiteRequest(parsed)) return;
    // Somebody forgets what should never have been retained.
    if (payload.length === 0 && isRetained) return;
    const ackName = ackNameOf(parsed);
    const kind = siteMessageKind(parsed);
    const refuse = (reason: string, id = idIn(payload)): void => {
      this.counters.invalid++;
      this.#options.log.info("site-request-refused", { topic, from, reason });
      this.#ack(ackName, { outcome: "invalid", reason, ...withNode(parsed), ...(id !== undefined && { id }) });
    };
    if (kind === undefined) {
      refuse(`There is no command ${ackName}: see the reference of messages.`.slice(0, 96));
      return;
    }
    const read = decode(kind, payload, jsonFormat);
    if (!read.ok) {
      const { path, rule } = read.fault;
      const words = kind === "site-cmd-rules" ? brokenRule(payload) : undefined;
      refuse((words ?? `${path || "The payload"} ${rule}.`).slice(0, 96));
      return;
    }
    const { id } = read.value as { readonly id?: string };
    if (isRetained) {
      this.counters.retainedRefused++;
      refuse("A command must not be retained: the next subscriber would get it again.", id);
      return;
    }
    if (this.#running >= requestsMax) {
      this.counters.overLimit++;
      this.#ack(ackName, {
        ...{ outcome: "not-sent", reason: "Too many requests are under way: try again in a moment." },
        ...withNode(parsed),
        ...(id !== undefined && { id }),
      });
      return;
    }
    const known =
      id === undefined ? undefined : this.#memory.repeated(topic, payload, this.#options.clock.monotonicMs());
    if (known !== undefined) {
      // Whoever sent it again may have missed the answer. What isn't answered yet will be.
      this.counters.repeated++;
      for (const ack of known.acks) this.#ack(ackName, ack);
      return;
    }
    this.counters.taken++;
    this.#do(parsed, read.value, (ack) => {
      const whole = { ...ack, ...(id !== undefined && { id }) };
      this.#memory.told(topic, payload, whole);
      this.#ack(ackName, whole);
    });
  }

  #do(topic: SiteTopic, value: object, tell: (ack: SiteAck) => void): void {
    if (topic.kind === "command") {
      if (!isSiteCommandName(topic.name)) return;
      const { id: _, ...payload } = value as { readonly id?: string };
      const command = { name: topic.name, payload } as unknown as CheckedCommand;
      this.#options.commands.run(command, topic.node ?? "all", tell);
      return;
    }
    const withSocket = topic.kind === "socket-command" && { socket: topic.socket };
    this.#running++;
    void this.#handled(topic, value)
      .catch((error: unknown): SiteAnswer => {
        this.#options.log.error("site-request-failed", { kind: topic.kind, error });
        return { outcome: "not-sent", reason: "The gateway failed at it; its log says why." };
      })
      .then((answer) => {
        this.#running--;
        tell({ ...answer, ...withSocket });
      });
  }

  async #handled(topic: SiteTopic, value: object): Promise<SiteAnswer> {
    const { socket, rules, update } = this.handlers;
    const absent: SiteAnswer = { outcome: "not-sent", reason: "This gateway isn't set up for it." };
    switch (topic.kind) {
      case "socket-command":
        return (await socket?.(topic.socket, value as Messages["site-cmd-socket"])) ?? absent;
      case "rules-command":
        return (await rules?.(value as Messages["site-cmd-rules"])) ?? absent;
      case "update-trigger":
        return (await update?.(value as Messages["site-cmd-ota"])) ?? absent;
      default:
        return absent;
    }
  }

  #ack(name: string, ack: SiteAck): void {
    const { site, topics, publisher, clock, isTimeValid } = this.#options;
    const time = isTimeValid() ? { time: instantOf(clock.wallMs()) } : {};
    publisher.say(topics.ack(site, name), "site-ack", { ...ack, ...time });
  }
}

function ackNameOf(topic: SiteTopic): string {
  if (topic.kind === "command") return topic.name;
  return otherAckNames[topic.kind as keyof typeof otherAckNames];
}

function withNode(topic: SiteTopic): Pick<SiteAck, "node" | "socket"> {
  if (topic.kind === "command" && topic.node !== undefined) return { node: topic.node };
  return topic.kind === "socket-command" ? { socket: topic.socket } : {};
}

/** Who sent it waits for an answer with its id, however wrong the rest is. */
function idIn(payload: Uint8Array): string | undefined {
  const { id } = membersOf(payload);
  return typeof id === "string" && idForm.test(id) ? id : undefined;
}

/** The first rule that can't be read, in the words of the language; the schema has but a pattern for it. */
function brokenRule(payload: Uint8Array): string | undefined {
  const { rules } = membersOf(payload);
  if (!Array.isArray(rules)) return undefined;
  for (const each of rules as unknown[]) {
    const { name, rule } = (each ?? {}) as { readonly name?: unknown; readonly rule?: unknown };
    if (typeof name !== "string" || typeof rule !== "string") return undefined;
    const read = parseRule(rule);
    if (!read.ok) return `${name}: ${read.fault.reason}`;
  }
  return undefined;
}

function membersOf(payload: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
