import { readFileSync } from "node:fs";
import { loadAddon } from "../coap/native/addon.ts";
import { batchTransport } from "../coap/transport/batch.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import { defineFaults } from "../kernel/fault.ts";
import type { Log } from "../kernel/log.ts";
import type { OwnAuthority } from "./adapters/certificates/own-authority.ts";
import { NodeSessions, type SessionCertificates } from "./adapters/coap/node-sessions.ts";
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
  const { settings, port, clock, log } = options;
  if (!settings.dtls) return undefined;
  const problem = dtlsProblem();
  if (problem !== undefined) {
    log.warn("coaps-unavailable", { reason: problem, next: "node coap/native/build.mjs" });
    return undefined;
  }
  const isGiven = settings.coaps.certificate !== "";
  const certificates = isGiven ? givenCertificates(settings) : ownCertificates(settings, options.authority);
  const sessions = new NodeSessions({ clock, log, nodes: settings.limits.nodes, certificates });
  const address = settings.coap.host === "localhost" ? "127.0.0.1" : settings.coap.host;
  return { transport: batchTransport({ address, port, log }), sessions };
}

function ownCertificates({ coap, publicHost }: Settings, authority: OwnAuthority): SessionCertificates {
  const hosts = hostsOf(publicHost, coap.host);
  return { certificate: authority.serverCertificate([...hosts]), trust: { ca: authority.ca }, isOwnCa: true };
}

export function givenCertificates({ coaps }: Settings): SessionCertificates {
  const read = (setting: "certificate" | "key" | "ca" | "crl"): string => {
    try {
      return readFileSync(coaps[setting], "utf8");
    } catch (error) {
      const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw secureDoorFaults("coaps.unreadable-file", { file: coaps[setting], setting, reason }, error);
    }
  };
  return {
    certificate: { cert: read("certificate"), key: read("key") },
    trust: { ca: read("ca"), ...(coaps.crl === "" ? {} : { crl: read("crl") }) },
    isOwnCa: false,
  };
}
