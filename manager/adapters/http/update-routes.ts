import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { NodeWalk } from "../../app/api/registry.ts";
import type { UpdateView } from "../../app/api/updates.ts";
import { seenUpdate } from "../../domain/seen-update.ts";
import { ApiError } from "./api-error.ts";
import { requireSeen, seenBy } from "./authorise-request.ts";
import { envelopeError } from "./manifest-routes.ts";
import { actorOf } from "./request-actor.ts";
import { bodyOf, nodeIdsOf, objectOf, paramOf, queryInteger } from "./request-input.ts";

const maxNodesStarted = 10_000;
const pageSize = 1000;

/** Updates and their way to nodes: /api/v1/updates. */
export function addUpdateRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/updates", (request) => {
    const sees = seenBy(app, request);
    const countsOf = countsSeen(app, sees);
    return {
      updates: app.updates.list().map((view) => ({ ...seenPart(view, sees), counts: countsOf(view.update.id) })),
    };
  });

  server.post("/api/v1/updates", async (request, reply) => {
    const body = bodyOf(request, "update");
    const outcome = await app.updates.create(body, actorOf(request), envelopeOf(request));
    switch (outcome.kind) {
      case "created":
        return await reply
          .code(201)
          .header("location", `/api/v1/updates/${body.id}`)
          .send({ ...outcome.update, warnings: outcome.warnings });
      case "same":
        return outcome.update;
      case "conflict":
        throw new ApiError("update-conflict", { update: body.id });
      case "unknown-artifact":
        throw new ApiError("unknown-artifact", { digest: outcome.digest });
      case "wrong-size":
        throw new ApiError("wrong-size", { stored: outcome.stored, said: body.size });
      case "unsigned":
        throw new ApiError("signature-required", { update: body.id });
      case "full":
        throw new ApiError("too-many", { limit: "updates" });
      case "refused":
        throw envelopeError(outcome);
    }
  });

  server.get("/api/v1/updates/:update", async (request) => {
    const view = knownUpdate(app, request);
    const update = view.update.id;
    const limit = queryInteger(request, "attempts", 1, 1000) ?? 200;
    const sees = seenBy(app, request);
    const attempts = await app.attempts.list({ update, limit });
    return {
      ...seenPart(view, sees),
      counts: countsSeen(app, sees)(update),
      attempts: sees === undefined ? attempts : attempts.filter((each) => sees(each.node)),
    };
  });

  server.delete("/api/v1/updates/:update", async (request, reply) => {
    const update = paramOf(request, "update");
    if ((await app.updates.withdraw(update, actorOf(request))) === "unknown-update") {
      throw new ApiError("unknown-update", { update });
    }
    return await reply.code(204).send();
  });

  server.post("/api/v1/updates/:update/start", async (request) => {
    const { update } = knownUpdate(app, request);
    const body = objectOf(request, "start request");
    const via = body["via"] ?? "coap";
    if (via !== "coap" && via !== "mqtt") {
      throw new ApiError("bad-body", { kind: "start request", path: "via", rule: 'must be "coap" or "mqtt"' });
    }
    const nodes =
      body["nodes"] === "all"
        ? await nodesOfModel(app, update.model, seenBy(app, request))
        : nodeIdsOf(body["nodes"], "nodes", "start request", maxNodesStarted);
    requireSeen(app, request, nodes);
    const outcome = await app.updates.start(update.id, nodes, actorOf(request), via === "mqtt" ? "mqtt" : "action");
    switch (outcome.kind) {
      case "started":
        return outcome;
      case "unknown-update":
        throw new ApiError("unknown-update", { update: update.id });
      case "withdrawn":
        throw new ApiError("update-withdrawn", { update: update.id });
      case "unsigned":
        throw new ApiError("update-unsigned", { update: update.id });
    }
  });
}

/** `{envelope}` beside the update's own properties: base64, so that an update is created signed or not at all. */
function envelopeOf(request: FastifyRequest): Uint8Array | undefined {
  const { envelope } = objectOf(request, "update");
  if (envelope === undefined) return undefined;
  const bytes = typeof envelope === "string" ? Buffer.from(envelope, "base64") : undefined;
  if (bytes !== undefined && bytes.toString("base64") === envelope) return bytes;
  throw new ApiError("bad-body", { kind: "update", path: "envelope", rule: "must be base64" });
}

/** The update of the path; 404 when there is none. */
export function knownUpdate(app: ManagerApp, request: FastifyRequest): UpdateView {
  const update = paramOf(request, "update");
  const view = app.updates.find(update);
  if (view === undefined) throw new ApiError("unknown-update", { update });
  return view;
}

/** Counts of the attempts of nodes that the asker sees. */
function countsSeen(app: ManagerApp, sees: ((node: string) => boolean) | undefined) {
  return sees === undefined ? (update: string) => app.updates.counts(update) : app.updates.countsWithin(sees);
}

/** Without the targets that the asker doesn't see. */
function seenPart(view: UpdateView, sees: ((node: string) => boolean) | undefined): UpdateView {
  return sees === undefined ? view : { ...view, update: seenUpdate(view.update, sees) };
}

/** Ids of every node of the update's model that the asker sees; of every such node when it names none. */
async function nodesOfModel(
  app: ManagerApp,
  model: string | undefined,
  within: ((node: string) => boolean) | undefined,
): Promise<readonly string[]> {
  const nodes: string[] = [];
  let after: string | undefined = "";
  while (nodes.length <= maxNodesStarted) {
    const step: NodeWalk = await app.registry.walk({
      after,
      limit: pageSize,
      within,
      ...(model === undefined ? {} : { model }),
    });
    nodes.push(...step.nodes.map((each) => each.id));
    if (step.next === undefined) return nodes;
    after = step.next;
  }
  throw new ApiError("too-many", { limit: `${maxNodesStarted} nodes of one start` });
}
