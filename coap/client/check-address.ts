import { faults } from "../faults.ts";
import { isIpAddress } from "../transport/ip-address.ts";

/**
 * Throws `coap.bad-address` or `coap.bad-request` for what nothing can be sent to. Addresses are numbers further on, where one part too
 * large would make another address of it.
 */
export function checkAddress(address: string, port: number): void {
  if (!isIpAddress(address)) throw faults("coap.bad-address", { address });
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return;
  throw faults("coap.bad-request", { what: `${port} is no port: they are 1 to 65535` });
}
