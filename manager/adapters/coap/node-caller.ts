import type { CoapResponse } from "../../../coap/client-types.ts";
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

export const nodeCallerFaults = defineFaults({
  "node.unreachable": {
    fault: "peer",
    message: "Node {node} did not answer at {address} port {port} ({reason}). It learns at its next heartbeat.",
  },
});

/**
 * Calls nodes from the very socket that their registration reached, so that whatever stands in between lets the datagrams back in.
 */
export class CoapNodeCaller implements NodeCaller {
  readonly #endpoint: CoapEndpoint;

  constructor(options: { readonly endpoint: CoapEndpoint }) {
    this.#endpoint = options.endpoint;
  }

  async request(request: NodeRequest): Promise<NodeAnswer> {
    const { node, to, ...rest } = request;
    try {
      return asAnswer(await this.#endpoint.request({ to, ...rest }));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      throw nodeCallerFaults(
        "node.unreachable",
        { node, address: to.address, port: to.port, reason: error.code },
        error,
      );
    }
  }

  observe(target: NodeTarget, listener: ObservationListener): NodeObservation {
    const { to, path, queries, accept } = target;
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
