/** How the manager calls a node: CoAP requests and observations on the path the node's own traffic opened. */
export interface NodeCaller {
  /** Rejects with a Fault when the node didn't answer (`node.unreachable`) or the signal aborted. Any code is an answer. */
  request(request: NodeRequest): Promise<NodeAnswer>;
  /**
   * Observes a resource on the node. `ended` is called once at most: refused, error answer, time-out, reset; never after
   * `cancel()`. Re-registering is the caller's business.
   */
  observe(target: NodeTarget, listener: ObservationListener): NodeObservation;
}

/** Where a node's registration (or its last authenticated datagram) came from. */
export interface NodePath {
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
}

export interface NodeTarget {
  readonly node: string;
  readonly to: NodePath;
  /** The node (or gateway) whose credential secures the call: only who has it can answer. Undefined: in the open. */
  readonly credential: string | undefined;
  readonly path: readonly string[];
  readonly queries?: readonly string[];
  /** Content-format asked for. */
  readonly accept?: number;
}

export interface NodeRequest extends NodeTarget {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly payload?: Uint8Array;
  readonly contentFormat?: number;
  readonly signal?: AbortSignal;
}

export interface NodeAnswer {
  /** CoAP code, 0x45 = 2.05. */
  readonly code: number;
  readonly payload: Uint8Array;
  readonly contentFormat?: number | undefined;
  /** Seconds; undefined when the option is absent. */
  readonly maxAge?: number | undefined;
}

export interface ObservationListener {
  notification(answer: NodeAnswer): void;
  ended(reason: string): void;
}

export interface NodeObservation {
  cancel(): void;
}
