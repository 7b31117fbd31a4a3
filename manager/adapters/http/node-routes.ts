import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { NodeFilter, NodeQuery } from "../../app/api/registry.ts";
import { ApiError } from "./api-error.ts";
import { seenBy } from "./authorise-request.ts";
import { actorOf } from "./request-actor.ts";
import { nodeIdOf, nodeIdsOf, paramOf, queryInteger, queryText } from "./request-input.ts";

const maxNodesOfLatest = 100;

/** Who is registered and what is known of each: /api/v1/nodes. */
export function addNodeRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/nodes", async (request) => {
    const after = queryText(request, "after");
    const limit = queryInteger(request, "limit", 1, 1000);
    const filter = { ...nodeFilter(request), within: seenBy(app, request) };
    if (after === undefined && limit === undefined) return await app.registry.list({ ...filter, ...pageOf(request) });
    return await app.registry.walk({
      ...filter,
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    });
  });

  server.get("/api/v1/nodes/:node", async (request) => {
    const node = nodeIdOf(paramOf(request, "node"));
    const view = await app.registry.find(node);
    if (view === undefined) throw new ApiError("unknown-node", { node });
    const [commands, attempts, telemetry] = await Promise.all([
      app.commands.list(node),
      app.attempts.list({ node, limit: 20 }),
      app.telemetry.latest(node),
    ]);
    return {
      node: view,
      health: app.health.latest(node) ?? null,
      metrics: app.metrics.latest(node) ?? null,
      services: app.services.latest(node) ?? null,
      actions: app.desiredState.waiting(node),
      commands,
      attempts,
      telemetry,
      alerts: app.alerts.active().filter((each) => each.node === node),
    };
  });

  server.delete("/api/v1/nodes/:node", async (request, reply) => {
    const node = nodeIdOf(paramOf(request, "node"));
    if ((await app.registry.remove(node, actorOf(request))) === "unknown-node")
      throw new ApiError("unknown-node", { node });
    return await reply.code(204).send();
  });

  server.get("/api/v1/nodes/:node/timeline", async (request) => {
    const node = knownNode(app, request);
    const beforeSequence = queryInteger(request, "before", 0, Number.MAX_SAFE_INTEGER);
    const limit = queryInteger(request, "limit", 1, 500) ?? 100;
    return {
      entries: await app.timeline.list(node, { limit, ...(beforeSequence === undefined ? {} : { beforeSequence }) }),
    };
  });

  server.get("/api/v1/nodes/:node/telemetry", async (request) => {
    const node = knownNode(app, request);
    const series = queryText(request, "series");
    const fromMs = queryInteger(request, "from", 0, Number.MAX_SAFE_INTEGER);
    const toMs = queryInteger(request, "to", 0, Number.MAX_SAFE_INTEGER);
    const points = await app.telemetry.query({
      node,
      limit: queryInteger(request, "limit", 1, 1000) ?? 200,
      ...(series === undefined ? {} : { series }),
      ...(fromMs === undefined ? {} : { fromMs }),
      ...(toMs === undefined ? {} : { toMs }),
    });
    return { points };
  });

  // For lists: one request for what many nodes measured last.
  server.get("/api/v1/telemetry/latest", async (request) => {
    const asked = (queryText(request, "nodes") ?? "").split(",").filter((each) => each !== "");
    const nodes = nodeIdsOf(asked, "nodes", "list", maxNodesOfLatest);
    const sees = seenBy(app, request) ?? (() => true);
    const known = nodes.filter((each) => app.registry.isRegistered(each) && sees(each));
    const latest = await Promise.all(known.map(async (each) => [each, await app.telemetry.latest(each)] as const));
    return { nodes: Object.fromEntries(latest) };
  });

  server.get("/api/v1/nodes/:node/logs", async (request, reply) => {
    const node = knownNode(app, request);
    const tail = app.logs.tail(node) ?? new Uint8Array(0);
    return await reply.type("text/plain; charset=utf-8").send(Buffer.from(tail));
  });
}

/** The node of the path; 404 when it isn't registered. */
export function knownNode(app: ManagerApp, request: FastifyRequest): string {
  const node = nodeIdOf(paramOf(request, "node"));
  if (!app.registry.isRegistered(node)) throw new ApiError("unknown-node", { node });
  return node;
}

function nodeFilter(request: FastifyRequest): NodeFilter {
  const texts = {
    model: "model",
    tag: "tag",
    phase: "phase",
    presence: "presence",
    site: "site",
    parent: "parent",
    idPrefix: "prefix",
  };
  const filter: Record<string, string> = {};
  for (const [property, name] of Object.entries(texts)) {
    const value = queryText(request, name);
    if (value !== undefined) filter[property] = value;
  }
  return filter;
}

function pageOf(request: FastifyRequest): Pick<NodeQuery, "page" | "count"> {
  return {
    page: queryInteger(request, "page", 0, 1_000_000) ?? 0,
    count: queryInteger(request, "count", 1, 1000) ?? 100,
  };
}
