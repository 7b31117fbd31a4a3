import { decodeMessage, Malformed } from "../../coap/decode-message.ts";
import { CoapEndpoint, type CoapEndpointOptions } from "../../coap/endpoint.ts";
import { MessageView } from "../../coap/message-view.ts";
import { MessageWriter } from "../../coap/message-writer.ts";
import type { PeerIdentity } from "../../coap/route.ts";
import { aeadLayout } from "../../coap/security/oscore/aead.ts";
import { nodeAead } from "../../coap/security/oscore/node-aead.ts";
import type { OscoreContext } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts, type OscoreContextsOptions } from "../../coap/security/oscore/oscore-contexts.ts";
import type { OscoreExchange } from "../../coap/security/oscore/oscore-exchange.ts";
import { OscoreMessages } from "../../coap/security/oscore/oscore-messages.ts";
import type { OscoreContextOptions, OscoreParameters } from "../../coap/security/oscore/oscore-parameters.ts";
import { type SequenceLeases, volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import type { MemoryTransport } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import {
  decodePlain,
  encodePlain,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
  World,
  type WorldOptions,
} from "./coap-harness.ts";

export const node: PeerIdentity = { kind: "node", id: "esp-1", scheme: "oscore" };
export const manager: PeerIdentity = { kind: "operator", id: "manager", scheme: "oscore" };

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** What the client has; the server has the IDs the other way round. */
export const shared: OscoreParameters = {
  masterSecret: bytes("0102030405060708090a0b0c0d0e0f10"),
  masterSalt: bytes("9e7ca92223786340"),
  senderId: bytes("c1"),
  recipientId: bytes("5e"),
};

export function mirrored(parameters: OscoreParameters): OscoreParameters {
  return { ...parameters, senderId: parameters.recipientId, recipientId: parameters.senderId };
}

export interface OscoreWorldOptions extends WorldOptions {
  readonly parameters?: OscoreParameters;
  readonly serverLeases?: SequenceLeases;
  readonly clientLeases?: SequenceLeases;
  readonly serverOptions?: OscoreContextOptions;
  readonly clientOptions?: OscoreContextOptions;
  readonly oscoreLimits?: OscoreContextsOptions["limits"];
}

/** A server with the context of one node, and that node as a client, on one network and one virtual clock. */
export class OscoreWorld {
  readonly world: World;
  readonly server: CoapEndpoint;
  readonly client: CoapEndpoint;
  readonly atServer: OscoreContexts;
  readonly atClient: OscoreContexts;
  readonly serverContext: OscoreContext;
  readonly clientContext: OscoreContext;
  /** Where the client's requests go. */
  readonly to: { readonly address: string; readonly port: number; readonly identity: PeerIdentity };
  readonly #limits: CoapEndpointOptions["limits"];

  constructor(options: OscoreWorldOptions = {}) {
    const { parameters = shared, limits, clientLimits, oscoreLimits } = options;
    this.#limits = limits;
    this.world = new World(options);
    const contexts = (seed: string, leases: SequenceLeases): OscoreContexts =>
      new OscoreContexts({
        entropy: seededEntropy(`${options.seed ?? 1}/${seed}`),
        log: silentLog,
        leases,
        limits: oscoreLimits,
      });
    this.atServer = contexts("server", options.serverLeases ?? volatileLeases());
    this.atClient = contexts("client", options.clientLeases ?? volatileLeases());
    this.serverContext = this.atServer.add(mirrored(parameters), {
      identity: node,
      isNew: true,
      ...options.serverOptions,
    });
    this.clientContext = this.atClient.add(parameters, { identity: manager, isNew: true, ...options.clientOptions });
    this.server = this.endpoint(this.world.network.transport(serverAddress.address, serverAddress.port), this.atServer);
    const transport = this.world.network.transport("10.0.0.2", 40_000);
    this.client = this.endpoint(transport, this.atClient, clientLimits);
    this.to = { ...serverAddress, identity: manager };
  }

  endpoint(transport: MemoryTransport, oscore: OscoreContexts, limits = this.#limits): CoapEndpoint {
    const entropy = seededEntropy(`${transport.local.address}`);
    return new CoapEndpoint({ transport, clock: this.world.clock, entropy, log: silentLog, limits, oscore });
  }

  async start(): Promise<this> {
    await this.server.start();
    await this.client.start();
    return this;
  }

  async stop(): Promise<void> {
    await this.client.stop();
    await this.server.stop();
  }

  rawPeer(address = "10.0.0.2", port = 40_001): RawPeer {
    return this.world.rawPeer(address, port);
  }

  /** Somebody with the client's keys (or others) and no engine, who can make any message. */
  forger(parameters: OscoreParameters = shared, address = "10.0.0.7"): OscoreForger {
    return new OscoreForger(this.rawPeer(address, 40_007), parameters);
  }

  /** Payload and code of a protected request. */
  async ask(path: string, more: Partial<Parameters<CoapEndpoint["request"]>[0]> = {}): Promise<string> {
    const request = this.client.request({ to: this.to, method: "GET", path: path.split("/").filter(Boolean), ...more });
    const { code, payload } = await this.world.run(request);
    return `${code.toString(16)} ${textOf(payload)}`;
  }
}

const forgedOptions = 64;

/** Seals and opens messages by hand, over a raw peer. */
export class OscoreForger {
  readonly peer: RawPeer;
  readonly context: OscoreContext;
  readonly contexts: OscoreContexts;
  readonly messages: OscoreMessages;
  /** What binds an answer to the message sealed last. */
  exchange: OscoreExchange | undefined;
  readonly #aead = nodeAead(8_192);
  #messageId = 100;

  constructor(peer: RawPeer, parameters: OscoreParameters) {
    this.peer = peer;
    this.contexts = new OscoreContexts({ entropy: seededEntropy("forger"), log: silentLog, leases: volatileLeases() });
    this.context = this.contexts.add(parameters, { isNew: true });
    this.messages = new OscoreMessages({ contexts: this.contexts, aead: this.#aead, maxOptions: forgedOptions });
  }

  /** The protected form of a request; each has a message ID of its own unless one is given. */
  sealed(message: Partial<PlainMessage> = {}): Uint8Array {
    const plain = encodePlain({
      type: "CON",
      code: 1,
      messageId: this.#messageId++,
      token: Uint8Array.of(7),
      ...message,
    });
    const writer = new MessageWriter(16_384);
    writer.bytes.set(plain);
    writer.end = plain.length;
    this.exchange = this.messages.sealRequest(writer, this.context, undefined);
    return writer.copy();
  }

  /** A request with this plaintext, which our own sealing would not make. */
  sealedText(text: Uint8Array): Uint8Array {
    const like = this.sealed();
    const { aad, text: at } = aeadLayout;
    const { bytes } = this.#aead;
    bytes.set(text, at);
    this.#aead.seal(this.context.facts, 12 + (bytes[aad + 11]! & 0x3f), text.length);
    const length = text.length + this.context.facts.tagLength;
    return Uint8Array.from([...like.subarray(0, like.indexOf(0xff, 5) + 1), ...bytes.subarray(at, at + length)]);
  }

  /** The plain answer to what was sealed last; undefined when it doesn't verify. */
  opened(bytes: Uint8Array, exchange = this.exchange!): SeenMessage | undefined {
    const view = new MessageView(forgedOptions);
    if (decodeMessage(bytes, 0, bytes.length, view) !== Malformed.none) return undefined;
    if (this.messages.openReply(view, exchange) !== "opened") return undefined;
    const { reply } = this.messages;
    return decodePlain(reply.bytes.slice(reply.tokenStart - 4, reply.end));
  }
}
