import type { LiveEvent } from "../../manager/app/api/watching.ts";

type Listener = (event: LiveEvent) => void;

/**
 * Follows the manager's event stream (`GET /api/v1/events`) and goes on at the last event after a cut. The stream sums telemetry
 * up to one event a second for all nodes; listeners get it as one event for each node, as the manager raised it.
 */
export class LiveEvents {
  readonly #url: string;
  readonly #token: string | undefined;
  readonly #listeners = new Set<Listener>();
  readonly #abort = new AbortController();
  #cursor = "";

  /** Without a token: for a manager that is insecure. */
  constructor(httpUrl: string, token?: string) {
    this.#token = token;
    this.#url = `${httpUrl}/api/v1/events`;
  }

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once the first stream is open; then goes on in the background until `stop`. */
  async start(): Promise<void> {
    const first = await this.#open();
    void this.#follow(first);
  }

  stop(): void {
    this.#abort.abort();
  }

  async #open(): Promise<Response> {
    const headers: Record<string, string> = this.#cursor === "" ? {} : { "last-event-id": this.#cursor };
    if (this.#token !== undefined) headers["authorization"] = `Bearer ${this.#token}`;
    const response = await fetch(this.#url, { headers, signal: this.#abort.signal });
    if (!response.ok) throw new Error(`the manager's event stream answered ${response.status}`);
    return response;
  }

  async #follow(first: Response): Promise<void> {
    let response = first;
    while (!this.#abort.signal.aborted) {
      try {
        await this.#read(response);
        response = await this.#open();
      } catch {
        if (this.#abort.signal.aborted) return;
        await new Promise((resolve) => setTimeout(resolve, 500));
        response = await this.#open().catch(() => response);
      }
    }
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    }
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const kind = fields.get("event");
    this.#cursor = fields.get("id") ?? this.#cursor;
    if (kind === undefined || kind === "hello" || kind === "reset") return;
    const data = JSON.parse(fields.get("data") ?? "{}") as Record<string, unknown>;
    if (kind === "telemetry") {
      for (const [node, points] of Object.entries(data["nodes"] as Record<string, number>))
        this.#emit({ kind, node, points });
    } else {
      this.#emit({ kind, ...data } as LiveEvent);
    }
  }

  #emit(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
