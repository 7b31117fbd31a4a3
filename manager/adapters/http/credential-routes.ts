import type { FastifyInstance } from "fastify";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { kidToBytes } from "../../domain/node-credential.ts";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { nodeIdOf, paramOf } from "./request-input.ts";

/** The manager's own Sender ID in every context: the shortest there is, since the node knows one manager only. */
const managerSenderId = "";

/** Keys of nodes: /api/v1/nodes/:node/credentials. */
export function addCredentialRoutes(server: FastifyInstance, app: ManagerApp, coapUrl: () => string): void {
  server.get("/api/v1/nodes/:node/credentials", async (request) => ({
    credentials: await app.credentials.list(nodeIdOf(paramOf(request, "node"))),
  }));

  server.post("/api/v1/nodes/:node/credentials", async (request, reply) => {
    const node = nodeIdOf(paramOf(request, "node"));
    const outcome = await app.credentials.issue(node, actorOf(request));
    if (outcome.kind === "full") throw new ApiError("too-many", { limit: "nodes with credentials" });
    const { masterSecret, masterSalt } = outcome.secrets;
    const kid = toHex(kidToBytes(outcome.kid));
    reply.code(201).header("cache-control", "no-store");
    return await reply.send({
      id: node,
      manager: coapUrl(),
      kid,
      // The file of `cxnode --credentials`, as docs/reference/node.md describes it.
      credentials: {
        id: node,
        oscore: {
          masterSecret: toHex(masterSecret),
          masterSalt: toHex(masterSalt),
          senderId: kid,
          recipientId: managerSenderId,
        },
      },
    });
  });

  server.delete("/api/v1/nodes/:node/credentials", async (request, reply) => {
    const node = nodeIdOf(paramOf(request, "node"));
    if ((await app.credentials.revoke(node, actorOf(request))) === "none") {
      throw new ApiError("no-credentials", { node });
    }
    return await reply.code(204).send();
  });
}
