import type { BodySource, CoapReply, CoapRequest, Route } from "../../../coap/route.ts";
import { type Digest, digestFromHex, digestToBytes, parseDigest } from "../../../schemas/wire/digest.ts";
import type { CoapContext } from "./coap-context.ts";
import { refuse } from "./refusal.ts";
import { pathPart } from "./request-input.ts";

const octetStream = 42;
const etagBytes = 8;

/**
 * GET /artifacts/{digest} and /updates/{id}/download: the image, block-wise, any block at any time. The digest is 64 hexadecimal
 * digits. `?ep=ID&attempt=A`, as in the URI that the node was given, tell whose bytes these are.
 */
export function artifactRoutes(context: CoapContext): Route[] {
  return [
    {
      method: "GET",
      path: "/artifacts/:digest",
      replay: "again",
      produces: [octetStream],
      answer: (request, reply) => {
        const text = pathPart(request, "digest");
        const digest = digestFromHex(text) ?? parseDigest(text);
        if (digest === undefined) refuse(reply, "unknown-artifact", "the path holds 64 hexadecimal digits");
        else serve(context, request, reply, digest);
      },
    },
    {
      method: "GET",
      path: "/updates/:update/download",
      replay: "again",
      produces: [octetStream],
      answer: (request, reply) => {
        const found = context.app.updates.find(pathPart(request, "update"));
        const asker = context.askers.either(request);
        if (asker.kind === "refused") refuse(reply, asker.refusal, asker.detail);
        else if (found === undefined) refuse(reply, "unknown-update");
        else if (asker.kind === "node" && !context.app.updates.isFor(found.update.id, asker.node))
          refuse(reply, "not-a-target");
        else if (found.state === "withdrawn") refuse(reply, "withdrawn");
        else serve(context, request, reply, found.update.digest);
      },
    },
  ];
}

function serve(context: CoapContext, request: CoapRequest, reply: CoapReply, digest: Digest): void {
  const { app, askers } = context;
  const asker = askers.either(request);
  if (asker.kind === "refused") {
    refuse(reply, asker.refusal, asker.detail);
    return;
  }
  const reader = app.artifacts.open(digest);
  if (reader === undefined) {
    refuse(reply, "unknown-artifact", digest);
    return;
  }
  reply.contentFormat = octetStream;
  reply.maxAge = 3_600;
  const etag = digestToBytes(digest).subarray(0, etagBytes);
  const node = asker.kind === "node" ? asker.node : undefined;
  const attempt = request.query("attempt");
  if (node !== undefined) app.registry.heard(node);
  // `request` is valid in this turn only, so what a block's record needs is taken out of it now.
  const connection = `${request.peer.address}:${request.peer.port}`;
  const body: BodySource = {
    size: reader.size,
    etag,
    read(offset, length) {
      if (node !== undefined && attempt !== undefined) {
        app.fetches.served({ node, attempt, digest, way: "coap", connection, offset, length });
      }
      return reader.read(offset, length);
    },
  };
  reply.body = body;
}
