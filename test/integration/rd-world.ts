import type { RequestOptions, Target } from "../../coap/client-types.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { parseLinks } from "../../coap/link-format.ts";
import { ContentFormat, type Method } from "../../coap/message.ts";
import type { Route } from "../../coap/route.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { AskerRules } from "../../manager/adapters/coap/asker.ts";
import { CoapDoors } from "../../manager/adapters/coap/coap-doors.ts";
import { CoapFace } from "../../manager/adapters/coap/coap-face.ts";
import { CoapNodeCaller } from "../../manager/adapters/coap/node-caller.ts";
import { NodeContexts } from "../../manager/adapters/coap/node-contexts.ts";
import { AppHarness, type HarnessOptions } from "./app-harness.ts";
import { issueKeys, managerIdentity, parametersOf, TestAnswer, type TestKeys } from "./manager-harness.ts";

export const directory = { address: "127.0.0.1", port: 5683 } as const;

export interface RdWorldOptions extends HarnessOptions {
  /** Default true: nodes are who they say, and operators sit at 127.0.0.x. */
  readonly isInsecure?: boolean;
}

/** The manager's CoAP face over its use cases, on a memory network and virtual time: what RFC 9176 says is asked of it by peers. */
export class RdWorld {
  readonly harness: AppHarness;
  readonly network: MemoryNetwork;
  readonly endpoint: CoapEndpoint;
  readonly #face: CoapFace;
  readonly #peers: CoapEndpoint[] = [];

  constructor({ isInsecure = true, ...options }: RdWorldOptions = {}) {
    this.harness = new AppHarness({ ...options, isInsecure });
    const { clock, app } = this.harness;
    this.network = new MemoryNetwork({ clock, entropy: seededEntropy("network"), delayMs: [1, 2] });
    const [entropy, log] = [seededEntropy("directory"), silentLog];
    const contexts = new NodeContexts({ entropy, log, nodes: 64 });
    this.endpoint = new CoapEndpoint({
      transport: this.network.transport(directory.address, directory.port, { groups: ["224.0.1.187"] }),
      ...{ clock, entropy, log, amplification: isInsecure ? "none" : "routable", oscore: contexts },
    });
    contexts.bind(app.credentials.keyring);
    const doors = new CoapDoors({ open: this.endpoint });
    this.#face = new CoapFace({
      ...{ app, doors, clock, entropy, log, isInsecure },
      caller: new CoapNodeCaller({ doors, contexts, isInsecure }),
      askers: new AskerRules({
        isInsecure,
        authoriser: app.authoriser,
        principalOf: (operator) => app.operators.principal(operator),
      }),
      tlsCa: () => undefined,
      httpBase: () => "http://manager.example:8683",
    });
  }

  async start(): Promise<this> {
    await this.harness.start();
    await this.#face.start();
    return this;
  }

  async stop(): Promise<void> {
    for (const peer of this.#peers) await peer.stop();
    await this.#face.stop();
  }

  keys(node: string): Promise<TestKeys> {
    return this.harness.wait(issueKeys(this.harness, node));
  }

  async peer(address: string, port = 40_000, keys?: TestKeys, routes: readonly Route[] = []): Promise<RdPeer> {
    const { clock } = this.harness;
    const entropy = seededEntropy(`${address}/${port}`);
    const contexts = new OscoreContexts({ entropy, log: silentLog, leases: volatileLeases() });
    const oscore = keys && contexts.add(parametersOf(keys), { identity: managerIdentity, isNew: true });
    const transport = this.network.transport(address, port);
    const endpoint = new CoapEndpoint({ transport, clock, entropy, log: silentLog, oscore: contexts });
    for (const route of routes) endpoint.route(route);
    await endpoint.start();
    this.#peers.push(endpoint);
    const to = { ...directory, oscore };
    const ask = (options: Omit<RequestOptions, "to">): Promise<TestAnswer> =>
      this.harness.wait(endpoint.request({ to, ...options }).then((response) => new TestAnswer(response)));
    return new RdPeer(endpoint, to, ask);
  }
}

/** A registrant or a lookup client. */
export class RdPeer {
  readonly endpoint: CoapEndpoint;
  /** The directory, with the peer's keys. */
  readonly to: Target;
  readonly send: (options: Omit<RequestOptions, "to">) => Promise<TestAnswer>;

  constructor(endpoint: CoapEndpoint, to: Target, send: (options: Omit<RequestOptions, "to">) => Promise<TestAnswer>) {
    this.endpoint = endpoint;
    this.to = to;
    this.send = send;
  }

  /** `ask("POST", "/rd/lamp?lt=60", "</t>")`; what has a body is link format. */
  ask(method: Method, target: string, body?: string | Uint8Array, more: Partial<RequestOptions> = {}) {
    const [, path = "", query = ""] = /^([^?]*)\??(.*)$/.exec(target) ?? [];
    return this.send({
      ...{ method, path: path.split("/").slice(1), queries: query === "" ? [] : query.split("&") },
      ...(body === undefined
        ? {}
        : {
            payload: typeof body === "string" ? new TextEncoder().encode(body) : body,
            contentFormat: ContentFormat.linkFormat,
          }),
      ...more,
    });
  }

  /** Registers, and gives the code. */
  async register(query: string, links = ""): Promise<string> {
    return (await this.ask("POST", `/rd?${query}`, links, { contentFormat: ContentFormat.linkFormat })).code;
  }

  /** Targets of the links that a lookup finds. */
  async targets(query: string): Promise<string[]> {
    return parseLinks((await this.ask("GET", `/rd-lookup/${query}`)).text)!.map(({ target }) => target);
  }
}
