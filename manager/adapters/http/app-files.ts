import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { FastifyInstance } from "fastify";
import { appPolicy, type WebFile, webFiles } from "../../../kernel/system/web-files.ts";
import { ApiError } from "./api-error.ts";

/** The household's app, by path; empty where it wasn't built. */
export function appFiles(): ReadonlyMap<string, WebFile> {
  const files = webFiles(fileURLToPath(new URL("../../../gateway/app-web/dist", import.meta.url)));
  return new Map([...files].map(([path, file]) => [`/app/${path}`, file]));
}

/** The same app that gateways serve: an invitation leads here where the phone isn't at home. */
export function addAppFiles(server: FastifyInstance, files: ReadonlyMap<string, WebFile>): void {
  server.get("/app/*", async (request, reply) => {
    const path = request.url.split("?")[0] ?? "";
    const file = files.get(path);
    if (file === undefined) throw new ApiError("no-such-path", { method: "GET", path });
    reply.header("content-security-policy", appPolicy).header("cache-control", file.caching);
    return await reply.type(file.type).send(await readFile(file.file));
  });
}
