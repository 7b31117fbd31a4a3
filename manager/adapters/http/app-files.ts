import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { type AppFile, appPolicy, readAppFiles } from "../../../kernel/system/app-files.ts";
import { ApiError } from "./api-error.ts";

/** The household's app, by path; empty where it wasn't built. */
export function appFiles(): ReadonlyMap<string, AppFile> {
  const files = readAppFiles(fileURLToPath(new URL("../../../gateway/app-web/dist", import.meta.url)));
  return new Map([...files].map(([path, file]) => [`/app/${path === "index.html" ? "" : path}`, file]));
}

/** The same app that gateways serve: an invitation leads here where the phone isn't at home. */
export function addAppFiles(server: FastifyInstance, files: ReadonlyMap<string, AppFile>): void {
  server.get("/app/*", (request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const file = files.get(path);
    if (file === undefined) throw new ApiError("no-such-path", { method: "GET", path });
    const { bytes, type, etag, isImmutable } = file;
    reply.header("content-security-policy", appPolicy).header("etag", etag);
    reply.header("cache-control", isImmutable ? "public, max-age=31536000, immutable" : "no-cache");
    return request.headers["if-none-match"] === etag ? reply.code(304).send() : reply.type(type).send(bytes);
  });
}
