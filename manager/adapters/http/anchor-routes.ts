import type { FastifyInstance } from "fastify";
import { fromBase64Url } from "../../../schemas/wire/base64url.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { objectOf, paramOf } from "./request-input.ts";
import { notByToken } from "./session-routes.ts";

const namePattern = /^[ -~]{1,64}$/;

/** Keys by which update manifests are trusted: /api/v1/anchors. */
export function addAnchorRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/anchors", () => {
    const keySet = app.anchors.keySet();
    return {
      vendor: app.anchors.vendor,
      anchors: app.anchors.list(),
      takesUnsigned: app.updates.takesUnsigned,
      ...(keySet && { keySet: Buffer.from(keySet).toString("hex") }),
    };
  });

  server.post("/api/v1/anchors", async (request, reply) => {
    // Whom it trusts stays trusted after the token's end.
    notByToken(request);
    const body = objectOf(request, "trust anchor");
    const { name = "", x, y } = body;
    if (typeof name !== "string" || !namePattern.test(name)) throw bad("name", "must be 1 to 64 printable characters");
    const key = { name, x: coordinate(x, "x"), y: coordinate(y, "y") };
    const outcome = await app.anchors.add(key, actorOf(request));
    if (outcome.kind === "full") throw new ApiError("anchors-full");
    if (outcome.kind === "bad-key") throw new ApiError("bad-key");
    return await reply.code(outcome.kind === "added" ? 201 : 200).send(outcome.anchor);
  });

  server.delete("/api/v1/anchors/:key", async (request, reply) => {
    notByToken(request);
    const key = paramOf(request, "key");
    if ((await app.anchors.remove(key, actorOf(request))) === "unknown") throw new ApiError("unknown-anchor", { key });
    return await reply.code(204).send();
  });
}

/** As in a JSON Web Key: 32 bytes, base64url. */
function coordinate(value: unknown, path: string): Uint8Array {
  const bytes = typeof value === "string" ? fromBase64Url(value) : undefined;
  if (bytes?.length === 32) return bytes;
  throw bad(path, "must be 32 bytes, base64url without padding");
}

function bad(path: string, rule: string): ApiError {
  return new ApiError("bad-body", { kind: "trust anchor", path, rule });
}
