import type { AddressInfo } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { type FastifyInstance, fastify } from "fastify";
import { defineFaults } from "../../../kernel/fault.ts";
import { ApiError } from "./api-error.ts";
import { addArtifactDownload } from "./artifact-download.ts";
import { addArtifactRoutes } from "./artifact-routes.ts";
import { admit } from "./asker.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { addConsoleFiles, consolePaths } from "./console-files.ts";
import { addCredentialRoutes } from "./credential-routes.ts";
import { EventStream } from "./event-stream.ts";
import { faultAnswer } from "./fault-answer.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import { addManifestRoutes } from "./manifest-routes.ts";
import { addMetricsPage } from "./metrics-page.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { setActor } from "./request-actor.ts";
import { addSessionRoutes, sessionOf, sessionPath } from "./session-routes.ts";
import { SignIn } from "./sign-in.ts";
import { addSteeringRoutes } from "./steering-routes.ts";
import { addSystemRoutes } from "./system-routes.ts";
import { addUpdateRoutes } from "./update-routes.ts";

export const httpFaults = defineFaults({
  "http.port-in-use": {
    fault: "environment",
    message:
      "TCP port {port} at {host} is in use, so the HTTP server can't start. Stop the other program, or choose another port with --http-port.",
  },
  "http.bind-failed": {
    fault: "environment",
    message: "The HTTP server can't listen on {host} port {port} ({reason}). Check --http-host and --http-port.",
  },
});

/** HTTP face of the manager: the API, artifacts for nodes, live events and the console. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: FastifyInstance;
  readonly #events: EventStream;
  readonly #routes: string[] = [];
  readonly #signIn: SignIn;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = fastify({
      bodyLimit: options.limits.jsonBytes,
      connectionTimeout: options.limits.idleMs,
      // Followers of the events and downloads would otherwise hold a stop up for as long as they like.
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 128 },
    });
    this.#server.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) if (each !== "HEAD") this.#routes.push(`${each} ${url}`);
    });
    this.#events = new EventStream(options);
    takeJson(this.#server);
    this.#signIn = new SignIn(options);
    this.#addGates();
    addSessionRoutes(this.#server, this.#signIn);
    addNodeRoutes(this.#server, options.app);
    addCredentialRoutes(this.#server, options.app, options.coapUrls);
    addSteeringRoutes(this.#server, options.app);
    addUpdateRoutes(this.#server, options.app);
    addArtifactDownload(this.#server, options.app);
    addSystemRoutes(this.#server, options);
    addAuditRoutes(this.#server, options.app);
    addMetricsPage(this.#server, options);
    addConsoleFiles(this.#server);
    this.#events.addRoutes(this.#server);
    this.#server.register((scope, _options, done) => {
      takeStreams(scope);
      addArtifactRoutes(scope, options.app, options.limits);
      addManifestRoutes(scope, options.app);
      done();
    });
  }

  /** Every route as `METHOD /path`, for the page that describes them. */
  async routes(): Promise<readonly string[]> {
    await this.#server.ready();
    return this.#routes;
  }

  async start(): Promise<void> {
    const { host, port = 0 } = this.#options;
    if (host === undefined) await this.#server.ready();
    else await this.#listen(host, port);
    this.#events.start();
  }

  async stop(): Promise<void> {
    this.#events.stop();
    await this.#server.close();
  }

  /** Valid after `start`; undefined when it listens nowhere. */
  address(): { readonly host: string; readonly port: number } | undefined {
    const [address] = this.#server.addresses() as AddressInfo[];
    return address && { host: address.address, port: address.port };
  }

  /** A link that signs the admin in to the console once; undefined when nobody has a token. */
  signInLink(): string | undefined {
    if (this.#options.tokens === undefined) return undefined;
    return `${this.#options.baseUrl()}/#code=${this.#signIn.code({ kind: "operator", id: "admin" })}`;
  }

  /** Takes over a connection that somebody else accepted. */
  attach(stream: Duplex): void {
    this.#server.server.emit("connection", stream);
  }

  async #listen(host: string, port: number): Promise<void> {
    try {
      await this.#server.listen({ host, port });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      if (code === "EADDRINUSE") throw httpFaults("http.port-in-use", { host, port }, error);
      throw httpFaults("http.bind-failed", { host, port, reason: code }, error);
    }
  }

  #addGates(): void {
    const { isInsecure, log } = this.#options;
    const openPaths = new Set([...consolePaths, sessionPath]);
    const ownHosts = new Set(this.#options.ownHosts.map((each) => each.toLowerCase()));
    this.#server.addHook("onRequest", (request, reply, done) => {
      reply.header("x-content-type-options", "nosniff").header("referrer-policy", "no-referrer");
      const actor = admit(
        {
          method: request.method,
          path: request.url.split("?")[0] ?? "",
          remoteAddress: request.socket.remoteAddress,
          host: request.headers.host,
          origin: request.headers.origin,
          authorization: request.headers.authorization,
          session: sessionOf(request),
        },
        { isInsecure, ownHosts, openPaths, signIn: this.#signIn },
      );
      setActor(request, actor && { ...actor, from: request.socket.remoteAddress });
      done();
    });
    this.#server.setNotFoundHandler((request) => {
      throw new ApiError("no-such-path", { method: request.method, path: request.url.split("?")[0] ?? "" });
    });
    this.#server.setErrorHandler((error, request, reply) => {
      const answer = faultAnswer(error);
      if (answer === undefined) {
        log.error("http-request-failed", {
          method: request.method,
          path: request.url.split("?")[0],
          error: String(error),
        });
      }
      const { status, body } = answer === undefined ? internal() : { status: answer.status, body: answer.body() };
      void reply.code(status).type("application/json; charset=utf-8").send(body);
    });
  }
}

function internal(): { status: number; body: unknown } {
  const error = new ApiError("internal-error");
  return { status: error.status, body: error.body() };
}

/** JSON stays bytes until the schemas read it; everything else is 415. */
function takeJson(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
}

/** In this scope a body of any type stays a stream. */
function takeStreams(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser("*", (_request: unknown, payload: Readable, done) => done(null, payload));
}
