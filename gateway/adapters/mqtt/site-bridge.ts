import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { Bridge, type BridgeCounters } from "../../../mqtt/bridge.ts";
import type { BridgeLimits } from "../../../mqtt/bridge-limits.ts";
import { openBridgeLink } from "../../../mqtt/bridge-link.ts";
import { SiteTopics, siteId } from "../../../schemas/wire/site-topics.ts";
import { gatewayUser } from "../../../schemas/wire/site-users.ts";
import { bridgeWay } from "../../domain/bridge-way.ts";

export interface SiteBridgeOptions {
  readonly site: string;
  /** `mqtts://HOST:PORT` or `wss://HOST:PORT/PATH`. */
  readonly url: string;
  readonly secret: string;
  /** PEM; undefined: the CAs that the system trusts. */
  readonly ca?: string | undefined;
  readonly root?: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits?: { readonly [Name in keyof BridgeLimits]?: number | undefined };
  /** A phone that is away asks for something. Not retained, of this site, on a topic that people ask on; its payload is as it came. */
  asked(topic: string, payload: Uint8Array): void;
  /** The household's owner wants last values kept at the server broker. */
  retains(): boolean;
  onLink?(isUp: boolean): void;
}

/** Joins the local broker with the household's place at the server broker, as `bridgeWays` says. */
export class SiteBridge {
  readonly #bridge: Bridge;

  constructor(options: SiteBridgeOptions) {
    const { site, url, secret, ca, root, asked, ...rest } = options;
    const topics = new SiteTopics(root);
    this.#bridge = new Bridge({
      ...rest,
      wayOf: (topic) => bridgeWay(topics, site, topic),
      subscribe: topics.toGateway(siteId(site)),
      open: (events, signal) => openBridgeLink({ url, user: gatewayUser(site), password: secret, ca }, events, signal),
      deliver: asked,
    });
  }

  get isUp(): boolean {
    return this.#bridge.isUp;
  }

  get waiting(): number {
    return this.#bridge.waiting;
  }

  counters(): Readonly<BridgeCounters> {
    return this.#bridge.counters();
  }

  /** Whatever is said on the local broker, by the gateway itself too; what doesn't go out stays. The payload must not change. */
  said(topic: string, payload: Uint8Array, isRetained: boolean): void {
    this.#bridge.offer(topic, payload, isRetained);
  }

  start(): void {
    this.#bridge.start();
  }

  stop(): void {
    this.#bridge.stop();
  }
}
