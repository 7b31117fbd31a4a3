import { networkInterfaces } from "node:os";
import { faults } from "../faults.ts";

export interface NetworkInterface {
  readonly name: string;
  readonly ipv4: string | undefined;
}

/** An interface by name or by its IPv4 address. Throws `coap.group-failed` when there is none such. */
export function networkInterface(nameOrAddress: string): NetworkInterface {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const ipv4 = addresses?.find((entry) => entry.family === "IPv4");
    const isIt = name === nameOrAddress || addresses?.some((entry) => entry.address === nameOrAddress) === true;
    if (isIt)
      return { name, ipv4: ipv4?.address === undefined || name === nameOrAddress ? ipv4?.address : nameOrAddress };
  }
  throw faults("coap.group-failed", { group: "any", interface: nameOrAddress, reason: "there is no such interface" });
}
