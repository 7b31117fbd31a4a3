import type { Clock } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import type { OwnAuthority } from "./adapters/certificates/own-authority.ts";
import { ServerCertificates } from "./adapters/certificates/server-certificates.ts";
import { hostsOf } from "./certificate-hosts.ts";
import type { Settings } from "./settings.ts";
import { isLoopbackHost } from "./settings-rules.ts";

export interface TlsDoor {
  readonly host: string;
  readonly port: number;
}

/** Where TLS is spoken, and with which certificate. */
export interface TlsDoors {
  readonly certificates: ServerCertificates;
  /** HTTPS, and MQTT over WebSocket. */
  readonly https: TlsDoor | undefined;
  readonly mqtts: TlsDoor | undefined;
  /** PEM of the CA of the certificate; undefined: it was given. */
  readonly nodeCa: string | undefined;
}

/** Which listeners of TLS the settings ask for: with `auto` those whose open port can be reached from elsewhere. */
export function tlsAsked({ tls, insecure, http, mqtt }: Settings): {
  readonly https: boolean;
  readonly mqtts: boolean;
} {
  const isFor = (host: string): boolean =>
    tls.mode === "on" || (tls.mode === "auto" && !insecure && !isLoopbackHost(host));
  return { https: isFor(http.host), mqtts: isFor(mqtt.host) };
}

/** Undefined where the settings ask for no TLS. Throws `tls.bad-certificate`. */
export function tlsDoors(options: {
  readonly settings: Settings;
  readonly ports: { readonly https: number; readonly mqtts: number };
  readonly authority: OwnAuthority;
  readonly clock: Clock;
  readonly log: Log;
}): TlsDoors | undefined {
  const { settings, ports, authority, clock, log } = options;
  const { tls, http, mqtt, publicHost } = settings;
  const asked = tlsAsked(settings);
  if (!asked.https && !asked.mqtts) return undefined;
  const hosts = hostsOf(publicHost, http.host, mqtt.host);
  const make = (): { cert: string; key: string } => {
    const { cert, key } = authority.serverCertificate(hosts);
    // With the CA, so that who knows its fingerprint alone can find it.
    return { cert: `${cert}${authority.ca}`, key };
  };
  const certificates = new ServerCertificates({
    ...{ door: "tls", clock, log },
    source: tls.certificate === "" ? { kind: "made", make } : { kind: "given", ...tls },
  });
  return {
    certificates,
    https: asked.https ? { host: http.host, port: ports.https } : undefined,
    mqtts: asked.mqtts ? { host: mqtt.host, port: ports.mqtts } : undefined,
    nodeCa: tls.certificate === "" ? authority.ca : undefined,
  };
}
