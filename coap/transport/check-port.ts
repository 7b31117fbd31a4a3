import { faults } from "../faults.ts";

/** Sockets take the lower 16 bits, or the whole part, of what is no port, and would be bound to another one without a word. */
export function checkPort(address: string, port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return;
  throw faults("coap.bind-failed", { address, port, reason: "a port is a whole number from 0 to 65535" });
}
