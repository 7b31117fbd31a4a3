import type { RemoteAddress } from "../transport/remote-address.ts";

/** What a client of ours keeps to resume its sessions, with their master secrets: for each server the newest. */
export class DtlsResumptions {
  readonly #limit: number;
  readonly #byServer = new Map<string, Uint8Array>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  find(server: RemoteAddress, name: string): Uint8Array | undefined {
    return this.#byServer.get(keyOf(server, name));
  }

  keep(server: RemoteAddress, name: string, session: Uint8Array): void {
    this.forget(server, name);
    if (this.#byServer.size >= this.#limit) {
      const [oldest] = this.#byServer;
      if (oldest !== undefined) this.#remove(...oldest);
    }
    this.#byServer.set(keyOf(server, name), session);
  }

  forget(server: RemoteAddress, name: string): void {
    const key = keyOf(server, name);
    const session = this.#byServer.get(key);
    if (session !== undefined) this.#remove(key, session);
  }

  clear(): void {
    for (const entry of this.#byServer) this.#remove(...entry);
  }

  #remove(key: string, session: Uint8Array): void {
    session.fill(0);
    this.#byServer.delete(key);
  }
}

const keyOf = (server: RemoteAddress, name: string): string => `${server.text()} ${server.port} ${name}`;
