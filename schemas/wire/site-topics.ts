import type { MessageKind } from "../generated/types.ts";
import type { TopicRights } from "./topics.ts";

/** A household's name: a topic level, part of user names and of a certificate's name. */
export type SiteId = string & { readonly "~site": "SiteId" };

/** A pack's hardware number: its chip's MAC as 12 lower-case hex digits. */
export type HardwareNumber = string & { readonly "~hardware": "HardwareNumber" };

/** What each pack has one of; retained on the local broker. */
export type PackTopicKind = "telemetry" | "identity" | "alarm";

/** What a household has one of; retained on the local broker. */
export type SiteTopicKind = "aggregate" | "master" | "gateway" | "update-status" | "rules" | "rules-status" | "history";

/** What people ask for besides commands to packs. */
export type SiteRequestKind = "update-trigger" | "rules-command";

/** A parsed topic of a household. A command without a node is for all packs; whether its name is known, `siteCommands` says. */
export type SiteTopic =
  | { readonly kind: PackTopicKind; readonly site: SiteId; readonly node: HardwareNumber }
  | { readonly kind: SiteTopicKind | SiteRequestKind; readonly site: SiteId }
  | { readonly kind: "command"; readonly site: SiteId; readonly node?: HardwareNumber; readonly name: string }
  | { readonly kind: "ack"; readonly site: SiteId; readonly name: string }
  | { readonly kind: "socket" | "socket-command"; readonly site: SiteId; readonly socket: string };

/** Commands that packs obey, by the name in their topic, each with the schema of its payload. */
export const siteCommands = {
  "set-mode": "site-cmd-set-mode",
  "set-eco-limit": "site-cmd-set-eco-limit",
  "request-status": "site-cmd-request-status",
  "set-tou": "site-cmd-set-tou",
  "set-grid-limit": "site-cmd-set-grid-limit",
  "reset-grid": "site-cmd-reset-grid",
  "set-relay": "site-cmd-set-relay",
  "ota-enter": "site-cmd-ota-enter",
  "factory-reset": "site-cmd-factory-reset",
  "restore-last": "site-cmd-restore-last",
} as const satisfies Readonly<Record<string, MessageKind>>;

export type SiteCommandName = keyof typeof siteCommands;

/** The names under which what isn't a command to a pack is acknowledged: `<root>/<site>/ack/socket`. */
export const otherAckNames = { "socket-command": "socket", "rules-command": "rules", "update-trigger": "ota" } as const;

/** The first level of all households' topics unless configured otherwise. */
export const defaultSiteRoot = "alfaspark";

const siteTails: { readonly [K in SiteTopicKind | SiteRequestKind]: string } = {
  aggregate: "aggregate",
  master: "master",
  gateway: "gateway",
  "update-status": "ota/status",
  rules: "rules",
  "rules-status": "rules/status",
  history: "history",
  "update-trigger": "ota/trigger",
  "rules-command": "rules/cmd",
};
const siteKindOfTail = new Map(
  Object.entries(siteTails).map(([kind, tail]) => [tail, kind as SiteTopicKind | SiteRequestKind]),
);

const messageKinds = {
  telemetry: "site-telemetry",
  identity: "site-identity",
  alarm: "site-alarm",
  aggregate: "site-aggregate",
  master: "site-master",
  gateway: "site-gateway",
  "update-status": "site-update-status",
  rules: "site-rules",
  "rules-status": "site-rules-status",
  history: "site-history",
  "update-trigger": "site-cmd-ota",
  "rules-command": "site-cmd-rules",
  ack: "site-ack",
  socket: "site-socket",
  "socket-command": "site-cmd-socket",
} as const satisfies Readonly<Record<Exclude<SiteTopic["kind"], "command">, MessageKind>>;

const rootRule = /^[A-Za-z0-9._-]{1,64}$/;
const siteRule = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const socketRule = /^[a-z0-9][a-z0-9-]{0,31}$/;
const hardwareRule = /^[0-9a-f]{12}$/;
const wordRule = /^[a-z][a-z0-9-]{0,31}$/;

export function isSiteId(text: string): text is SiteId {
  return siteRule.test(text);
}

/** The site id in a text that the program itself wrote; throws when it is none. */
export function siteId(text: string): SiteId {
  if (!isSiteId(text)) throw new TypeError(`not a site id: ${JSON.stringify(text)}`);
  return text;
}

export function isHardwareNumber(text: string): text is HardwareNumber {
  return hardwareRule.test(text);
}

/** A chip's MAC, 6 bytes, as a hardware number. */
export function hardwareNumber(mac: Uint8Array): HardwareNumber {
  if (mac.length !== 6) throw new RangeError(`a MAC has 6 bytes, not ${mac.length}`);
  let text = "";
  for (const byte of mac) text += byte.toString(16).padStart(2, "0");
  return text as HardwareNumber;
}

/** A smart socket's name in its household; not `cmd`, since its state's topic would be one that people may publish commands on. */
export function isSocketId(text: string): boolean {
  return socketRule.test(text) && text !== "cmd";
}

