import type { AddressInfo } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { type FastifyInstance, type FastifyRequest, fastify } from "fastify";
import { WebSocketDoor } from "../../../mqtt/websocket-door.ts";
import type { Principal } from "../../domain/authoriser.ts";
import { addAnchorRoutes } from "./anchor-routes.ts";
import { ApiError } from "./api-error.ts";
import { addAppFiles, appFiles } from "./app-files.ts";
import { addArtifactDownload } from "./artifact-download.ts";
import { addArtifactRoutes } from "./artifact-routes.ts";
import { admit, isLoopbackAddress } from "./asker.ts";
import { addAuditRoutes } from "./audit-routes.ts";
import { authoriseRequest } from "./authorise-request.ts";
import { addAuthorityRoutes } from "./authority-routes.ts";
import { addBatchRoutes } from "./batch-routes.ts";
import { addClaimRoutes } from "./claim-routes.ts";
import { addConsoleFiles, consolePaths } from "./console-files.ts";
import { addCredentialRoutes } from "./credential-routes.ts";
import { EventStream } from "./event-stream.ts";
import { faultAnswer } from "./fault-answer.ts";
import { httpFaults } from "./http-faults.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import { HttpsListener, type HttpsListenerOptions } from "./https-listener.ts";
import { addLabelRoutes } from "./label-routes.ts";
import { addManifestRoutes } from "./manifest-routes.ts";
import { addMetricsPage } from "./metrics-page.ts";
import { addNodeRoutes } from "./node-routes.ts";
import { addOperatorRoutes } from "./operator-routes.ts";
import { maybeAdmitted, setAdmitted } from "./request-actor.ts";
import { addRolloutRoutes } from "./rollout-routes.ts";
import { securityHeaders } from "./security-headers.ts";
import { addSessionRoutes, sessionOf, sessionPath } from "./session-routes.ts";
import { SignIn } from "./sign-in.ts";
import { addSiteRoutes } from "./site-routes.ts";
import { addSteeringRoutes } from "./steering-routes.ts";
import { addSystemRoutes } from "./system-routes.ts";
import { addUpdateRoutes } from "./update-routes.ts";

/** A head that isn't whole after so long is answered 408. */
const headersMs = 60_000;
/** How often connections are looked through for those that are late. */
const checkMs = 30_000;

