import type { FastifyInstance } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { parseLabels } from "../../domain/node-labels.ts";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { nodeIdOf, objectOf, paramOf } from "./request-input.ts";

/** Site and tags of a node, which needn't be registered yet: /api/v1/nodes/:node/labels. */
export function addLabelRoutes(server: FastifyInstance, app: ManagerApp): void {
  const told = (node: string): unknown => ({ own: app.labels.own(node), effective: app.labels.of(node) });

  server.get("/api/v1/nodes/:node/labels", (request, reply) => reply.send(told(nodeIdOf(paramOf(request, "node")))));

  server.put("/api/v1/nodes/:node/labels", async (request) => {
    const node = nodeIdOf(paramOf(request, "node"));
    const parsed = parseLabels(objectOf(request, "label list"));
    if (!parsed.ok) throw new ApiError("bad-body", { kind: "label list", path: parsed.path, rule: parsed.rule });
    if ((await app.labels.set(node, parsed.labels, actorOf(request))) === "full") {
      throw new ApiError("too-many", { limit: "nodes with labels" });
    }
    return told(node);
  });
}
