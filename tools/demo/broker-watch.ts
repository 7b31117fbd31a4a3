import { connect, type MqttClient } from "mqtt";

/** What an outside observer reads at the broker about one node. */
export type Sight =
  | { readonly kind: "availability"; readonly node: string; readonly value: string; readonly isRetained: boolean }
  | { readonly kind: "start"; readonly node: string }
  | { readonly kind: "progress"; readonly node: string; readonly percent: number };

export interface BrokerWatchOptions {
  /** `mqtts://HOST:PORT` */
  readonly url: string;
  /** PEM of the CA that the broker's certificate must be of. */
  readonly ca: string;
  readonly password: string;
  seen(sight: Sight): void;
}

/** Watches the broker as any MQTT program may that an operator gave the observer's password: it reads, and writes nothing. */
export class BrokerWatch {
  readonly #options: BrokerWatchOptions;
  readonly #asked = new Set<string>();
  #client: MqttClient | undefined;

  constructor(options: BrokerWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { url, ca, password } = this.#options;
    const client = connect(url, {
      ...{ clientId: "_observer", username: "_observer", password, ca, reconnectPeriod: 500, connectTimeout: 5000 },
    });
    this.#client = client;
    client.on("message", (topic, payload, { retain }) => this.#take(topic, payload, retain));
    await new Promise<void>((resolve, reject) => {
      client.once("connect", () => resolve());
      client.once("error", (error) => reject(new Error(`the broker didn't let the observer in: ${error.message}`)));
    });
    client.on("error", () => {});
    await client.subscribeAsync(["availability", "ota/start", "ota/progress"].map((tail) => `cx/nodes/+/${tail}`));
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  #take(topic: string, payload: Buffer, isRetained: boolean): void {
    const [, , node = "", ...tail] = topic.split("/");
    const text = payload.toString();
    if (tail[0] === "availability") {
      this.#options.seen({ kind: "availability", node, value: text, isRetained });
      if (!isRetained && text === "maintenance") this.#askRetained(topic);
    } else if (tail[1] === "start") this.#options.seen({ kind: "start", node });
    else {
      const { percent = 0 } = JSON.parse(text) as { percent?: number };
      this.#options.seen({ kind: "progress", node, percent });
    }
  }

  /** Whoever subscribes gets what is retained: that is how it shows that it is. */
  #askRetained(topic: string): void {
    if (this.#asked.has(topic)) return;
    this.#asked.add(topic);
    this.#client?.subscribe(topic, () => {});
  }
}
