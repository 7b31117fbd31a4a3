import type { FastifyInstance } from "fastify";
import type { FleetSettings } from "../../app/api/environments.ts";
import { ApiError } from "./api-error.ts";
import { seenBy } from "./authorise-request.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import { actorOf, principalOf } from "./request-actor.ts";
import { objectOf } from "./request-input.ts";
import { ScopedCounts } from "./scoped-counts.ts";

/** The manager itself: /api/v1/system, /api/v1/settings, /api/v1/alerts. */
export function addSystemRoutes(server: FastifyInstance, options: HttpServerOptions): void {
  const { app, clock } = options;
  const scoped = new ScopedCounts(options);

  server.get("/api/v1/system", (request) => {
    const { startedAtMs, counts, counters } = app.status();
    const { version, urls, ...described } = options.describe();
    const { isInsecure } = options;
    const about = {
      ...{ version, urls, isInsecure, startedAtMs },
      uptimeSeconds: Math.floor((clock.wallMs() - startedAtMs) / 1000),
    };
    const sees = seenBy(app, request);
    // What is counted is counted of everybody.
    if (sees !== undefined) {
      const { scopes } = principalOf(request);
      return { ...about, counts: scoped.of(scopes, () => app.registry.counts(sees)) };
    }
    return { ...described, ...about, counts, counters, telemetry: app.telemetry.counters() };
  });

  server.get("/api/v1/alerts", (request) => {
    const sees = seenBy(app, request) ?? (() => true);
    return { alerts: app.alerts.active().filter((each) => sees(each.node)) };
  });

  server.get("/api/v1/settings", () => withoutSecrets(app.environments.settings()));

  server.patch("/api/v1/settings", async (request) => {
    const wanted = objectOf(request, "fleet settings") as Partial<FleetSettings>;
    return withoutSecrets(await app.environments.change(wanted, actorOf(request)));
  });

  for (const name of ["shutdown", "restart"] as const) {
    server.post(`/api/v1/system/${name}`, async (request, reply) => {
      const action = options[name];
      if (action === undefined) throw new ApiError("forbidden", { reason: `this process offers no ${name}` });
      const told = app.audit.record({ what: `manager-${name}`, actor: actorOf(request), subject: "manager" });
      // A manager whose disk is full must still be stopped.
      await told.catch((error: unknown) => options.log.error("audit-failed", { what: name, error }));
      await reply.code(202).send({ outcome: name });
      action();
    });
  }
}

/** Wi-Fi passwords go to nodes and to nobody else. */
function withoutSecrets(settings: FleetSettings): unknown {
  return { ...settings, wifi: settings.wifi.map(({ ssid }) => ({ ssid })) };
}
