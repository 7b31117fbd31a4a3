import type { Target } from "../coap/client-types.ts";
import { CoapEndpoint, type CoapEndpointOptions } from "../coap/endpoint.ts";
import type { CoapRequest, PeerIdentity } from "../coap/route.ts";
import { dtlsSecurity } from "../coap/security/dtls.ts";
import { OscoreContexts } from "../coap/security/oscore/oscore-contexts.ts";
import type { SequenceLeases } from "../coap/security/oscore/sequence-leases.ts";
import type { Transport } from "../coap/transport/transport.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import { agentFaults } from "./agent-faults.ts";
import type { ManagerAddress } from "./manager-address.ts";
import type { NodeCredentials } from "./node-credentials.ts";

export interface ManagerEndpointOptions {
  /** With `host` as an IP address. */
  readonly manager: ManagerAddress;
  /** What its certificate must be for; default the address. */
  readonly serverName?: string | undefined;
  /** Undefined: nothing is secured, for a manager under `--insecure`. */
  readonly credentials: NodeCredentials | undefined;
  /** Where OSCORE's sequence numbers are written ahead. They belong to the credentials, and must outlive a loss of power. */
  readonly leases: SequenceLeases;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits?: CoapEndpointOptions["limits"];
}

export interface ManagerEndpoint {
  readonly endpoint: CoapEndpoint;
  readonly manager: Target;
  readonly isOpen: boolean;
  isManager(this: void, request: CoapRequest): boolean;
}

const managerIdentity = { kind: "operator", id: "manager", scheme: "oscore" } as const satisfies PeerIdentity;

/**
 * The endpoint of a node, on its one association with the manager: DTLS for `coaps`, else OSCORE where the credentials have it, else none.
 * Throws `agent.bad-credentials` when they have nothing for that address.
 */
export function managerEndpoint(options: ManagerEndpointOptions): ManagerEndpoint {
  const { manager, credentials, transport, clock, entropy, log, leases, limits } = options;
  const common = { transport, clock, entropy, log, limits };
  const at = { address: manager.host, port: manager.port };
  const isThere = ({ peer }: CoapRequest): boolean => peer.address === at.address && peer.port === at.port;
  if (manager.isDtls) {
    const { psk, certificate } = credentials ?? {};
    if (psk === undefined && certificate === undefined) {
      throw agentFaults("agent.bad-credentials", {
        reason: "there are no keys for DTLS in them, and the manager is coaps.",
      });
    }
    const security = dtlsSecurity({
      clock,
      log,
      client: { ...(psk !== undefined && { psk }), serverName: () => options.serverName ?? manager.host },
      ...(certificate !== undefined && {
        certificate: { cert: certificate.cert, key: certificate.key },
        trust: { ca: certificate.ca },
      }),
    });
    // Only sessions that we opened are there, so who comes from that address proved to be the manager.
    return { endpoint: new CoapEndpoint({ ...common, security }), manager: at, isOpen: false, isManager: isThere };
  }
  if (credentials === undefined) {
    return { endpoint: new CoapEndpoint(common), manager: at, isOpen: true, isManager: isThere };
  }
  const { oscore } = credentials;
  if (oscore === undefined) {
    throw agentFaults("agent.bad-credentials", {
      reason: "there are no keys for OSCORE in them, and the manager is coap.",
    });
  }
  const contexts = new OscoreContexts({ entropy, log, leases });
  const context = contexts.add(oscore, { identity: managerIdentity });
  return {
    endpoint: new CoapEndpoint({ ...common, oscore: contexts }),
    manager: { ...at, oscore: context },
    isOpen: false,
    isManager: ({ peer: { identity } }) => identity.kind === "operator" && identity.id === managerIdentity.id,
  };
}
