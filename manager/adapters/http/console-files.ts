import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";

const folder = new URL("../../console/", import.meta.url);
const files = [
  { path: "/", name: "index.html", type: "text/html; charset=utf-8" },
  ...["console.js", "fleet.js", "view.js", "details.js", "sign-in.js", "session.js", "account.js"].map((name) => ({
    path: `/${name}`,
    name,
    type: "text/javascript; charset=utf-8",
  })),
  { path: "/console.css", name: "console.css", type: "text/css; charset=utf-8" },
];

export const consolePaths: readonly string[] = files.map(({ path }) => path);

const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The console's page: a fixed list of files, so that no path of a request ever reaches the disk. */
export function addConsoleFiles(server: FastifyInstance): void {
  for (const file of files) {
    server.get(file.path, async (_request, reply) => {
      const bytes = await readFile(new URL(file.name, folder));
      reply.header("content-security-policy", policy).header("cache-control", "no-cache");
      return await reply.type(file.type).send(bytes);
    });
  }
}