/** HTTP face of the manager: the API, artifacts for nodes, live events and the console. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #server: FastifyInstance;
  readonly #events: EventStream;
  readonly #appFiles = appFiles();
  readonly #routes: string[] = [];
  readonly #signIn: SignIn;
  readonly #https: HttpsListener | undefined;
  #overLimit = 0;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = fastify({
      bodyLimit: options.limits.jsonBytes,
      connectionTimeout: options.limits.idleMs,
      requestTimeout: options.limits.requestMs,
      http: {
        headersTimeout: Math.min(headersMs, options.limits.requestMs),
        connectionsCheckingInterval: Math.min(checkMs, options.limits.requestMs),
      },
      // Followers of the events and downloads would otherwise hold a stop up for as long as they like.
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 128 },
    });
    this.#server.addHook("onRoute", ({ method, url }) => {
      for (const each of [method].flat()) if (each !== "HEAD") this.#routes.push(`${each} ${url}`);
    });
    this.#events = new EventStream({ ...options, admittedBy: (request) => this.#admittedBy(request) });
    takeJson(this.#server);
    this.#signIn = new SignIn({
      ...options,
      operators: () => options.app.operators,
      ended: () => this.#events.recheck(),
    });
    this.#https = this.#secured();
    this.#addGates();
    addSessionRoutes(this.#server, options.app, this.#signIn);
    addClaimRoutes(this.#server, options.app, options.coapUrls);
    addBatchRoutes(this.#server, options.app, options.coapUrls);
    addOperatorRoutes(this.#server, options.app, this.#signIn, options.coapUrls);
    addNodeRoutes(this.#server, options.app);
    addLabelRoutes(this.#server, options.app);
    addCredentialRoutes(this.#server, options.app, options.coapUrls);
    addSteeringRoutes(this.#server, options.app);
    addAnchorRoutes(this.#server, options.app);
    addUpdateRoutes(this.#server, options.app);
    addRolloutRoutes(this.#server, options.app);
    addArtifactDownload(this.#server, options.app, options.isInsecure);
    addSiteRoutes(this.#server, options.app, options.siteUrls);
    addSystemRoutes(this.#server, options);
    addAuditRoutes(this.#server, options.app);
    addAuthorityRoutes(this.#server, options.app);
    addMetricsPage(this.#server, options);
    addConsoleFiles(this.#server);
    addAppFiles(this.#server, this.#appFiles);
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
    try {
      await this.#https?.start();
    } catch (error) {
      await this.#server.close();
      throw error;
    }
    this.#events.start();
    this.#options.app.operators.onChanged(() => this.#events.recheck());
  }

  async stop(): Promise<void> {
    this.#events.stop();
    await this.#https?.stop();
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
    return `${this.#options.baseUrl()}/#code=${this.#signIn.code("admin")}`;
  }

  /** Takes over a connection that somebody else accepted. */
  attach(stream: Duplex): void {
    this.#server.server.emit("connection", stream);
  }

  /** Another certificate for HTTPS, from the next connection on. */
  useCertificate(material: { readonly cert: string; readonly key: string }): void {
    this.#https?.use(material);
  }

  counters(): Readonly<Record<string, number>> {
    return {
      httpsTlsFailed: this.#https?.counters.tlsFailed ?? 0,
      connectionsOverLimit: this.#overLimit + (this.#https?.counters.connectionsOverLimit ?? 0),
    };
  }

  /** The listener of TLS, and MQTT over WebSocket on both. */
  #secured(): HttpsListener | undefined {
    const { log, limits, attachMqtt, https } = this.#options;
    const mqtt =
      attachMqtt &&
      new WebSocketDoor({
        ...{ log, attach: attachMqtt, maxBytes: limits.webSocketBytes },
        // Away from loopback a password goes over TLS alone.
        mayBePlain: isLoopbackAddress,
      });
    const upgrade: HttpsListenerOptions["upgrade"] = (request, socket, head) => {
      if (mqtt === undefined) socket.destroy();
      else mqtt.take(request, socket, head);
    };
    this.#server.server.on("upgrade", upgrade);
    this.#server.server.maxConnections = limits.connections;
    this.#server.server.on("drop", () => this.#overLimit++);
    return (
      https &&
      new HttpsListener({
        ...{
          ...https,
          log,
          upgrade,
          maxConnections: limits.connections,
          idleMs: limits.idleMs,
          requestMs: limits.requestMs,
        },
        request: (request, response) => this.#server.routing(request, response),
      })
    );
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

  /** Asks again who it was; nothing of it is remembered but what he showed. */
  #admittedBy(request: FastifyRequest): () => Principal | undefined {
    const who = maybeAdmitted(request);
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
    const session = sessionOf(request) ?? "";
    switch (who?.way) {
      case "session":
        return () => this.#signIn.peekSession(session)?.principal;
      case "token":
        return () => this.#options.app.operators.tokenHolder(token)?.principal;
      default:
        return () => who?.principal;
    }
  }

  #addGates(): void {
    const { isInsecure, log, httpsUrl } = this.#options;
    const openPaths = new Set([...consolePaths, ...this.#appFiles.keys(), sessionPath]);
    const ownHosts = new Set(this.#options.ownHosts.map((each) => each.toLowerCase()));
    this.#server.addHook("onRequest", (request, reply, done) => {
      const isEncrypted = request.protocol === "https";
      // On the response itself: event streams are written past the framework.
      for (const [name, value] of Object.entries(securityHeaders(isEncrypted, request.headers.host))) {
        reply.raw.setHeader(name, value);
      }
      const away = wayIn(request, httpsUrl());
      if (away !== undefined) return void reply.redirect(away, 308);
      const who = admit(
        {
          method: request.method,
          path: request.url.split("?")[0] ?? "",
          remoteAddress: request.socket.remoteAddress,
          isEncrypted,
          host: request.headers.host,
          origin: request.headers.origin,
          authorization: request.headers.authorization,
          session: sessionOf(request),
          csrfToken: [request.headers["x-csrf-token"]].flat()[0],
        },
        { isInsecure, ownHosts, openPaths, signIn: this.#signIn },
      );
      setAdmitted(request, who);
      authoriseRequest(this.#options.app, request);
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

/** Where a browser that asks in the open, from elsewhere, is sent: the same page by https. Other requests are refused, since what they carry was said already. */
function wayIn({ method, socket, url, protocol }: FastifyRequest, httpsUrl: string | undefined): string | undefined {
  if (httpsUrl === undefined || protocol === "https" || isLoopbackAddress(socket.remoteAddress)) return undefined;
  const path = url.split("?")[0] ?? "";
  const isPage = method === "GET" && (consolePaths.includes(path) || path === "/app/");
  return isPage ? `${httpsUrl}${url}` : undefined;
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
