import { isIP } from "node:net";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import type { BridgeLink, BridgeLinkEvents } from "./bridge.ts";
import { mqttFaults } from "./faults.ts";

export interface BridgeLinkOptions {
  /** `mqtts://HOST:PORT`, `wss://HOST:PORT/PATH`; without TLS on loopback alone. */
  readonly url: string;
  /** Client id and user name. */
  readonly user: string;
  readonly password: string;
  /** PEM of the CA that the server's certificate must be of; undefined: those that the system trusts. */
  readonly ca?: string | undefined;
  /** Seconds; default 30. */
  readonly keepAliveSeconds?: number;
}

/**
 * Opens one connection by MQTT.js, for one life: it doesn't come back by itself, and keeps nothing for later, since the bridge does both. Its session is clean, so
 * that what people asked for while there was no link isn't done later. Rejects with the reason.
 */
export function openBridgeLink(
  options: BridgeLinkOptions,
  events: BridgeLinkEvents,
  signal: AbortSignal,
): Promise<BridgeLink> {
  const { url, user, password, ca, keepAliveSeconds = 30 } = options;
  if (!isEncrypted(url) && !isHere(url)) return Promise.reject(mqttFaults("mqtt.bridge-in-the-open", { url }));
  const connection: IClientOptions = {
    ...{ clientId: user, username: user, password, clean: true, protocolVersion: 4 },
    ...{ reconnectPeriod: 0, queueQoSZero: false, resubscribe: false, keepalive: keepAliveSeconds },
    // The bridge has a deadline of its own.
    connectTimeout: 600_000,
    rejectUnauthorized: true,
    ...(ca !== undefined && { ca }),
  };
  return new Promise((resolve, reject) => {
    const client = connect(url, connection);
    const close = (): void => {
      client.removeAllListeners();
      // What MQTT.js says after its end.
      client.on("error", () => {});
      client.end(true);
    };
    let reason = "closed";
    const failed = (): void => {
      close();
      reject(new Error(reason));
    };
    const gone = (): void => failed();
    client.on("error", (error) => {
      reason = reasonOf(error);
    });
    client.once("close", failed);
    signal.addEventListener("abort", gone, { once: true });
    client.once("connect", () => {
      signal.removeEventListener("abort", gone);
      client.removeListener("close", failed);
      client.once("close", () => {
        close();
        events.closed(reason);
      });
      client.on("message", (topic, payload, packet) => events.message(topic, payload, packet.retain));
      resolve(linkOver(client, close));
    });
  });
}

function linkOver(client: MqttClient, close: () => void): BridgeLink {
  return {
    subscribe: async (filters) => {
      const granted = await client.subscribeAsync([...filters], { qos: 1 });
      const refused = granted.find(({ qos }) => qos === 128);
      if (refused !== undefined) throw new Error(`not granted: ${refused.topic}`);
    },
    publish: async (topic, payload, retain) => {
      await client.publishAsync(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.length), {
        ...{ qos: 1, retain },
      });
    },
    close,
  };
}

function reasonOf(error: Error): string {
  return "code" in error && error.code !== undefined ? `${error.message} (${String(error.code)})` : error.message;
}

function isEncrypted(url: string): boolean {
  return /^(mqtts|wss):/.test(url);
}

function isHere(url: string): boolean {
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, "") : "";
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}
