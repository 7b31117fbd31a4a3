import { Code, ContentFormat } from "../../../coap/message.ts";
import type { CoapReply, CoapReplyFields, CoapRequest, Peer, Route } from "../../../coap/route.ts";
import type { Action } from "../../../schemas/generated/types.ts";
import { digestHex } from "../../../schemas/wire/digest.ts";
import { type NodeId, nodeId, parseNodeId } from "../../../schemas/wire/node-id.ts";
import type { CoapContext } from "./coap-context.ts";
import { fill, refusal } from "./refusal.ts";
import { refusedRegistration } from "./register-routes.ts";
import { bodyOf } from "./representation.ts";

const maxBody = 1_024;
const maxAnswerBytes = 64;
const maxClients = 4_096;
/** Digits of a digest in a short link: 64 bits are enough to tell stored artifacts apart. */
const shortDigits = 16;
const okAnswer = "OK";

/** What we remember of a client that says who it is only once, or never. */
interface LegacyClient {
  readonly node: NodeId;
  /** Last action that was put into words for it; it can't report, so saying it is all there is. */
  told: number;
}

/**
 * The aliases of early device code, which knows neither identities nor our messages: `PUT /device/register` and
 * `GET /device/heartbeat`, answered with one line of plain text of at most 64 bytes. Added only under `--insecure`.
 *
 * Such a client is known by its address and port from its registration on; one that never said an id gets one made of them.
 */
export class LegacyRoutes {
  readonly #context: CoapContext;
  /** By address and port, oldest first. Full: the oldest is forgotten, and registers anew when it is told 4.04. */
  readonly #clients = new Map<string, LegacyClient>();

  constructor(context: CoapContext) {
    this.#context = context;
  }

  routes(): Route[] {
    return [
      {
        method: "PUT",
        path: "/device/register",
        replay: "again",
        maxBody,
        later: (request) => this.#register(request),
      },
      {
        method: "GET",
        path: "/device/heartbeat",
        // Saying an action uses it up, so a repeated datagram must get the words of the first one.
        replay: "once",
        answer: (request, reply) => this.#heartbeat(request, reply),
      },
    ];
  }

  async #register(request: CoapRequest): Promise<CoapReplyFields> {
    const { peer } = request;
    const said = request.payload.length === 0 ? undefined : bodyOf(request, "node-manifest");
    const claimed = request.query("ep") ?? request.query("id");
    if (said !== undefined && !said.ok && claimed === undefined && hasId(request.payload)) return said.answer;
    const manifest = said?.ok ? said.value : undefined;
    const name = manifest?.id ?? claimed;
    const parsed = name === undefined ? undefined : parseNodeId(name);
    if (parsed?.ok === false) return refusal("bad-node-id", parsed.rule);
    const node = parsed?.id ?? addressNodeId(peer);
    const outcome = await this.#context.app.registry.register({
      // It has no server, so like a sleepy node it is never called: what it should get waits for its next heartbeat.
      manifest: { ...manifest, id: node, sleepy: true },
      path: { address: peer.address, port: peer.port, family: peer.family },
      identity: parsed === undefined ? "address" : "claimed",
      face: "legacy",
    });
    if (outcome.kind === "refused") return refusedRegistration(outcome);
    // It never asks for its environment, so that is made now: a change of it must find something to tell.
    await this.#context.app.environments.build(node);
    this.#remember(peer, node);
    return text(okAnswer, Code.changed);
  }

  #heartbeat(request: CoapRequest, reply: CoapReply): void {
    const { peer } = request;
    const claimed = request.query("ep") ?? request.query("id");
    const parsed = claimed === undefined ? undefined : parseNodeId(claimed);
    if (parsed?.ok === false) return void fill(reply, refusal("bad-node-id", parsed.rule));
    const client = this.#clients.get(keyOf(peer));
    const node = parsed?.id ?? client?.node ?? addressNodeId(peer);
    const known = client?.node === node ? client : this.#remember(peer, node);
    const outcome = this.#context.app.heartbeats.beat(node, known.told, undefined, peer);
    switch (outcome.kind) {
      case "unknown-node":
        this.#clients.delete(keyOf(peer));
        return void fill(reply, refusal("unknown-node"));
      case "nothing":
        return void fill(reply, text(okAnswer, Code.content));
      case "action":
        known.told = outcome.action.rev;
        return void fill(reply, text(this.#words(outcome.action, node), Code.content));
    }
  }

  /** The action in the words of early device code; `OK` for what it has no word for, which is logged. */
  #words(action: Action, node: string): string {
    const words = this.#wordsFor(action);
    if (words !== undefined && words.length <= maxAnswerBytes) return words;
    if (action.kind !== "none")
      this.#context.log.warn("legacy-action-untold", { node, rev: action.rev, kind: action.kind });
    return okAnswer;
  }

  #wordsFor(action: Action): string | undefined {
    switch (action.kind) {
      case "command":
        return action.command === "terminate" ? "CMD_TERMINATE" : undefined;
      case "environment":
        return action.environment?.mqtt && `NEW_MQTT_IP ${action.environment.mqtt.host}`;
      case "update":
        return `UPDATE ${this.#context.httpBase()}/u/${digestHex(action.digest).slice(0, shortDigits)}`;
      default:
        return undefined;
    }
  }

  #remember(peer: Peer, node: NodeId): LegacyClient {
    const key = keyOf(peer);
    const client = { node, told: 0 };
    this.#clients.delete(key);
    this.#clients.set(key, client);
    const oldest = this.#clients.size > maxClients ? this.#clients.keys().next().value : undefined;
    if (oldest !== undefined) this.#clients.delete(oldest);
    return client;
  }
}

function text(words: string, code: number): CoapReplyFields {
  return { code, payload: new TextEncoder().encode(words), contentFormat: ContentFormat.textPlain, maxAge: 0 };
}

function keyOf({ address, port }: Peer): string {
  return `${address} ${port}`;
}

/** `address-127-0-0-1-40001`: who it is stays visible, and that it proves nothing too. */
function addressNodeId({ address, port }: Peer): NodeId {
  return nodeId(`address-${address.toLowerCase().replace(/[^0-9a-z]+/g, "-")}-${port}`.slice(0, 63));
}

/** Early code may send anything as a body; only one that tries to name a node and fails is worth an error. */
function hasId(payload: Uint8Array): boolean {
  return new TextDecoder().decode(payload).includes('"id"');
}
