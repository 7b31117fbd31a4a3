import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Certificates, IssueServerOutcome } from "../../app/api/certificates.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { bytesOf, objectOf, paramOf, queryInteger, queryText } from "./request-input.ts";

/** The manager's own CA: /api/v1/ca; its certificate and its revocation list are for everybody. */
export function addAuthorityRoutes(server: FastifyInstance, app: ManagerApp): void {
  const { certificates } = app;

  server.get("/api/v1/ca", () => describe(certificates));

  server.get("/ca.pem", async (_request, reply) => {
    return await reply.type("application/x-pem-file").send(describe(certificates).certificate);
  });

  server.get("/ca.crl", async (_request, reply) => {
    const list = await certificates.revocations();
    if (list === undefined) throw new ApiError("no-authority");
    // RFC 2585 section 4.2.
    return await reply.type("application/pkix-crl").header("cache-control", "no-cache").send(list.der);
  });

  server.get("/api/v1/ca/certificates", (request) =>
    certificates.list({ after: queryText(request, "after"), limit: queryInteger(request, "limit", 1, 1000) }),
  );

  server.post("/api/v1/ca/certificates", async (request, reply) => {
    const { hosts } = objectOf(request, "certificate");
    if (!Array.isArray(hosts) || !hosts.every((each) => typeof each === "string")) {
      throw new ApiError("bad-body", { kind: "certificate", path: "hosts", rule: "must be names and IP addresses" });
    }
    const outcome = await certificates.issue({ hosts, request: requestOf(request) }, actorOf(request));
    return await answer(reply, outcome, "");
  });

  server.post("/api/v1/ca/certificates/:serial/renew", async (request, reply) => {
    const serial = paramOf(request, "serial").toLowerCase();
    return await answer(reply, await certificates.renew(serial, requestOf(request), actorOf(request)), serial);
  });

  server.delete("/api/v1/ca/certificates/:serial", async (request, reply) => {
    const serial = paramOf(request, "serial").toLowerCase();
    const outcome = await certificates.revoke(serial, actorOf(request));
    if (outcome === "unknown-certificate") throw new ApiError("unknown-certificate", { serial });
    if (outcome !== "revoked") throw new ApiError("certificate-of-node", { serial, node: outcome.node });
    return await reply.code(204).send();
  });
}

function describe(certificates: Certificates): NonNullable<ReturnType<Certificates["authority"]>> {
  const found = certificates.authority();
  if (found === undefined) throw new ApiError("no-authority");
  return found;
}

/** PKCS #10, of a key that is made elsewhere. */
function requestOf(request: FastifyRequest): string | undefined {
  if (bytesOf(request).length === 0) return undefined;
  const { request: asked } = objectOf(request, "certificate");
  if (asked === undefined || typeof asked === "string") return asked;
  throw new ApiError("bad-body", { kind: "certificate", path: "request", rule: "must be a text" });
}

async function answer(reply: FastifyReply, outcome: IssueServerOutcome, serial: string): Promise<unknown> {
  switch (outcome.kind) {
    case "issued":
      reply.code(201).header("cache-control", "no-store");
      return await reply.send({ ...outcome.issued, hosts: outcome.hosts });
    case "unknown-certificate":
      throw new ApiError("unknown-certificate", { serial });
    case "no-authority":
      throw new ApiError("no-authority");
    case "full":
      throw new ApiError("too-many", { limit: "serverCertificates" });
    case "bad-host":
      throw new ApiError("bad-body", {
        kind: "certificate",
        path: "hosts",
        rule: `must be 1 to 16 names or IP addresses${outcome.host === "" ? "" : `, which ${outcome.host} isn't`}`,
      });
  }
}
