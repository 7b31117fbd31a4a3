import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { EnvelopeRefusal } from "../../app/api/updates.ts";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { knownUpdate } from "./update-routes.ts";

/** Over every limit of an envelope, which then says by how much. */
const maxManifestBytes = 65_536;

/** The signed envelope of an update, as bytes. Add it where bodies stay streams. */
export function addManifestRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/updates/:update/manifest", async (request, reply) => {
    const update = knownUpdate(app, request).update.id;
    const envelope = await app.updates.manifest(update);
    if (envelope === undefined) throw new ApiError("no-manifest", { update });
    return await reply.type("application/octet-stream").send(Buffer.from(envelope));
  });

  server.put("/api/v1/updates/:update/manifest", async (request, reply) => {
    const update = knownUpdate(app, request).update.id;
    const outcome = await app.updates.setManifest(update, await collected(request), actorOf(request));
    switch (outcome.kind) {
      case "stored":
        return await reply.send(outcome.update);
      case "unknown-update":
        throw new ApiError("unknown-update", { update });
      case "withdrawn":
        throw new ApiError("update-withdrawn", { update });
      case "in-use":
        throw new ApiError("manifest-in-use", { update });
      case "refused":
        throw envelopeError(outcome);
    }
  });
}

export function envelopeError({ reason, where }: EnvelopeRefusal): ApiError {
  switch (reason) {
    // What only a node finds, about its own state.
    case "no-payload-key":
    case "unsupported-variant":
    case "wrong-base":
    case "over-budget":
    case "no-previous-image":
    case "digest-mismatch":
      return new ApiError("manifest-mismatch", { where: `${reason}: ${where}` });
    default:
      return new ApiError(reason, { where });
  }
}

/** The body of a request whose content type is handed on as a stream. */
async function collected(request: FastifyRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > maxManifestBytes) throw new ApiError("body-too-large", { limit: maxManifestBytes });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
