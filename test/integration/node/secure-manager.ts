import { CoapEndpoint } from "../../../coap/endpoint.ts";
import { Code } from "../../../coap/message.ts";
import type { CoapReply, CoapRequest, PeerIdentity } from "../../../coap/route.ts";
import { OscoreContexts } from "../../../coap/security/oscore/oscore-contexts.ts";
import { volatileLeases } from "../../../coap/security/oscore/sequence-leases.ts";
import type { Security } from "../../../coap/security/security.ts";
import { dgramTransport } from "../../../coap/transport/dgram.ts";
import type { Transport } from "../../../coap/transport/transport.ts";
import { silentLog } from "../../../kernel/log.ts";
import { systemClock } from "../../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";
import type { Action, AttemptReport, NodeManifest, StatusReport } from "../../../schemas/generated/types.ts";
import { cborFormat, decode, encode, type Sendable } from "../../../schemas/wire/codec.ts";

export const nodeIdentity: PeerIdentity = { kind: "node", id: "n1", scheme: "oscore" };

/** What a credentials file holds, in the shape that cxnode reads. */
export const oscoreCredentials = {
  masterSecret: "5e0c4e7a1b2c3d4e5f60718293a4b5c6",
  masterSalt: "9e7ca92223786340",
  senderId: "00000001",
  recipientId: "",
};

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

export interface HeardSecurely {
  readonly manifests: NodeManifest[];
  readonly reports: StatusReport[];
  readonly attempts: AttemptReport[];
  /** Who sent each request, as the security layer proved it. */
  readonly identities: PeerIdentity[];
}

/** The least of a manager, on our own engine, with OSCORE or inside DTLS: what isn't protected is refused. */
export class SecureManager {
  readonly heard: HeardSecurely = { manifests: [], reports: [], attempts: [], identities: [] };
  readonly endpoint: CoapEndpoint;
  artifact: { readonly hex: string; readonly body: Uint8Array } | undefined;
  action: Sendable<Action> | undefined;
  /** Where the node's last request came from. */
  node: { readonly address: string; readonly port: number } | undefined;
  readonly #changed = new Set<() => void>();
  readonly #transport: Transport;

  private constructor(port: number, security: Security | undefined) {
    const contexts = new OscoreContexts({ entropy: systemEntropy, log: silentLog, leases: volatileLeases() });
    const { masterSecret, masterSalt, senderId, recipientId } = oscoreCredentials;
    const shared = { masterSecret: bytes(masterSecret), masterSalt: bytes(masterSalt) };
    const ids = { senderId: bytes(recipientId), recipientId: bytes(senderId) };
    if (security === undefined) contexts.add({ ...shared, ...ids }, { identity: nodeIdentity });
    this.#transport = dgramTransport({ address: "127.0.0.1", port });
    this.endpoint = new CoapEndpoint({
      transport: this.#transport,
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      ...(security === undefined ? { oscore: contexts } : { security }),
    });
  }

  static async start(options: { readonly port?: number; readonly security?: Security } = {}): Promise<SecureManager> {
    const manager = new SecureManager(options.port ?? 0, options.security);
    manager.#serve();
    await manager.endpoint.start();
    return manager;
  }

  get port(): number {
    return this.endpoint.address().port;
  }

  /** Waits until what was heard makes `isSo` true. */
  async until(isSo: (heard: HeardSecurely) => boolean, withinMs = 20_000): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    while (!isSo(this.heard)) {
      if (deadline.aborted)
        throw new Error(`not heard within ${withinMs} ms; heard ${JSON.stringify(this.heard).slice(0, 4000)}`);
      await new Promise<void>((resolve) => {
        this.#changed.add(resolve);
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async stop(): Promise<void> {
    await this.endpoint.stop();
  }

  /** Goes without a word to anybody, as a crash does. */
  async vanish(): Promise<void> {
    await this.#transport.close();
    await this.stop();
  }

  #serve(): void {
    const route = (
      method: "GET" | "POST" | "PUT",
      path: string,
      answer: (request: CoapRequest, reply: CoapReply) => void,
    ) =>
      this.endpoint.route({
        method,
        path,
        replay: "again",
        answer: (request, reply) => {
          if (request.peer.identity.kind === "none") {
            reply.code = Code.unauthorized;
            return;
          }
          this.node = { address: request.peer.address, port: request.peer.port };
          this.heard.identities.push(request.peer.identity);
          answer(request, reply);
          const waiting = [...this.#changed];
          this.#changed.clear();
          for (const resolve of waiting) resolve();
        },
      });
    route("POST", "/register", (request, reply) => {
      const manifest = decode("node-manifest", request.payload, cborFormat);
      if (!manifest.ok) throw new Error(manifest.fault.code);
      this.heard.manifests.push(manifest.value);
      const { id } = manifest.value;
      reply.code = Code.created;
      put(
        reply,
        encode("registration-answer", { id, lifetime: 90_000, poll: 1, rev: this.action?.rev ?? 0 }, cborFormat),
      );
    });
    route("GET", "/environment", (_request, reply) => {
      put(reply, encode("environment", { poll: 1, report: 1, liveness: "beat", rev: 0 }, cborFormat));
    });
    route("POST", "/status", (request, reply) => {
      const report = decode("status-report", request.payload, cborFormat);
      if (!report.ok) throw new Error(report.fault.code);
      this.heard.reports.push(report.value);
      if (this.action !== undefined && this.action.rev > Number(request.query("r"))) {
        put(reply, encode("action", this.action, cborFormat));
      }
    });
    route("PUT", "/updates/:update/status", (request) => {
      const attempt = decode("attempt-report", request.payload, cborFormat);
      if (!attempt.ok) throw new Error(attempt.fault.code);
      this.heard.attempts.push(attempt.value);
    });
    route("GET", "/artifacts/:hex", (request, reply) => {
      const { artifact } = this;
      if (artifact === undefined || artifact.hex !== request.params["hex"]) {
        reply.code = Code.notFound;
        return;
      }
      const { hex, body } = artifact;
      const read = (offset: number, length: number): Uint8Array => body.subarray(offset, offset + length);
      reply.body = { size: body.length, etag: bytes(hex.slice(0, 16)), read };
    });
  }
}

function put(reply: CoapReply, payload: Uint8Array): void {
  reply.contentFormat = cborFormat;
  reply.payload = payload;
}
