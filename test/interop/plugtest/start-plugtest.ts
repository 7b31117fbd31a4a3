import type { CoapEndpointOptions } from "../../../coap/endpoint.ts";
import { loadAddon } from "../../../coap/native/addon.ts";
import { dtlsSecurity } from "../../../coap/security/dtls.ts";
import { batchTransport } from "../../../coap/transport/batch.ts";
import type { LocalAddress } from "../../../coap/transport/transport.ts";
import { Fault } from "../../../kernel/fault.ts";
import type { Log } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";
import { addBlockResources } from "./block-resources.ts";
import { addCoreResources } from "./core-resources.ts";
import { addLinkResources } from "./link-resources.ts";
import { addObserveResources } from "./observe-resources.ts";
import { addOscoreResources, plugtestContexts } from "./oscore-resources.ts";
import { PlugtestSite } from "./plugtest-site.ts";

export interface PlugtestOptions {
  /** Absent: loopback by IPv4, and by IPv6 where the machine has it. */
  readonly addresses?: readonly string[] | undefined;
  /** DTLS is on the port after it; with 0 the system picks both. */
  readonly port: number;
  readonly log: Log;
  /** How often `/obs` changes by itself; default the 5 seconds of the plugtests. */
  readonly changesEveryMs?: number | undefined;
}

export interface Plugtest {
  readonly coap: readonly LocalAddress[];
  /** Empty where the native addon isn't built. */
  readonly coaps: readonly LocalAddress[];
  /** Why there is no DTLS. */
  readonly noDtls: string | undefined;
  stop(): Promise<void>;
}

const loopback: readonly string[] = ["127.0.0.1", "::1"];
/** The pair that the ETSI plugtests agreed on. */
const psk = { identity: "password", key: new TextEncoder().encode("sesame") };

/** Starts the plugtest server; rejects with `coap.port-in-use` or `coap.bind-failed`, and leaves nothing open then. */
export async function startPlugtest(options: PlugtestOptions): Promise<Plugtest> {
  const { addresses = loopback, port, log, changesEveryMs = 5000 } = options;
  const site = new PlugtestSite(systemClock);
  addCoreResources(site);
  addBlockResources(site);
  addObserveResources(site, changesEveryMs);
  addLinkResources(site);
  addOscoreResources(site);
  const coap: LocalAddress[] = [];
  const coaps: LocalAddress[] = [];
  const addon = loadAddon();
  const open = async (
    address: string,
    at: number,
    more: Pick<CoapEndpointOptions, "security" | "oscore"> = {},
  ): Promise<LocalAddress> => {
    const transport = batchTransport({ address, port: at, log });
    // A checker waits for the empty ACK of a separate answer, so it goes out at once.
    const limits = { separateAfterMs: 1 };
    // Checkers speak no Echo, and ask from this machine anyway.
    const common = { transport, entropy: systemEntropy, log, limits, amplification: "none" } as const;
    const endpoint = await site.open({ ...common, ...more });
    return endpoint.address();
  };
  try {
    for (const address of addresses) {
      const isOptional = addresses === loopback && coap.length > 0;
      const opened = await open(address, port, { oscore: plugtestContexts(systemEntropy, log) }).catch(
        (error: unknown) => {
          if (isOptional && error instanceof Fault && error.code === "coap.bind-failed") return undefined;
          throw error;
        },
      );
      if (opened === undefined) continue;
      coap.push(opened);
      if (!addon.isThere) continue;
      const security = dtlsSecurity({
        clock: systemClock,
        log,
        server: {
          pskOf: (identity) => (identity === psk.identity ? psk.key : undefined),
          identityOf: (credential) =>
            credential.scheme === "psk"
              ? { kind: "operator", id: credential.identity, scheme: credential.scheme }
              : undefined,
        },
      });
      coaps.push(await open(address, port === 0 ? 0 : port + 1, { security }));
    }
  } catch (error) {
    await site.stop();
    throw error;
  }
  return { coap, coaps, noDtls: addon.isThere ? undefined : addon.reason, stop: () => site.stop() };
}
