import { Bonjour } from "bonjour-service";

/** Listens for the manager's mDNS announcement as any program of the network would; resolves with the service's name. */
export function hearAnnouncement(port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // Bound to every address, since a socket bound to one gets no multicast on Linux.
    const listener = new Bonjour({ interface: "127.0.0.1", bind: "0.0.0.0" } as object);
    const browser = listener.find({ type: "coap", protocol: "udp" });
    const end = (name?: string): void => {
      clearTimeout(timer);
      browser.stop();
      listener.destroy();
      if (name === undefined)
        reject(new Error(`no mDNS announcement of port ${port} was heard in ${timeoutMs / 1000} s`));
      else resolve(name);
    };
    const timer = setTimeout(() => end(), timeoutMs);
    browser.on("up", (service: { name: string; port: number; txt?: Record<string, string> }) => {
      if (service.port === port && service.txt?.["rt"] === "coxswain.manager") end(`${service.name}._coap._udp`);
    });
  });
}
