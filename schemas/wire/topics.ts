import { isNodeId, type NodeId } from "./node-id.ts";

/** A parsed MQTT topic of the device protocol, section 4. */
export type Topic =
  | { readonly kind: NodeTopicKind; readonly node: NodeId }
  | { readonly kind: "command" | "command-answer"; readonly node: NodeId; readonly name: string }
  | { readonly kind: "fleet"; readonly levels: readonly string[] };

/** Topics that a node has one of. */
export type NodeTopicKind = "telemetry" | "status" | "availability" | "event" | "update-start" | "update-progress";

/** Topic filters; in `publish` each stands for topics that the node is the writer of. */
export interface TopicRights {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The first levels of all topics unless configured otherwise. */
export const defaultTopicRoot = "cx";

/** Bare topics of early device code. They name no node: only the authenticated client says whose they are. */
export const earlyTopics = { updateStart: "device/ota/start", updateProgress: "device/progress" } as const;

const tails: { readonly [K in NodeTopicKind]: string } = {
  telemetry: "telemetry",
  status: "status",
  availability: "availability",
  event: "event",
  "update-start": "ota/start",
  "update-progress": "ota/progress",
};
const kindOfTail = new Map(Object.entries(tails).map(([kind, tail]) => [tail, kind as NodeTopicKind]));
const fromNode: readonly NodeTopicKind[] = ["telemetry", "status", "availability", "event", "update-progress"];

const rootRule = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/;
const commandName = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Builders and parser of every topic under one root. */
export class Topics {
  readonly root: string;
  readonly #nodes: string;
  readonly #fleet: string;

  /** Throws when `root` is no list of plain levels or longer than 64 characters. */
  constructor(root: string = defaultTopicRoot) {
    if (root.length > 64 || !rootRule.test(root)) throw new TypeError(`not a topic root: ${JSON.stringify(root)}`);
    this.root = root;
    this.#nodes = `${root}/nodes/`;
    this.#fleet = `${root}/fleet/`;
  }

  of(kind: NodeTopicKind, node: NodeId): string {
    return `${this.#nodes}${node}/${tails[kind]}`;
  }

  command(node: NodeId, name: string): string {
    return `${this.#nodes}${node}/cmd/${checkedCommand(name)}`;
  }

  commandAnswer(node: NodeId, name: string): string {
    return `${this.#nodes}${node}/cmd/${checkedCommand(name)}/ack`;
  }

  /** For outside tools: `fleet("alerts", "active")`. */
  fleet(...levels: readonly string[]): string {
    if (levels.length === 0 || levels.some((level) => !/^[A-Za-z0-9._-]+$/.test(level)))
      throw new TypeError(`not topic levels: ${JSON.stringify(levels)}`);
    return this.#fleet + levels.join("/");
  }

  /** The filter for one kind of topic of every node, as the manager subscribes to it. */
  ofEveryNode(kind: NodeTopicKind): string {
    return `${this.#nodes}+/${tails[kind]}`;
  }

  commandAnswersOfEveryNode(): string {
    return `${this.#nodes}+/cmd/+/ack`;
  }

  /** What a topic means; undefined when it is none of ours. */
  parse(topic: string): Topic | undefined {
    if (topic.startsWith(this.#fleet)) return { kind: "fleet", levels: topic.slice(this.#fleet.length).split("/") };
    if (!topic.startsWith(this.#nodes)) return undefined;
    const rest = topic.slice(this.#nodes.length);
    const slash = rest.indexOf("/");
    const node = rest.slice(0, slash);
    if (slash < 0 || !isNodeId(node)) return undefined;
    const tail = rest.slice(slash + 1);
    const kind = kindOfTail.get(tail);
    if (kind) return { kind, node };
    const [cmd, name, ack, ...more] = tail.split("/");
    if (cmd !== "cmd" || name === undefined || !commandName.test(name) || more.length > 0) return undefined;
    if (ack === undefined) return { kind: "command", node, name };
    return ack === "ack" ? { kind: "command-answer", node, name } : undefined;
  }

  /** What `node` may write, and the filters that its own subscriptions must lie within. A gateway's children come as `children`. */
  rightsOf(node: NodeId, children: readonly NodeId[] = []): TopicRights {
    const ids = [node, ...children];
    return {
      publish: ids.flatMap((id) => [...fromNode.map((kind) => this.of(kind, id)), `${this.#nodes}${id}/cmd/+/ack`]),
      subscribe: ids.map((id) => `${this.#nodes}${id}/#`),
    };
  }

  /** The node's own topic that an early client means by a bare one; undefined for any other topic. */
  fromEarly(topic: string, node: NodeId): string | undefined {
    if (topic === earlyTopics.updateStart) return this.of("update-start", node);
    return topic === earlyTopics.updateProgress ? this.of("update-progress", node) : undefined;
  }

  /** The bare topic under which an early client of `node` gets `topic`; undefined when it has none. */
  toEarly(topic: string, node: NodeId): string | undefined {
    if (topic === this.of("update-start", node)) return earlyTopics.updateStart;
    return topic === this.of("update-progress", node) ? earlyTopics.updateProgress : undefined;
  }
}

function checkedCommand(name: string): string {
  if (!commandName.test(name)) throw new TypeError(`not a command name: ${JSON.stringify(name)}`);
  return name;
}
