import { createServer, type IncomingMessage as HttpRequest, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createCoapServer, type IncomingMessage, type OutgoingMessage } from "coap";
import type { Action, AttemptReport, NodeManifest, StatusReport } from "../../../schemas/generated/types.ts";
import { decode, type Sendable } from "../../../schemas/wire/codec.ts";

type CoapServer = ReturnType<typeof createCoapServer>;

/** What a node said, oldest first. */
export interface Heard {
  manifests: NodeManifest[];
  reports: StatusReport[];
  attempts: AttemptReport[];
  /** Offset of each HTTP request for the artifact. */
  ranges: number[];
}

/** An artifact as a node may fetch it, with the ways in which its server can be broken. */
export interface Artifact {
  bytes: Buffer;
  /** Bytes after which the HTTP connection is cut, once for each entry. */
  cuts: number[];
  /** HTTP status instead of the bytes, once for each entry. */
  refusals: number[];
}

const cborFormat = 60;

/**
 * The least of a manager that a node needs, made of other people's servers: node-coap and node:http. It answers in JSON,
 * so that the node proves both formats.
 */
export class StandInManager {
  readonly heard: Heard = { manifests: [], reports: [], attempts: [], ranges: [] };
  readonly artifacts = new Map<string, Artifact>();
  action: Sendable<Action> | undefined;
  #isDeaf = false;
  readonly #coap: CoapServer;
  readonly #http: Server;
  readonly #changed = new Set<() => void>();

  private constructor() {
    this.#coap = createCoapServer({ type: "udp4" }, (request: IncomingMessage, answer: OutgoingMessage) =>
      this.#answer(request, answer),
    );
    this.#http = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<StandInManager> {
    const manager = new StandInManager();
    await new Promise<void>((resolve) => manager.#coap.listen(0, "127.0.0.1", () => resolve()));
    await new Promise<void>((resolve) => manager.#http.listen(0, "127.0.0.1", () => resolve()));
    return manager;
  }

  get coapPort(): number {
    const socket = this.#coap._sock as unknown as { address(): AddressInfo };
    return socket.address().port;
  }

  get httpPort(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  uri(way: "http" | "coap", hex: string): string {
    return `${way}://127.0.0.1:${way === "http" ? this.httpPort : this.coapPort}/artifacts/${hex}`;
  }

  /** From now on nothing is answered by CoAP, as if the manager was gone. */
  set isDeaf(deaf: boolean) {
    this.#isDeaf = deaf;
  }

  /** Waits until what was heard makes `isSo` true. */
  async until(isSo: (heard: Heard) => boolean, withinMs = 20_000): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    while (!isSo(this.heard)) {
      if (deadline.aborted) throw new Error(`not heard within ${withinMs} ms; heard ${JSON.stringify(this.heard)}`);
      await new Promise<void>((resolve) => {
        this.#changed.add(resolve);
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  async stop(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
    await new Promise<void>((resolve) => this.#coap.close(() => resolve()));
  }

  #note(): void {
    const waiting = [...this.#changed];
    this.#changed.clear();
    for (const resolve of waiting) resolve();
  }

  #answer(request: IncomingMessage, answer: OutgoingMessage): void {
    if (this.#isDeaf) {
      // node-coap would acknowledge by itself after a while, even when it is closed by then.
      if (answer._ackTimer !== null) clearTimeout(answer._ackTimer);
      return;
    }
    this.#route(request, answer);
    this.#note();
  }

  #route(request: IncomingMessage, answer: OutgoingMessage): void {
    const url = new URL(request.url, "coap://manager");
    const path = url.pathname.split("/").slice(1);
    if (path[0] === "register") {
      const manifest = decode("node-manifest", request.payload, cborFormat);
      if (manifest.ok) this.heard.manifests.push(manifest.value);
      if (!manifest.ok) this.#end(answer, "4.00", manifest.fault);
      else this.#end(answer, "2.01", { id: manifest.value.id, lifetime: 90_000, poll: 1, rev: this.action?.rev ?? 0 });
    } else if (path[0] === "environment") {
      this.#end(answer, "2.05", { poll: 1, report: 1, liveness: "beat", rev: 0 });
    } else if (path[0] === "status") {
      const report = decode("status-report", request.payload, cborFormat);
      if (report.ok) this.heard.reports.push(report.value);
      const isOpen = this.action !== undefined && this.action.rev > Number(url.searchParams.get("r"));
      if (!report.ok) this.#end(answer, "4.00", report.fault);
      else this.#end(answer, "2.04", isOpen ? this.action : undefined);
    } else if (path[0] === "updates" && path[2] === "status") {
      const attempt = decode("attempt-report", request.payload, cborFormat);
      if (attempt.ok) this.heard.attempts.push(attempt.value);
      this.#end(answer, attempt.ok ? "2.04" : "4.00", attempt.ok ? undefined : attempt.fault);
    } else if (path[0] === "artifacts" && this.artifacts.has(path[1] ?? "")) {
      answer.code = "2.05";
      answer.setOption("ETag", Buffer.from((path[1] ?? "").slice(0, 16), "hex"));
      answer.end(this.artifacts.get(path[1] ?? "")?.bytes);
    } else {
      this.#end(answer, "4.04", undefined);
    }
  }

  #end(answer: OutgoingMessage, code: string, body: unknown): void {
    answer.code = code;
    if (body !== undefined) answer.setOption("Content-Format", "application/json");
    answer.end(body === undefined ? undefined : Buffer.from(JSON.stringify(body)));
  }

  #serve(request: HttpRequest, response: ServerResponse): void {
    const hex = (request.url ?? "").split("?")[0]?.split("/").at(-1) ?? "";
    const artifact = this.artifacts.get(hex);
    const refusal = artifact?.refusals.shift();
    if (artifact === undefined || refusal !== undefined) {
      response.writeHead(refusal ?? 404).end();
      return;
    }
    const offset = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    this.heard.ranges.push(offset);
    this.#note();
    const rest = artifact.bytes.subarray(offset);
    const cut = artifact.cuts.shift();
    response.writeHead(offset > 0 ? 206 : 200, {
      etag: `"${hex}"`,
      "accept-ranges": "bytes",
      "content-length": rest.length,
      ...(offset > 0 && { "content-range": `bytes ${offset}-${artifact.bytes.length - 1}/${artifact.bytes.length}` }),
    });
    if (cut !== undefined) {
      response.write(rest.subarray(0, cut), () => response.destroy());
      return;
    }
    response.end(rest);
  }
}
