import { type Log, silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { CoapEndpoint, type CoapEndpointOptions } from "../endpoint.ts";
import { batchTransport } from "../transport/batch.ts";
import type { DgramTransportOptions } from "../transport/dgram.ts";

export interface EndpointOptions extends Partial<CoapEndpointOptions> {
  /** IP address to bind; `0.0.0.0` and `::` are all there are. Default 127.0.0.1. */
  readonly address?: string | undefined;
  /** UDP port; default 0: one that is free. Servers take 5683, with DTLS 5684. */
  readonly port?: number | undefined;
  /** Groups to answer on, such as `224.0.1.187`, and the interfaces for them (default every one). */
  readonly multicast?: DgramTransportOptions["multicast"];
}

/**
 * An endpoint, client and server in one, on the machine's own UDP, clock and randomness; add routes, then `start()`. Datagrams go by the
 * native addon where it is there, else by node:dgram: the log hears of that, or without a log the process as a warning. Any part can be
 * given instead, as to `CoapEndpoint`.
 */
export function createEndpoint(options: EndpointOptions = {}): CoapEndpoint {
  const { address = "127.0.0.1", port = 0, multicast, log, ...parts } = options;
  return new CoapEndpoint({
    ...parts,
    log: log ?? silentLog,
    clock: parts.clock ?? systemClock,
    entropy: parts.entropy ?? systemEntropy,
    transport: parts.transport ?? batchTransport({ address, port, multicast, log: log ?? processWarnings }),
  });
}

/** For what nobody may miss who gave no log: to stderr, and away by `--disable-warning=coap-addon-missing`. */
const processWarnings: Log = {
  ...silentLog,
  warn: (event, data = {}) => {
    const words = Object.values(data).join(". ");
    process.emitWarning(words, { type: "CoapWarning", code: event });
  },
};
