import { CoapEndpoint } from "../../coap/endpoint.ts";
import { type DtlsSecurity, dtlsSecurity } from "../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

export interface DtlsEndpoint {
  readonly endpoint: CoapEndpoint;
  readonly dtls: DtlsSecurity;
  readonly port: number;
  /** What `/who` answered. */
  readonly asked: string[];
}

/** An endpoint of ours over DTLS, started, with `/who`, which says who asks and by which scheme. */
export async function dtlsEndpoint(options: Partial<DtlsOptions>, address = "127.0.0.1"): Promise<DtlsEndpoint> {
  const dtls = dtlsSecurity({ clock: systemClock, log: silentLog, ...options });
  const asked: string[] = [];
  const endpoint = new CoapEndpoint({
    transport: batchTransport({ address, port: 0, log: silentLog }),
    security: dtls,
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  endpoint.route({
    method: "GET",
    path: "/who",
    replay: "again",
    answer({ peer: { identity } }, reply) {
      const who = identity.kind === "none" ? "nobody" : `${identity.id} ${identity.scheme}`;
      asked.push(who);
      reply.payload = new TextEncoder().encode(who);
    },
  });
  await endpoint.start();
  return { endpoint, dtls, port: endpoint.address().port, asked };
}
