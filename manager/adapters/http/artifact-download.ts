import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { queryNames } from "../../../schemas/wire/paths.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { ArtifactInfo } from "../../ports/artifacts.ts";
import { ApiError } from "./api-error.ts";
import { type ByteRange, byteRange } from "./byte-range.ts";
import { maybeAdmitted } from "./request-actor.ts";
import { digestOf, paramOf, queryText } from "./request-input.ts";

const hourSeconds = 3600;
const shortDigits = /^[0-9a-f]{16}$/;

/**
 * `GET /artifacts/<64 hex>` for nodes: streamed, with Range, If-Range, If-None-Match and a strong ETag, which is the digest itself.
 * `?attempt=A&t=TOKEN`, as in the URI that the node was given, tell whose bytes these are and that he may have them.
 */
export function addArtifactDownload(server: FastifyInstance, app: ManagerApp, isInsecure: boolean): void {
  // Early device code gets its link in 64 bytes of text, so for it the first 16 digits stand for the digest.
  server.get("/u/:digits", async (request, reply) => {
    const digits = paramOf(request, "digits");
    const prefix = `sha256:${digits}`;
    const found = shortDigits.test(digits) && app.artifacts.list().find((each) => each.digest.startsWith(prefix));
    if (!found) throw new ApiError("unknown-artifact", { digest: digits });
    return await serve(app, request, reply, found);
  });

  server.route({
    method: ["GET", "HEAD"],
    url: "/artifacts/:hex",
    handler: async (request, reply) => {
      const digest = digestOf(paramOf(request, "hex"));
      if (!isInsecure) requireAccess(app, request, digest);
      const found = app.artifacts.find(digest);
      if (found === undefined) throw new ApiError("unknown-artifact", { digest });
      return await serve(app, request, reply, found);
    },
  });
}

/** An operator, or the link of an attempt that is open and whose update has this artifact. */
function requireAccess(app: ManagerApp, request: FastifyRequest, digest: string): void {
  if (maybeAdmitted(request) !== undefined) return;
  const token = queryText(request, queryNames.token);
  if (token === undefined) throw new ApiError("no-artifact-token");
  const { kind } = app.access.check(digest, queryText(request, queryNames.attempt) ?? "", token);
  if (kind !== "good") throw new ApiError(kind === "expired" ? "artifact-token-expired" : "wrong-artifact-token");
}

async function serve(
  app: ManagerApp,
  request: FastifyRequest,
  reply: FastifyReply,
  { digest, size }: ArtifactInfo,
): Promise<unknown> {
  const etag = `"${digest.slice("sha256:".length)}"`;
  reply.header("etag", etag).header("accept-ranges", "bytes");
  // The address says which bytes they are, so whoever has them never needs to ask again.
  reply.header("cache-control", `private, max-age=${hourSeconds}, immutable`);
  if (matches(request.headers["if-none-match"], etag)) return await reply.code(304).send();

  const range = askedRange(request, etag, size);
  if (range === "unsatisfiable") {
    reply.header("content-range", `bytes */${size}`);
    throw new ApiError("range-outside", { size });
  }
  const part = range === "whole" ? { start: 0, end: size } : range;
  reply.code(range === "whole" ? 200 : 206).type("application/octet-stream");
  reply.header("content-length", part.end - part.start);
  if (range !== "whole") reply.header("content-range", `bytes ${part.start}-${part.end - 1}/${size}`);
  if (request.method === "HEAD") return await reply.send();

  const source = app.artifacts.stream(digest, part);
  if (source === undefined) throw new ApiError("unknown-artifact", { digest });
  return await send(app, request, reply, { digest, part, source });
}

/** If-Range with another ETag means that the client's part is of other bytes: it gets the whole. */
function askedRange(request: FastifyRequest, etag: string, size: number): ByteRange | "whole" | "unsatisfiable" {
  const ifRange = request.headers["if-range"];
  if (ifRange !== undefined && ifRange !== etag) return "whole";
  return byteRange(request.headers.range, size);
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === "*" || header.split(",").some((each) => each.trim().replace(/^W\//, "") === etag);
}

async function send(
  app: ManagerApp,
  request: FastifyRequest,
  reply: FastifyReply,
  { digest, part, source }: { digest: string; part: ByteRange; source: AsyncIterable<Uint8Array> },
): Promise<unknown> {
  const attempt = queryText(request, queryNames.attempt) ?? "";
  const verdict = app.access.check(digest, attempt, queryText(request, queryNames.token) ?? "");
  const node = verdict.kind === "good" ? verdict.node : "";
  const connection = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
  const record = (offset: number, length: number): void => {
    if (node !== "" && attempt !== "") {
      app.fetches.served({ node, attempt, digest, way: "http", connection, offset, length });
    }
  };
  const bytes = counted(source, part.start, record);
  return await reply.send(Readable.from(bytes, { objectMode: false, highWaterMark: 65_536 }));
}

/** Passes the chunks on and records each when the next one is asked for, that is, when the socket had taken it. */
async function* counted(
  source: AsyncIterable<Uint8Array>,
  start: number,
  record: (offset: number, length: number) => void,
): AsyncGenerator<Uint8Array> {
  let offset = start;
  for await (const chunk of source) {
    yield chunk;
    record(offset, chunk.length);
    offset += chunk.length;
  }
}
