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
import type { NodeContexts } from "./node-contexts.ts";

export const nodeCallerFaults = defineFaults({
  "node.unreachable": {
    fault: "peer",
    message: "Node {node} did not answer at {address} port {port} ({reason}). It learns at its next heartbeat.",
  },
});

export interface CoapNodeCallerOptions {
  readonly endpoint: CoapEndpoint;
  readonly contexts: Pick<NodeContexts, "identityOf">;
  readonly isInsecure: boolean;
}

/**
 * Calls nodes from the very socket that their registration reached, so that whatever stands in between lets the datagrams back in.
 */
export class CoapNodeCaller implements NodeCaller {
  readonly #endpoint: CoapEndpoint;
  readonly #contexts: Pick<NodeContexts, "identityOf">;
  readonly #isInsecure: boolean;

  constructor({ endpoint, contexts, isInsecure }: CoapNodeCallerOptions) {
    this.#endpoint = endpoint;
    this.#contexts = contexts;
    this.#isInsecure = isInsecure;
  }

  /**
   * Where a call goes and what secures it. With a credential only an answer of its holder is taken; without one nodes are called
   * under `--insecure` alone. Throws `node.unreachable`.
   */
  target({ node, to, credential }: Pick<NodeTarget, "node" | "to" | "credential">): Target {
    const { address, port } = to;
    const unreachable = (reason: string): Fault =>
      nodeCallerFaults("node.unreachable", { node, address, port, reason });
    if (credential === undefined) {
      if (!this.#isInsecure) throw unreachable("it registered without a credential");
      return { address, port };
    }
    const identity = this.#contexts.identityOf(credential);
    if (identity === undefined) throw unreachable("its credential was revoked");
    return { address, port, identity };
  }

  async request(request: NodeRequest): Promise<NodeAnswer> {
    const { node, to, credential: _, ...rest } = request;
    try {
      return asAnswer(await this.#endpoint.request({ to: this.target(request), ...rest }));
    } catch (error) {
      if (error instanceof Fault && error.code === "node.unreachable") throw error;
      if (!(error instanceof Fault)) throw error;
      throw nodeCallerFaults(
        "node.unreachable",
        { node, address: to.address, port: to.port, reason: error.code },
        error,
      );
    }
  }

  observe(target: NodeTarget, listener: ObservationListener): NodeObservation {
    const { path, queries, accept } = target;
    const to = this.target(target);
    let isOver = false;
    const observation = this.#endpoint.observe(
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
