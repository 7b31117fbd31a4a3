import type { PeerIdentity } from "../../../coap/route.ts";
import { type DtlsSecurity, dtlsSecurity } from "../../../coap/security/dtls.ts";
import { dtlsLimits } from "../../../coap/security/dtls-limits.ts";
import type { DtlsCredential, DtlsTrust } from "../../../coap/security/dtls-options.ts";
import { RemoteAddress } from "../../../coap/transport/remote-address.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { Keyring } from "../../app/api/credentials.ts";
import type { OperatorKeyring } from "../../app/api/operators.ts";
import { certifiedNode } from "../../app/certified-node.ts";
import type { NodePath } from "../../ports/node-caller.ts";

/** What the manager shows nodes that come with a certificate, and whose certificates it takes. */
export interface SessionCertificates {
  readonly certificate: { readonly cert: string; readonly key: string };
  readonly trust: DtlsTrust;
  /** The CA is the manager's own: each certificate's serial number says which credential it is. */
  readonly isOwnCa: boolean;
}

export interface NodeSessionsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sessions of so many nodes; the one that was silent for longest goes for the next. */
  readonly nodes: number;
  /** Undefined: pre-shared keys alone. */
  readonly certificates?: SessionCertificates | undefined;
}

/** A node has one; those that it had before a reboot are silent, and go first. */
const sessionsPerIdentity = 8;

/**
 * The DTLS sessions of nodes: who they are comes from the app's keyring, when a handshake finishes and when a session is resumed, and a
 * session is over in the turn in which the keys that it began with are revoked.
 */
export class NodeSessions {
  readonly security: DtlsSecurity;
  readonly #isOwnCa: boolean;
  readonly #at = new RemoteAddress();
  #keyring: Keyring | undefined;
  #operators: OperatorKeyring | undefined;
  /** Serial numbers of a given CA's certificates that nodes came with, by node: the list that names one ends its session. */
  readonly #serials = new Map<string, string>();
  #unknown = 0;
  #revoked = 0;

  /** Throws `coap.dtls-unavailable`, `coap.dtls-credentials`. */
  constructor({ clock, log, nodes, certificates }: NodeSessionsOptions) {
    const { max } = dtlsLimits.definitions.sessions;
    this.#isOwnCa = certificates?.isOwnCa === true;
    this.security = dtlsSecurity({
      ...{ clock, log, limits: { sessions: Math.min(nodes, max), sessionsPerIdentity } },
      server: {
        pskOf: (identity) => this.#keyOf(identity),
        identityOf: (credential) => this.#identityOf(credential),
      },
      ...(certificates && { certificate: certificates.certificate, trust: certificates.trust }),
    });
  }

  /** Where the keys are; the use cases are made after the endpoint that they call nodes with. */
  bind(keyring: Keyring, operators?: OperatorKeyring): void {
    this.#keyring = keyring;
    this.#operators = operators;
    operators?.onRevoked((_kid, operator) => {
      this.#revoked += this.security.revoke(operator, "operator");
    });
    keyring.onRevoked((_kid, node, wasUsed) => {
      // Keys that nobody used have no session; that of the others goes on.
      if (wasUsed) this.#revoked += this.security.revoke(node, "node");
    });
  }

  /** Other lists of a given CA: handshakes are held to them from now on, and whom they name is gone. Throws `coap.dtls-credentials`. */
  useTrust(trust: DtlsTrust, revoked: ReadonlySet<string>): void {
    this.security.trust(trust);
    for (const [node, serial] of this.#serials) {
      if (!revoked.has(serial)) continue;
      this.#serials.delete(node);
      this.#revoked += this.security.revoke(node, "node");
    }
  }

  /** Another certificate of the manager's, for handshakes from now on. Throws `coap.dtls-credentials`. */
  useCertificate(certificate: SessionCertificates["certificate"]): void {
    this.security.certificate(certificate);
  }

  /** Whether that node has a session at that address: a call there reaches it and nobody else. */
  has(node: string, { address, port, family }: NodePath): boolean {
    this.#at.set(address, port, family);
    const identity = this.security.identityAt(this.#at);
    return identity !== undefined && identity.kind === "node" && identity.id === node;
  }

  /** What the engine counted, and what only this knows. */
  counters(): Readonly<Record<string, number>> {
    return { ...this.security.counters(), pskIdentitiesUnknown: this.#unknown, sessionsRevoked: this.#revoked };
  }

  #keyOf(identity: string): Uint8Array | undefined {
    const secrets = this.#keyring?.ofPsk(identity)?.secrets;
    if (secrets?.scheme === "psk") return secrets.key;
    this.#unknown++;
    return undefined;
  }

  #identityOf(credential: DtlsCredential): PeerIdentity | undefined {
    const keyring = this.#keyring;
    if (keyring === undefined) return undefined;
    if (credential.scheme === "x509" && this.#isOwnCa) {
      const operator = this.#operators?.certified(credential);
      if (operator !== undefined) return { kind: "operator", id: operator, scheme: "x509" };
    }
    const entry =
      credential.scheme === "psk"
        ? keyring.ofPsk(credential.identity)
        : certifiedNode(keyring, credential, this.#isOwnCa);
    // Keys that nobody used have no session to end when they are replaced, so one that is being replaced begins none.
    if (entry === undefined || !keyring.used(entry.kid)) return undefined;
    if (credential.scheme === "x509" && !this.#isOwnCa) this.#serials.set(entry.node, serialDigits(credential.serial));
    return { kind: "node", id: entry.node, scheme: credential.scheme };
  }
}

/** Lower-case hexadecimal without leading zeros. */
function serialDigits(serial: Uint8Array): string {
  return toHex(serial).replace(/^0+(?=.)/, "");
}