export function isSiteCommandName(name: string): name is SiteCommandName {
  return Object.hasOwn(siteCommands, name);
}

/** Builders and the strict parser of every topic of households under one root. */
export class SiteTopics {
  readonly root: string;
  readonly #prefix: string;

  /** Throws when `root` isn't one plain topic level. */
  constructor(root: string = defaultSiteRoot) {
    if (!rootRule.test(root)) throw new TypeError(`not a topic root: ${JSON.stringify(root)}`);
    this.root = root;
    this.#prefix = `${root}/`;
  }

  ofPack(kind: PackTopicKind, site: SiteId, node: HardwareNumber): string {
    return `${this.#prefix}${site}/${node}/${kind}`;
  }

  ofSite(kind: SiteTopicKind | SiteRequestKind, site: SiteId): string {
    return `${this.#prefix}${site}/${siteTails[kind]}`;
  }

  /** A command to one pack, or to all without `node`. */
  command(site: SiteId, name: SiteCommandName, node?: HardwareNumber): string {
    return node === undefined
      ? `${this.#prefix}${site}/commands/${name}`
      : `${this.#prefix}${site}/${node}/cmd/${name}`;
  }

  ack(site: SiteId, name: string): string {
    if (!wordRule.test(name)) throw new TypeError(`not a command name: ${JSON.stringify(name)}`);
    return `${this.#prefix}${site}/ack/${name}`;
  }

  socket(site: SiteId, socket: string): string {
    return `${this.#prefix}${site}/socket/${checkedSocket(socket)}/state`;
  }

  socketCommand(site: SiteId, socket: string): string {
    return `${this.#prefix}${site}/socket/${checkedSocket(socket)}/cmd`;
  }

  /** What a topic means; undefined when it is none of a household's. */
  parse(topic: string): SiteTopic | undefined {
    if (!topic.startsWith(this.#prefix)) return undefined;
    const [site, ...levels] = topic.slice(this.#prefix.length).split("/");
    if (site === undefined || !isSiteId(site)) return undefined;
    const own = siteKindOfTail.get(levels.join("/"));
    if (own) return { kind: own, site };
    const [first, second, third] = levels;
    if (first === undefined || second === undefined) return undefined;
    if (levels.length === 2) {
      if (first === "commands") return wordRule.test(second) ? { kind: "command", site, name: second } : undefined;
      if (first === "ack") return wordRule.test(second) ? { kind: "ack", site, name: second } : undefined;
      if (!isHardwareNumber(first)) return undefined;
      const kind = second;
      return kind === "telemetry" || kind === "identity" || kind === "alarm" ? { kind, site, node: first } : undefined;
    }
    if (levels.length !== 3 || third === undefined) return undefined;
    if (first === "socket") {
      if (!isSocketId(second) || (third !== "state" && third !== "cmd")) return undefined;
      return { kind: third === "cmd" ? "socket-command" : "socket", site, socket: second };
    }
    if (!isHardwareNumber(first) || second !== "cmd" || !wordRule.test(third)) return undefined;
    return { kind: "command", site, node: first, name: third };
  }

  /** What the gateway writes and everyone of the household may read. */
  fromGateway(site: SiteId): readonly string[] {
    const at = `${this.#prefix}${site}/`;
    const packs = (["telemetry", "identity", "alarm"] as const).map((kind) => `${at}+/${kind}`);
    const own = (["aggregate", "master", "gateway", "update-status", "rules", "rules-status", "history"] as const).map(
      (kind) => at + siteTails[kind],
    );
    return [...packs, ...own, `${at}ack/+`, `${at}socket/+/state`];
  }

  /** What people of the household write and the gateway reads: no topic is in both lists. */
  toGateway(site: SiteId): readonly string[] {
    const at = `${this.#prefix}${site}/`;
    return [
      `${at}+/cmd/+`,
      `${at}commands/+`,
      `${at}socket/+/cmd`,
      at + siteTails["update-trigger"],
      at + siteTails["rules-command"],
    ];
  }

  /** What a phone of the household may do. */
  rightsOfPhone(site: SiteId): TopicRights {
    return { publish: this.toGateway(site), subscribe: [`${this.#prefix}${site}/#`] };
  }

  /** What the household's gateway may do at the server broker: nothing that it writes does it read. */
  rightsOfGateway(site: SiteId): TopicRights {
    return { publish: this.fromGateway(site), subscribe: this.toGateway(site) };
  }
}

/** Whether people ask for something on this topic: nothing is ever retained there. */
export function isSiteRequest({ kind }: SiteTopic): boolean {
  return kind === "command" || kind === "socket-command" || kind === "rules-command" || kind === "update-trigger";
}

/** The schema of what is published on a topic; undefined for a command of an unknown name. */
export function siteMessageKind(topic: SiteTopic): MessageKind | undefined {
  if (topic.kind !== "command") return messageKinds[topic.kind];
  return isSiteCommandName(topic.name) ? siteCommands[topic.name] : undefined;
}

function checkedSocket(socket: string): string {
  if (!isSocketId(socket)) throw new TypeError(`not a socket's name: ${JSON.stringify(socket)}`);
  return socket;
}
