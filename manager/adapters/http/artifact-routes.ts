import type { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { digestHex } from "../../../schemas/wire/digest.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { UpdateView } from "../../app/api/updates.ts";
import type { StoreOptions } from "../../ports/artifacts.ts";
import { ApiError } from "./api-error.ts";
import type { HttpLimits } from "./http-server-options.ts";
import { actorOf } from "./request-actor.ts";
import { digestOf, paramOf } from "./request-input.ts";

/** Uploading and listing artifacts: /api/v1/artifacts. An upload is streamed to disk and never whole in memory. */
export function addArtifactRoutes(
  server: FastifyInstance,
  app: ManagerApp,
  limits: Pick<HttpLimits, "artifactBytes" | "storedBytes">,
): void {
  const uploads = new Set<{ bytes: number }>();
  /** What may still be stored beside this one: others that are under way have their room already. */
  const roomBeside = (own: object): number => {
    let taken = app.artifacts.list().reduce((sum, each) => sum + each.size, 0);
    for (const each of uploads) if (each !== own) taken += each.bytes;
    return limits.storedBytes - taken;
  };

  server.get("/api/v1/artifacts", () => ({ artifacts: app.artifacts.list() }));

  server.get("/api/v1/artifacts/:hex", (request, reply) => {
    const digest = digestOf(paramOf(request, "hex"));
    const found = app.artifacts.find(digest);
    if (found === undefined) throw new ApiError("unknown-artifact", { digest });
    return reply.send(found);
  });

  // The digest in the path is checked against the bytes; uploading the same bytes again is no error.
  server.put("/api/v1/artifacts/:hex", async (request, reply) => {
    const digest = digestOf(paramOf(request, "hex"));
    const isNew = app.artifacts.find(digest) === undefined;
    const stored = await store(request, { digest });
    return await reply
      .code(isNew ? 201 : 200)
      .header("location", `/artifacts/${digestHex(digest)}`)
      .send(stored);
  });

  // For uploads from programs that don't compute digests: the answer says what it is.
  server.post("/api/v1/artifacts", async (request, reply) => await reply.code(201).send(await store(request, {})));

  server.delete("/api/v1/artifacts/:hex", async (request, reply) => {
    const digest = digestOf(paramOf(request, "hex"));
    const user = app.updates.list().find((each) => each.state !== "withdrawn" && isFetchedBy(each, digest));
    if (user !== undefined) throw new ApiError("artifact-in-use", { digest, update: user.update.id });
    const before = app.artifacts.find(digest);
    if (before !== undefined) {
      await app.audit.record({
        what: "artifact-removed",
        actor: actorOf(request),
        subject: artifactSubject(digest),
        before,
      });
    }
    if (!(await app.artifacts.remove(digest))) throw new ApiError("unknown-artifact", { digest });
    return await reply.code(204).send();
  });

  async function store(request: FastifyRequest, options: StoreOptions): Promise<unknown> {
    const announced = request.headers["content-length"];
    const size = announced === undefined ? undefined : Number(announced);
    if (size !== undefined && size > limits.artifactBytes) {
      throw new ApiError("body-too-large", { limit: limits.artifactBytes });
    }
    const isKept = options.digest !== undefined && app.artifacts.find(options.digest) !== undefined;
    // Taken before anything is awaited, so that what comes at the same time counts it. Without a length it grows as bytes come.
    const upload = { bytes: isKept ? 0 : (size ?? 1) };
    if (!isKept && upload.bytes > roomBeside(upload)) throw new ApiError("disk-full");
    uploads.add(upload);
    const aborter = new AbortController();
    const onClose = (): void => {
      if (!request.raw.complete) aborter.abort(new ApiError("size-mismatch"));
    };
    request.raw.once("close", onClose);
    try {
      // Without a body there is no stream either; storage then says that the artifact is empty.
      const body = request.body === undefined ? [] : (request.body as Readable);
      const source = limited(body, limits.artifactBytes, (bytes) => {
        if (isKept || bytes <= upload.bytes) return true;
        upload.bytes = bytes;
        return bytes <= roomBeside(upload);
      });
      const found = await app.artifacts.store(source, {
        ...options,
        ...(size === undefined ? {} : { size }),
        signal: aborter.signal,
      });
      // After it: until an update names it nobody gets it, and who uploads it again is told again.
      if (!isKept) {
        await app.audit.record({
          what: "artifact-stored",
          actor: actorOf(request),
          subject: artifactSubject(found.digest),
          after: found,
        });
      }
      return found;
    } finally {
      uploads.delete(upload);
      request.raw.off("close", onClose);
    }
  }
}

/** Its image, or what it can be fetched as: a node that finds a payload gone ends its attempt. */
function isFetchedBy({ update, signed }: UpdateView, digest: string): boolean {
  return update.digest === digest || signed?.payloads.some((each) => each.digest === digest) === true;
}

function artifactSubject(digest: string): string {
  return `artifact/${digest}`;
}

async function* limited(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  maxBytes: number,
  hasRoom: (bytes: number) => boolean,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new ApiError("body-too-large", { limit: maxBytes });
    if (!hasRoom(bytes)) throw new ApiError("disk-full");
    yield chunk;
  }
}
