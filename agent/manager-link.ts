import type { CoapResponse, RequestOptions, Target } from "../coap/client-types.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import type { NodeId } from "../schemas/wire/node-id.ts";
import { queryNames } from "../schemas/wire/paths.ts";

export interface ManagerLinkOptions {
  readonly endpoint: { request(options: RequestOptions): Promise<CoapResponse> };
  readonly manager: Target;
  readonly clock: Clock;
  /** Who the association is of. */
  readonly speaker: NodeId;
  /** No association says who asks, so each request does: a manager under `--insecure`. */
  readonly isOpen: boolean;
  /** Requests at once. */
  readonly requests: number;
}

export interface ManagerRequest
  extends Pick<RequestOptions, "method" | "path" | "payload" | "contentFormat" | "accept"> {
  readonly queries?: readonly string[];
  /** For whom the gateway speaks. */
  readonly child?: NodeId | undefined;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly maxResponseBody?: number;
}

/** Requests to the manager: all of one association, so only so many at once, and the others in their order. */
export class ManagerLink {
  readonly #options: ManagerLinkOptions;
  readonly #waiting: (() => void)[] = [];
  #underWay = 0;

  constructor(options: ManagerLinkOptions) {
    this.#options = options;
  }

  /** Rejects as `CoapEndpoint.request` does, and with `coap.timeout` after `timeoutMs`. */
  async ask(request: ManagerRequest): Promise<CoapResponse> {
    const { endpoint, manager, clock, speaker, isOpen, requests } = this.#options;
    const { child, timeoutMs, signal, queries = [], ...rest } = request;
    while (this.#underWay >= requests) await this.#turn(signal);
    signal?.throwIfAborted();
    this.#underWay++;
    const ended = new AbortController();
    const signals = [ended.signal, ...(signal === undefined ? [] : [signal])];
    try {
      const answer = endpoint.request({
        ...rest,
        to: manager,
        queries: [
          ...queries,
          ...(child === undefined ? [] : [`${queryNames.child}=${child}`]),
          ...(isOpen ? [`${queryNames.endpoint}=${speaker}`] : []),
        ],
        signal: AbortSignal.any(signals),
      });
      if (timeoutMs === undefined) return await answer;
      const late = sleep(clock, timeoutMs, ended.signal).then(() => {
        throw new Error("The manager didn't answer in time.");
      });
      return await Promise.race([answer, late]);
    } finally {
      ended.abort(new Error("over"));
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(signal?.reason);
      };
      const turn = (): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      if (signal?.aborted === true) reject(signal.reason);
      else {
        signal?.addEventListener("abort", onAbort, { once: true });
        this.#waiting.push(turn);
      }
    });
  }
}
