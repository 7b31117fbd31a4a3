import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { claimTimes } from "../../domain/enrolment.ts";
import { ApiError } from "./api-error.ts";
import type { CoapUrls } from "./http-server-options.ts";
import { actorOf } from "./request-actor.ts";
import { nodeIdOf, objectOf, paramOf } from "./request-input.ts";

const hourMs = 3_600_000;

/** Claim codes: /api/v1/claims. */
export function addClaimRoutes(server: FastifyInstance, app: ManagerApp, coapUrls: () => CoapUrls): void {
  server.get("/api/v1/claims", () => ({ claims: app.enrolments.claims() }));

  server.post("/api/v1/claims", async (request, reply) => {
    const { node = newId(), hours = claimTimes.default / hourMs } = objectOf(request, "claim");
    if (typeof node !== "string") throw badBody("node", "must be a node id");
    const lifeMs = typeof hours === "number" ? Math.round(hours * hourMs) : Number.NaN;
    if (!(lifeMs >= claimTimes.min && lifeMs <= claimTimes.max)) {
      throw badBody("hours", `must be a number from ${1 / 60} to ${claimTimes.max / hourMs}`);
    }
    const created = await app.enrolments.createClaim(nodeIdOf(node), lifeMs, actorOf(request));
    if (created === "full") throw new ApiError("too-many", { limit: "claims" });
    reply.code(201).header("cache-control", "no-store");
    return await reply.send({ ...created, manager: coapUrls().coap });
  });

  server.delete("/api/v1/claims/:claim", async (request, reply) => {
    const claim = paramOf(request, "claim");
    if ((await app.enrolments.revokeClaim(claim, actorOf(request))) === "unknown") {
      throw new ApiError("unknown-claim", { claim });
    }
    return await reply.code(204).send();
  });
}

function badBody(path: string, rule: string): ApiError {
  return new ApiError("bad-body", { kind: "claim", path, rule });
}

/** `node-5f3a9c27`: for a device that nobody named yet. */
function newId(): string {
  return `node-${randomBytes(4).toString("hex")}`;
}
