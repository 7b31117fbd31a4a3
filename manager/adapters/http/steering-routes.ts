import type { FastifyInstance } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { ApiError } from "./api-error.ts";
import { requireSeen } from "./authorise-request.ts";
import { knownNode } from "./node-routes.ts";
import { actorOf } from "./request-actor.ts";
import { bodyOf, nodeIdsOf, objectOf, paramOf } from "./request-input.ts";

const maxNodesAsked = 1000;
const maxStatusDeadlineMs = 60_000;

/** What an operator wants of nodes: mode, commands, configuration, "status now". */
export function addSteeringRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/nodes/:node/mode", (request, reply) => reply.send(app.modes.get(knownNode(app, request))));

  server.put("/api/v1/nodes/:node/mode", async (request) => {
    const node = knownNode(app, request);
    const mode = bodyOf(request, "mode");
    const outcome = await app.modes.set(node, mode, actorOf(request));
    switch (outcome.kind) {
      case "set":
        return app.modes.get(node) ?? mode;
      case "unknown-node":
        throw new ApiError("unknown-node", { node });
      case "unknown-update":
        throw new ApiError("unknown-update", { update: mode.update ?? "" });
      case "refused":
        throw new ApiError("refused", { reason: outcome.reason, node });
    }
  });

  server.get("/api/v1/nodes/:node/commands", async (request) => ({
    commands: await app.commands.list(knownNode(app, request)),
  }));

  server.post("/api/v1/nodes/:node/commands", async (request, reply) => {
    const node = knownNode(app, request);
    const outcome = await app.commands.send(node, bodyOf(request, "command"), actorOf(request));
    switch (outcome.kind) {
      case "queued":
        return await reply.code(201).send(outcome);
      case "unknown-node":
        throw new ApiError("unknown-node", { node });
      case "queue-full":
        throw new ApiError("queue-full", { node });
      case "forbidden":
        throw new ApiError("forbidden", { reason: outcome.reason });
    }
  });

  server.delete("/api/v1/nodes/:node/commands/:command", async (request, reply) => {
    const node = knownNode(app, request);
    const command = paramOf(request, "command");
    const outcome = await app.commands.cancel(node, command, actorOf(request));
    if (outcome === "unknown-command") throw new ApiError("unknown-command", { node, command });
    if (outcome === "ended") throw new ApiError("refused", { node, reason: `the command ${command} has ended` });
    return await reply.code(204).send();
  });

  server.put("/api/v1/nodes/:node/config", async (request, reply) => {
    const node = knownNode(app, request);
    const outcome = await app.environments.configure(node, bodyOf(request, "configuration"), actorOf(request));
    if (outcome === "unknown-node") throw new ApiError("unknown-node", { node });
    if (outcome === "full") throw new ApiError("queue-full", { node });
    return await reply.code(202).send({ outcome });
  });

  server.delete("/api/v1/nodes/:node/attempt", async (request, reply) => {
    const node = knownNode(app, request);
    const outcome = await app.attempts.cancel(node, actorOf(request));
    if (outcome === "unknown-node") throw new ApiError("unknown-node", { node });
    if (outcome === "nothing-open") throw new ApiError("nothing-open", { node });
    return await reply.code(204).send();
  });

  server.post("/api/v1/status-now", async (request) => {
    const body = objectOf(request, "status request");
    const nodes = nodeIdsOf(body["nodes"], "nodes", "status request", maxNodesAsked);
    const deadlineMs = body["deadlineMs"] ?? 5000;
    if (typeof deadlineMs !== "number" || !(deadlineMs >= 100 && deadlineMs <= maxStatusDeadlineMs)) {
      const rule = `must be a number from 100 to ${maxStatusDeadlineMs}`;
      throw new ApiError("bad-body", { kind: "status request", path: "deadlineMs", rule });
    }
    requireSeen(app, request, nodes);
    return await app.statusNow.ask(nodes, { deadlineMs });
  });
}
