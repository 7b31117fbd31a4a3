import { askHome } from "./ask-home.ts";
import {
  type LinkEffect,
  type LinkEvent,
  type LinkState,
  linkTransition,
  type Place,
  stoppedLink,
} from "./link-machine.ts";
import { SiteConnection } from "./site-connection.ts";

export interface SiteLinkOptions {
  readonly site: string;
  readonly clientId: string;
  readonly filters: readonly string[];
  readonly server: string | undefined;
  /** Where the gateway might be now; the list may change. */
  homes(): readonly string[];
  credentials(place: Place["kind"]): { readonly user: string; readonly password: string };
  onState(state: LinkState): void;
  onMessage(topic: string, payload: Uint8Array, isRetained: boolean): void;
}

const askTimeoutMs = 3_000;

/** Runs the link machine on the browser's network: one connection at a time, home where home is. */
export class SiteLink {
  readonly #options: SiteLinkOptions;
  #state: LinkState = stoppedLink;
  #connection: SiteConnection | undefined;
  #question: AbortController | undefined;
  #alarm: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SiteLinkOptions) {
    this.#options = options;
  }

  start(): void {
    this.#take({ kind: "start" });
  }

  stop(): void {
    this.#take({ kind: "stop" });
    clearTimeout(this.#alarm);
    this.#question?.abort();
  }

  lookAgain(): void {
    this.#take({ kind: "look-again" });
  }

  /** Rejects where there is no connection, or it breaks before the broker has the message. */
  async publish(topic: string, payload: string): Promise<void> {
    if (this.#connection === undefined) throw new Error("there is no connection");
    await this.#connection.publish(topic, payload);
  }

  #take(event: LinkEvent): void {
    const around = { now: Date.now(), server: this.#options.server, chance: Math.random() };
    const { state, effects } = linkTransition(this.#state, event, around);
    this.#state = state;
    for (const effect of effects) this.#do(effect);
    this.#options.onState(state);
  }

  #do(effect: LinkEffect): void {
    switch (effect.kind) {
      case "ask-home":
        void this.#askHome();
        return;
      case "connect":
        this.#connect(effect.place);
        return;
      case "disconnect":
        this.#connection?.close();
        this.#connection = undefined;
        return;
      case "wake":
        clearTimeout(this.#alarm);
        this.#alarm = setTimeout(() => this.#take({ kind: "woke" }), effect.afterMs);
        return;
    }
  }

  async #askHome(): Promise<void> {
    this.#question?.abort();
    const question = new AbortController();
    this.#question = question;
    const { site, homes } = this.#options;
    const place = await askHome({ site, bases: homes(), timeoutMs: askTimeoutMs, signal: question.signal });
    if (question.signal.aborted) return;
    this.#take(place === undefined ? { kind: "home-missing" } : { kind: "home-found", place });
  }

  #connect(place: Place): void {
    try {
      this.#connection = this.#opened(place);
    } catch {
      // Browsers throw for a broker in the clear when the page came over https. Not from inside of the machine's own step.
      queueMicrotask(() => this.#take({ kind: "failed", problem: "unreachable" }));
    }
  }

  #opened(place: Place): SiteConnection {
    const { clientId, filters, credentials, onMessage } = this.#options;
    const connection: SiteConnection = new SiteConnection({
      url: place.url,
      clientId,
      filters,
      ...credentials(place.kind),
      onMessage,
      onOpen: () => {
        if (this.#connection === connection) this.#take({ kind: "opened" });
      },
      onEnd: (problem) => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        this.#take({ kind: "failed", problem });
      },
    });
    return connection;
  }
}
