import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { ApiError } from "./api-error.ts";
import { queryInteger, queryText } from "./request-input.ts";

/** Who did what: /api/v1/audit. */
export function addAuditRoutes(server: FastifyInstance, app: ManagerApp): void {
  server.get("/api/v1/audit", async (request) => {
    const before = queryText(request, "before");
    const page = await app.audit.list({
      subject: queryText(request, "subject"),
      before,
      limit: queryInteger(request, "limit", 1, 1000),
    });
    if (page === undefined) {
      throw new ApiError("bad-query", { name: "before", value: before ?? "", needed: "the `next` of an earlier page" });
    }
    return page;
  });

  server.get("/api/v1/audit/verify", () => app.audit.verify());

  server.get("/api/v1/audit/export", async (_request, reply) => {
    reply.type("application/x-ndjson; charset=utf-8").header("cache-control", "no-store");
    return await reply.send(Readable.from(linesOf(app)));
  });
}

/** One entry a line, and the heads as the last: a file without them was cut on its way. */
async function* linesOf(app: ManagerApp): AsyncGenerator<string> {
  const heads = await app.audit.heads();
  let entries = 0;
  for await (const entry of app.audit.export()) {
    entries++;
    yield `${JSON.stringify(entry)}\n`;
  }
  yield `${JSON.stringify({ heads, entries })}\n`;
}
