import mqtt, { type MqttClient } from "mqtt";
import type { Problem } from "./link-machine.ts";

export interface SiteConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly user: string;
  readonly password: string;
  readonly filters: readonly string[];
  /** The broker took us and all of the filters. */
  onOpen(): void;
  /** Once, whether it was open or never came to be. */
  onEnd(problem: Problem): void;
  onMessage(topic: string, payload: Uint8Array, isRetained: boolean): void;
}

/** One connection to one broker, which never comes back by itself: where to connect next is not its to decide. */
export class SiteConnection {
  readonly #client: MqttClient;
  readonly #options: SiteConnectionOptions;
  #isOpen = false;
  #isOver = false;

  constructor(options: SiteConnectionOptions) {
    this.#options = options;
    const client = mqtt.connect(options.url, {
      clientId: options.clientId,
      username: options.user,
      password: options.password,
      protocolVersion: 4,
      clean: true,
      // So what was published and not acknowledged is never sent a second time.
      reconnectPeriod: 0,
      connectTimeout: 6_000,
      // A phone that leaves the house finds out after one and a half of these.
      keepalive: 10,
      // The other kind runs in a worker made from a blob, which a strict policy of the page forbids.
      timerVariant: "native",
    });
    this.#client = client;
    client.on("connect", () => void this.#subscribe());
    client.on("message", (topic, payload, packet) => {
      if (!this.#isOver) options.onMessage(topic, payload, packet.retain);
    });
    client.on("error", (error) => {
      const code = "code" in error ? error.code : undefined;
      // MQTT 3.1.1's "bad user name or password" and "not authorized"; 2 is an id that isn't ours.
      this.#end(code === 2 || code === 4 || code === 5 ? "refused" : "unreachable");
    });
    client.on("close", () => this.#end(this.#isOpen ? "closed" : "unreachable"));
  }

  /** Resolves when the broker has it; rejects when the connection ends before. */
  async publish(topic: string, payload: string): Promise<void> {
    if (!this.#isOpen || this.#isOver) throw new Error("there is no connection");
    await this.#client.publishAsync(topic, payload, { qos: 1 });
  }

  /** Ends it without a word to `onEnd`. */
  close(): void {
    this.#isOver = true;
    this.#client.end(!this.#isOpen);
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#client.subscribeAsync([...this.#options.filters], { qos: 1 });
    } catch {
      this.#end("refused");
      return;
    }
    if (this.#isOver) return;
    this.#isOpen = true;
    this.#options.onOpen();
  }

  #end(problem: Problem): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.end(true);
    this.#options.onEnd(problem);
  }
}
