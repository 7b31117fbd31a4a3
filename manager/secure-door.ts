import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadAddon } from "../coap/native/addon.ts";
import { batchTransport } from "../coap/transport/batch.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import { defineFaults } from "../kernel/fault.ts";
import type { Log } from "../kernel/log.ts";
import { OwnAuthority } from "./adapters/certificates/own-authority.ts";
import { NodeSessions, type SessionCertificates } from "./adapters/coap/node-sessions.ts";
import { writeOwnFile } from "./adapters/storage/own-file.ts";
import type { NodeAuthority } from "./ports/node-authority.ts";
import type { SecretBox } from "./ports/secret-box.ts";
import type { Settings } from "./settings.ts";
import { isWildcardHost } from "./settings-rules.ts";

export const secureDoorFaults = defineFaults({
  "coaps.unreadable-file": {
    fault: "caller",
    message: "{file} (setting coaps.{setting}) can't be read ({reason}). Name a PEM file that the manager may read.",
  },
});

export interface SecureDoorOptions {
  readonly settings: Settings;
  readonly port: number;
  readonly secretBox: SecretBox;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

export interface SecureDoor {
  readonly transport: Transport;
  readonly sessions: NodeSessions;
  /** Makes certificates for nodes; undefined where the CA is given. */
  readonly authority: NodeAuthority | undefined;
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
  const authority = isGiven ? undefined : ownAuthority(options);
  const certificates = authority === undefined ? givenCertificates(settings) : ownCertificates(settings, authority);
  const sessions = new NodeSessions({ clock, log, nodes: settings.limits.nodes, certificates });
  const address = settings.coap.host === "localhost" ? "127.0.0.1" : settings.coap.host;
  return { transport: batchTransport({ address, port, log }), sessions, authority };
}

function ownAuthority({ settings, secretBox, clock, entropy }: SecureDoorOptions): OwnAuthority {
  return new OwnAuthority({
    ...{ file: join(settings.dataDir, "node-ca.json"), box: secretBox, clock, entropy },
    writeNew: (file, text) => writeOwnFile(file, text, { isNew: true }),
  });
}

function ownCertificates({ coap, publicHost }: Settings, authority: OwnAuthority): SessionCertificates {
  const named = [publicHost, isWildcardHost(coap.host) ? "" : coap.host].filter((host) => host !== "");
  // Who tries things out on one machine calls it by either.
  const hosts = new Set(
    named.flatMap((host) => (/^(127\.0\.0\.1|localhost)$/.test(host) ? ["127.0.0.1", "localhost"] : [host])),
  );
  return { certificate: authority.serverCertificate([...hosts]), trust: { ca: authority.ca }, isOwnCa: true };
}

function givenCertificates({ coaps }: Settings): SessionCertificates {
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
