import type { Duplex } from "node:stream";
import { SiteDoor, type SiteDoorOptions } from "../../gateway/adapters/http/site-door.ts";
import { silentLog } from "../../kernel/log.ts";
import { readAppFiles } from "../../kernel/system/app-files.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import type { PublishedMessage } from "../../mqtt/published-batch.ts";
import { encodeJson } from "../../schemas/wire/codec.ts";
import { SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";

export interface AppDoorOptions {
  /** The phone's household. */
  readonly site: string;
  /** Whose door it says to be. */
  readonly says: string;
  /** Where the built app lies. */
  readonly app: string;
  readonly phone: { readonly id: string; readonly password: string };
  /** What https shows, where it is spoken. */
  readonly material?: (() => { readonly cert: string; readonly key: string }) | undefined;
  onPublished(message: PublishedMessage): void;
}

/** The gateway's own door with a broker behind it, which can close and open again on the same ports. */
export class AppDoor {
  readonly broker: Broker;
  readonly #options: AppDoorOptions;
  readonly #streams = new Set<Duplex>();
  #door: SiteDoor | undefined;
  #ports: { readonly http: number; readonly https?: number } = { http: 0 };

  constructor(options: AppDoorOptions) {
    this.#options = options;
    this.broker = new Broker({
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      limits: { batchDelayMs: 0 },
      onPublished: (batch) => {
        for (const message of batch) options.onPublished(message);
      },
    });
    const { id, password } = options.phone;
    const rights = new SiteTopics().rightsOfPhone(siteId(options.site));
    this.broker.setCredentials([{ clientId: phoneUser(options.site, id), password, ...rights }]);
  }

  /** Where the page is: by https where that is spoken. */
  get base(): string {
    const { http, https } = this.#ports;
    return https === undefined ? `http://127.0.0.1:${http}` : `https://127.0.0.1:${https}`;
  }

  async open(): Promise<void> {
    const { app, says, material } = this.#options;
    const host = "127.0.0.1";
    const https: SiteDoorOptions["https"] = material && { host, port: this.#ports.https ?? 0, material };
    await this.broker.start();
    this.#door = new SiteDoor({
      http: { host, port: this.#ports.http },
      https,
      app: readAppFiles(app),
      home: () => encodeJson("site-home", { site: says, mqttPath: "/mqtt" }),
      attach: (stream) => this.#attach(stream),
      log: silentLog,
    });
    await this.#door.start();
    this.#ports = this.#door.ports()!;
  }

  /** As if the cable were pulled: everything breaks at once. Retained messages stay. */
  async close(): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await this.#door?.stop();
    this.#door = undefined;
    await this.broker.stop();
  }

  #attach(stream: Duplex): void {
    this.#streams.add(stream);
    stream.on("error", () => {});
    stream.on("close", () => this.#streams.delete(stream));
    this.broker.attach(stream);
  }
}
