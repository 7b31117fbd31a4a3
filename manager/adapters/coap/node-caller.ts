import type { CoapResponse, Target } from "../../../coap/client-types.ts";
import type { CoapEndpoint } from "../../../coap/endpoint.ts";
import { defineFaults, Fault } from "../../../kernel/fault.ts";
import type {
  NodeAnswer,
  NodeCaller,
  NodeObservation,
  NodeRequest,
  NodeTarget,
  ObservationListener,
} from "../../ports/node-caller.ts";
import type { CoapDoors } from "./coap-doors.ts";
import type { NodeContexts } from "./node-contexts.ts";

export const nodeCallerFaults = defineFaults({
  "node.unreachable": {
    fault: "peer",
    message: "Node {node} did not answer at {address} port {port} ({reason}). It learns at its next heartbeat.",
  },
});

export interface CoapNodeCallerOptions {
  readonly doors: Pick<CoapDoors, "open" | "secured">;
  readonly contexts: Pick<NodeContexts, "identityOf">;
  readonly isInsecure: boolean;
}

/** How a call goes out. */
export interface NodeWay {
  readonly endpoint: CoapEndpoint;
  readonly to: Target;
}

/**
 * Calls nodes from the very socket that their registration reached, so that whatever stands in between lets the datagrams back in.
 */
export class CoapNodeCaller implements NodeCaller {
  readonly #doors: CoapNodeCallerOptions["doors"];
  readonly #contexts: Pick<NodeContexts, "identityOf">;
  readonly #isInsecure: boolean;

  constructor({ doors, contexts, isInsecure }: CoapNodeCallerOptions) {
    this.#doors = doors;
    this.#contexts = contexts;
    this.#isInsecure = isInsecure;
  }

  /**
   * Where a call goes and what secures it: the node's DTLS session at that address, else its OSCORE context. With a credential only an
   * answer of its holder is taken; without one nodes are called under `--insecure` alone. Throws `node.unreachable`.
   */
  way({ node, to, credential }: Pick<NodeTarget, "node" | "to" | "credential">): NodeWay {
    const { address, port } = to;
    const { open, secured } = this.#doors;
    const unreachable = (reason: string): Fault =>
      nodeCallerFaults("node.unreachable", { node, address, port, reason });
    if (credential === undefined) {
      if (!this.#isInsecure) throw unreachable("it registered without a credential");
      return { endpoint: open, to: { address, port } };
    }
    if (secured?.sessions.has(credential, to) === true) return { endpoint: secured.endpoint, to: { address, port } };
    const identity = this.#contexts.identityOf(credential);
    if (identity === undefined) throw unreachable("it has no DTLS session, and no OSCORE context that is good");
    return { endpoint: open, to: { address, port, identity } };
  }

  async request(request: NodeRequest): Promise<NodeAnswer> {
    const { node, to: at, credential: _, ...rest } = request;
    try {
      const { endpoint, to } = this.way(request);
      return asAnswer(await endpoint.request({ to, ...rest }));
    } catch (error) {
      if (error instanceof Fault && error.code === "node.unreachable") throw error;
      if (!(error instanceof Fault)) throw error;
      throw nodeCallerFaults(
        "node.unreachable",
        { node, address: at.address, port: at.port, reason: error.code },
        error,
      );
    }
  }

  observe(target: NodeTarget, listener: ObservationListener): NodeObservation {
    const { path, queries, accept } = target;
    const { endpoint, to } = this.way(target);
    let isOver = false;
    const observation = endpoint.observe(
      { to, path, queries, accept },
      {
        notification: (response) => {
          if (!isOver) listener.notification(asAnswer(response));
        },
        ended: (reason) => {
          if (isOver) return;
          isOver = true;
          listener.ended(reason);
        },
      },
    );
    return {
      cancel: () => {
        isOver = true;
        observation.cancel();
      },
    };
  }
}

function asAnswer({ code, payload, contentFormat, maxAge }: CoapResponse): NodeAnswer {
  return { code, payload, contentFormat, maxAge };
}
