import { CoapEndpoint } from "../../coap/endpoint.ts";
import { type DtlsSecurity, dtlsSecurity } from "../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { type MemoryDatagram, MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { goodKey, pskServer } from "./dtls-harness.ts";

export interface Party {
  readonly endpoint: CoapEndpoint;
  readonly dtls: DtlsSecurity;
  readonly counters: Readonly<Record<string, number>>;
}

/** Endpoints with DTLS on one memory network and one virtual clock. The server is 10.0.0.1:5684; `/who` says whom it takes one for. */
export class DtlsWorld {
  readonly clock = new VirtualClock();
  readonly network: MemoryNetwork;
  /** Every datagram, in the order in which they were sent. */
  readonly sent: MemoryDatagram[] = [];
  /** What `/who` answered, on all parties. */
  readonly asked: string[] = [];
  /** Something of a handshake gets lost or overtaken; `retransmitMs` should be short then. */
  hasLosses: boolean = false;
  /** Whether the parties agree on connection IDs. */
  readonly #connectionId: boolean;
  readonly #open: CoapEndpoint[] = [];

  constructor({ connectionId = true }: { readonly connectionId?: boolean } = {}) {
    this.#connectionId = connectionId;
    this.network = new MemoryNetwork({ clock: this.clock, entropy: seededEntropy(7) });
    this.network.taps.push((datagram) => this.sent.push(datagram));
  }

  async party(address: string, port: number, options: Partial<DtlsOptions>): Promise<Party> {
    const { clock, asked } = this;
    const dtls = dtlsSecurity({ clock, log: silentLog, connectionId: this.#connectionId, ...options });
    const endpoint = new CoapEndpoint({
      transport: this.network.transport(address, port),
      security: dtls,
      clock,
      entropy: seededEntropy(`${address}${port}`),
      log: silentLog,
    });
    endpoint.route({
      method: "GET",
      path: "/who",
      replay: "again",
      answer(request, reply) {
        const { identity } = request.peer;
        const who = identity.kind === "none" ? "nobody" : `${identity.kind} ${identity.id} ${identity.scheme}`;
        asked.push(who);
        reply.payload = new TextEncoder().encode(who);
      },
    });
    this.#open.push(endpoint);
    await endpoint.start();
    return {
      endpoint,
      dtls,
      get counters() {
        return dtls.counters();
      },
    };
  }

  server(options: Partial<DtlsOptions> = {}): Promise<Party> {
    return this.party("10.0.0.1", 5684, { server: pskServer, ...options });
  }

  client(identity = "n1", key = goodKey, port = 40_000, options: Partial<DtlsOptions> = {}): Promise<Party> {
    return this.party("10.0.0.2", port, { client: { psk: { identity, key } }, ...options });
  }

  /** What `/who` of the server said, else the code of what went wrong, else "nothing". */
  async ask(from: Party, waitMs = 10_000, to = { address: "10.0.0.1", port: 5684 }): Promise<string> {
    const answer = from.endpoint
      .request({ to, method: "GET", path: ["who"] })
      .then(({ payload }) => new TextDecoder().decode(payload))
      .catch((error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)));
    let result: string | undefined;
    void answer.then((text) => {
      result = text;
    });
    for (let waited = 0; waited < waitMs && result === undefined; waited += 50) {
      // OpenSSL's timer of flights runs on real time, so lost ones need some.
      if (this.hasLosses) await new Promise((resolve) => setTimeout(resolve, 10));
      await this.clock.advance(50);
    }
    return result ?? "nothing";
  }

  async stop(): Promise<void> {
    for (const endpoint of this.#open.splice(0)) await endpoint.stop();
  }
}
