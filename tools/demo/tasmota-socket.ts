import { connect, type MqttClient } from "mqtt";

const tellEveryMs = 2000;

export interface TasmotaSocketOptions {
  /** The household's broker, `mqtt://HOST:PORT`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** Of its topics: `cmnd/<topic>/POWER`. */
  readonly topic: string;
  /** What hangs on it, W. */
  readonly watts: number;
}

/** A smart socket that speaks as Tasmota does. */
export class TasmotaSocket {
  readonly #options: TasmotaSocketOptions;
  #client: MqttClient | undefined;
  #telling: ReturnType<typeof setInterval> | undefined;
  #isOn: boolean = false;

  constructor(options: TasmotaSocketOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { url, user, password, topic } = this.#options;
    const client = connect(url, { clientId: user, username: user, password, reconnectPeriod: 500 });
    this.#client = client;
    client.on("error", () => {});
    client.on("message", (_, payload) => {
      const word = payload.toString();
      if (word === "ON" || word === "OFF") this.#isOn = word === "ON";
      this.#tell();
    });
    client.on("connect", () => {
      client.publish(`tele/${topic}/LWT`, "Online");
      client.subscribe(`cmnd/${topic}/POWER`, () => this.#tell());
    });
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    this.#telling = setInterval(() => this.#tell(), tellEveryMs);
  }

  async stop(): Promise<void> {
    clearInterval(this.#telling);
    await this.#client?.endAsync(true);
  }

  #tell(): void {
    const { topic, watts } = this.#options;
    const word = this.#isOn ? "ON" : "OFF";
    this.#client?.publish(`stat/${topic}/RESULT`, JSON.stringify({ POWER: word }));
    this.#client?.publish(`stat/${topic}/POWER`, word);
    const energy = { ENERGY: { Power: this.#isOn ? watts : 0 } };
    this.#client?.publish(`tele/${topic}/SENSOR`, JSON.stringify(energy));
  }
}
