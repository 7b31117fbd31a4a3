import { networkInterfaces } from "node:os";
import { Bonjour, type Service } from "bonjour-service";
import type { Log } from "../../../kernel/log.ts";

export interface MdnsAnnouncementOptions {
  /** Shown in lists of services. */
  readonly name: string;
  /** Where the CoAP endpoint listens; called at the start, when a port chosen by the system is known. */
  port(): number;
  /** IPv4 address of the interface to announce on; undefined: every interface that leads somewhere. */
  readonly address: string | undefined;
  readonly log: Log;
}

/** What multicast-dns emits and bonjour-service leaves to whoever listens: without a listener an error ends the process. */
interface Emitter {
  on(event: "error" | "warning", listener: (error: Error) => void): void;
}

/**
 * Announces the manager as `_coap._udp` with TXT `rt=coxswain.manager`, for nodes whose network has no multicast CoAP. A network that
 * doesn't take it (port 5353 taken, no multicast) is said once and never stops the manager.
 */
export class MdnsAnnouncement {
  readonly #options: MdnsAnnouncementOptions;
  #bonjour: Bonjour | undefined;

  constructor(options: MdnsAnnouncementOptions) {
    this.#options = options;
  }

  start(): void {
    const { name, address, log } = this.#options;
    const port = this.#options.port();
    let failures = 0;
    const failed = (error: Error): void => {
      if (failures++ === 0) log.warn("mdns-announcement-failed", { reason: error.message });
    };
    try {
      // Bound to every address, since a socket that is bound to one gets no multicast; the membership and the outgoing
      // interface keep it to the one that was chosen.
      const socket = { bind: "0.0.0.0", ...(address === undefined ? {} : { interface: address }) };
      const bonjour = new Bonjour(socket as object, failed);
      const { mdns } = (bonjour as unknown as { server: { mdns: Emitter } }).server;
      mdns.on("error", failed);
      // Other programs' malformed packets are warnings too; only what the system refused is ours to tell.
      mdns.on("warning", (error) => {
        if ("syscall" in error) failed(error);
      });
      const txt = { rt: "coxswain.manager" };
      const service = bonjour.publish({ name, type: "coap", protocol: "udp", port, txt, disableIPv6: true });
      if (address !== undefined) announceOnly(service, address);
      this.#bonjour = bonjour;
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Says goodbye, so that nobody keeps the announcement for its whole lifetime. */
  async stop(): Promise<void> {
    const bonjour = this.#bonjour;
    this.#bonjour = undefined;
    if (bonjour === undefined) return;
    await new Promise<void>((resolve) => {
      bonjour.unpublishAll(() => bonjour.destroy(() => resolve()));
    });
  }
}

/** The library announces the addresses of every outside interface; a manager that listens on one has only that. */
function announceOnly(service: Service, address: string): void {
  const all = service.records.bind(service);
  service.records = () => [
    ...all().filter((each) => each.type !== "A" && each.type !== "AAAA"),
    { name: service.host, type: "A", ttl: 120, data: address },
  ];
}

/** The first IPv4 address of an interface, by its name or by an address that it has; undefined when there is none. */
export function interfaceAddress(nameOrAddress: string): string | undefined {
  const interfaces = networkInterfaces();
  const found =
    interfaces[nameOrAddress] ??
    Object.values(interfaces).find((each) => each?.some(({ address }) => address === nameOrAddress));
  return found?.find(({ family }) => family === "IPv4")?.address;
}

/** The name of the interface that has the address; loopback's for any 127 address. */
export function interfaceName(address: string): string | undefined {
  const isLoopback = address.startsWith("127.") || address === "::1" || address === "localhost";
  return Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some((each) => each.address === address || (isLoopback && each.internal)),
  )?.[0];
}
