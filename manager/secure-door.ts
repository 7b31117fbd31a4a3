import { readFileSync } from "node:fs";
import { loadAddon } from "../coap/native/addon.ts";
import type { DtlsTrust } from "../coap/security/dtls-options.ts";
import { batchTransport } from "../coap/transport/batch.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import { defineFaults } from "../kernel/fault.ts";
import type { Log } from "../kernel/log.ts";
import type { OwnAuthority } from "./adapters/certificates/own-authority.ts";
import { ServerCertificates } from "./adapters/certificates/server-certificates.ts";
import { NodeSessions } from "./adapters/coap/node-sessions.ts";
import { hostsOf } from "./certificate-hosts.ts";
import type { Settings } from "./settings.ts";

export const secureDoorFaults = defineFaults({
  "coaps.unreadable-file": {
    fault: "caller",
    message: "{file} (setting coaps.{setting}) can't be read ({reason}). Name a PEM file that the manager may read.",
  },
});

export interface SecureDoorOptions {
  readonly settings: Settings;
  readonly port: number;
  /** Makes what the manager shows nodes, where nothing was given. */
  readonly authority: OwnAuthority;
  readonly clock: Clock;
  readonly log: Log;
}

export interface SecureDoor {
  readonly transport: Transport;
  readonly sessions: NodeSessions;
  /** What it shows, while that changes. */
  readonly certificates: ServerCertificates;
}

/** Why this process can't speak DTLS; undefined: it can. */
export function dtlsProblem(): string | undefined {
  const found = loadAddon();
  return found.isThere ? undefined : found.reason;
}

/**
 * CoAP over DTLS as the settings say. Undefined where they say no, or where the native addon is missing, which is said in the log. Throws a Fault
 * when a file of theirs can't be used.
 */
export function secureDoor(options: SecureDoorOptions): SecureDoor | undefined {
  const { settings, port, authority, clock, log } = options;
  if (!settings.dtls) return undefined;
  const problem = dtlsProblem();
  if (problem !== undefined) {
    log.warn("coaps-unavailable", { reason: problem, next: "node coap/native/build.mjs" });
    return undefined;
  }
  const { coap, coaps, publicHost, limits } = settings;
  const isOwnCa = coaps.certificate === "";
  const hosts = hostsOf(publicHost, coap.host);
  const certificates = new ServerCertificates({
    ...{ door: "coaps", clock, log },
    source: isOwnCa ? { kind: "made", make: () => authority.serverCertificate(hosts) } : { kind: "given", ...coaps },
  });
  const trust = isOwnCa ? { ca: authority.ca } : givenTrust(settings);
  const sessions = new NodeSessions({
    ...{ clock, log, nodes: limits.nodes },
    certificates: { certificate: certificates.current, trust, isOwnCa },
  });
  certificates.onChange((material) => sessions.useCertificate(material));
  const address = coap.host === "localhost" ? "127.0.0.1" : coap.host;
  return { transport: batchTransport({ address, port, log }), sessions, certificates };
}

/** The CA that was given for nodes, and its revocation lists. Throws `coaps.unreadable-file`. */
export function givenTrust({ coaps }: Settings): DtlsTrust {
  const read = (setting: "ca" | "crl"): string => {
    try {
      return readFileSync(coaps[setting], "utf8");
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw secureDoorFaults("coaps.unreadable-file", { file: coaps[setting], setting, reason }, error);
    }
  };
  return { ca: read("ca"), ...(coaps.crl === "" ? {} : { crl: read("crl") }) };
}
