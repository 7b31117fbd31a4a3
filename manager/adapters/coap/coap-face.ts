import { Code } from "../../../coap/message.ts";
import type { CoapRequest, LaterRoute, Route } from "../../../coap/route.ts";
import { Fault } from "../../../kernel/fault.ts";
import { artifactRoutes } from "./artifact-routes.ts";
import { attemptRoutes } from "./attempt-routes.ts";
import { authorised } from "./authorised.ts";
import type { CoapContext } from "./coap-context.ts";
import { enrolRoutes } from "./enrol-routes.ts";
import { environmentRoutes } from "./environment-routes.ts";
import { LegacyRoutes } from "./legacy-routes.ts";
import { nodeDataRoutes } from "./node-data-routes.ts";
import { nodeRoutes } from "./node-routes.ts";
import { Notifier } from "./notifier.ts";
import { proxyRoutes } from "./proxy-routes.ts";
import { rdLookupRoutes } from "./rd-lookup-routes.ts";
import { rdRoutes } from "./rd-routes.ts";
import { refusal } from "./refusal.ts";
import { registerRoutes } from "./register-routes.ts";
import { statusRoutes } from "./status-routes.ts";
import { steeringRoutes } from "./steering-routes.ts";
import { systemRoutes } from "./system-routes.ts";
import { telemetryRoutes } from "./telemetry-routes.ts";
import { updateRoutes } from "./update-routes.ts";
import { watchingRoutes } from "./watching-routes.ts";

/** Whoever proves nothing is refused before anything is kept for him: no body is put together, no exchange remembered. */
function provenOnly({ peer }: CoapRequest): number | undefined {
  return peer.identity.kind === "none" ? Code.unauthorized : undefined;
}

/** And who only enrols, before anything is kept for him elsewhere: a second fence before the table of permissions. */
function unlessEnrolling(route: Route, isInsecure: boolean): NonNullable<Route["allows"]> {
  const isEnrol = route.path === "/enrol";
  return (request) => {
    if (request.peer.identity.kind === "enrolment") return isEnrol ? undefined : Code.forbidden;
    return isInsecure ? undefined : provenOnly(request);
  };
}

/**
 * The CoAP face of the manager: puts every resource of the device protocol, section 2, on its endpoints, and tells observers and the
 * app what changes. The endpoints themselves are started and stopped with it.
 */
export class CoapFace {
  readonly #context: CoapContext;
  readonly #notifier: Notifier;
  readonly #routes: string[] = [];

  constructor(context: CoapContext) {
    this.#context = context;
    this.#notifier = new Notifier(context);
    const groups = [
      ...[enrolRoutes, registerRoutes, rdRoutes, rdLookupRoutes, environmentRoutes, statusRoutes],
      ...[updateRoutes, attemptRoutes, artifactRoutes],
      ...[nodeRoutes, nodeDataRoutes, telemetryRoutes, steeringRoutes, proxyRoutes],
      ...[watchingRoutes, systemRoutes],
    ];
    const routes = groups.flatMap((group) => group(context));
    if (context.isInsecure) routes.push(...new LegacyRoutes(context).routes());
    for (const route of routes) {
      const served = authorised(context, "later" in route ? { ...route, later: this.#guarded(route) } : route);
      this.#routes.push(`${route.method} ${route.path}`);
      context.doors.route({ ...served, allows: unlessEnrolling(route, context.isInsecure) });
    }
  }

  /** Every resource as `METHOD /path`. */
  get routes(): readonly string[] {
    return this.#routes;
  }

  /** A storage that can't write is told apart from a defect of ours: the node tries again later. */
  #guarded(route: LaterRoute): LaterRoute["later"] {
    return async (request, signal) => {
      try {
        return await route.later(request, signal);
      } catch (error) {
        if (!(error instanceof Fault && error.code.startsWith("storage."))) throw error;
        this.#context.log.error("coap-storage-failed", { method: route.method, path: route.path, code: error.code });
        return refusal("storage-failed");
      }
    };
  }

  async start(): Promise<void> {
    await this.#context.doors.start();
    this.#context.app.hearing.socket(true);
    this.#notifier.start();
  }

  async stop(): Promise<void> {
    this.#notifier.stop();
    this.#context.app.hearing.socket(false);
    await this.#context.doors.stop();
  }
}
