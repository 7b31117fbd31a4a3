import type { FastifyInstance, FastifyRequest } from "fastify";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { IssueOutcome } from "../../app/api/credentials.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { type CredentialScheme, credentialSchemes, kidToBytes } from "../../domain/node-credential.ts";
import { ApiError } from "./api-error.ts";
import type { CoapUrls } from "./http-server-options.ts";
import { actorOf } from "./request-actor.ts";
import { bytesOf, nodeIdOf, objectOf, paramOf } from "./request-input.ts";

type Issued = Extract<IssueOutcome, { kind: "issued" }>;

/** The manager's own Sender ID in every context: the shortest there is, since the node knows one manager only. */
const managerSenderId = "";

/** Keys of nodes: /api/v1/nodes/:node/credentials. */
export function addCredentialRoutes(server: FastifyInstance, app: ManagerApp, coapUrls: () => CoapUrls): void {
  server.get("/api/v1/nodes/:node/credentials", async (request) => ({
    credentials: await app.credentials.list(nodeIdOf(paramOf(request, "node"))),
  }));

  server.post("/api/v1/nodes/:node/credentials", async (request, reply) => {
    const node = nodeIdOf(paramOf(request, "node"));
    const isRotation = isRotationOf(request);
    const current = isRotation ? app.credentials.schemeOf(node) : "oscore";
    if (current === undefined) throw new ApiError("nothing-to-rotate", { node });
    const scheme = schemeOf(request) ?? current;
    const asked = requestOf(request, scheme);
    const { coap, coaps, ca } = coapUrls();
    const manager = scheme === "oscore" ? coap : coaps;
    // Before the keys are made: nobody could use them.
    if (manager === undefined) throw new ApiError("no-dtls", { scheme });
    const actor = actorOf(request);
    const outcome = isRotation
      ? await app.credentials.rotate(node, actor, scheme, asked)
      : await app.credentials.issue(node, actor, scheme, asked);
    if (outcome.kind === "none") throw new ApiError("nothing-to-rotate", { node });
    if (outcome.kind === "full") throw new ApiError("too-many", { limit: "nodes with credentials" });
    reply.code(201).header("cache-control", "no-store");
    return await reply.send({
      ...{ id: node, scheme, manager, kid: toHex(kidToBytes(outcome.kid)) },
      ...(scheme === "x509" ? { subjectAltName: `URI:urn:coxswain:node:${node}` } : {}),
      credentials: withTrust(app, withCa(credentialsOf(outcome), ca)),
    });
  });

  server.delete("/api/v1/nodes/:node/credentials", async (request, reply) => {
    const node = nodeIdOf(paramOf(request, "node"));
    if ((await app.credentials.revoke(node, actorOf(request))) === "none") {
      throw new ApiError("no-credentials", { node });
    }
    return await reply.code(204).send();
  });
}

/** `{scheme}` */
function schemeOf(request: FastifyRequest): CredentialScheme | undefined {
  if (bytesOf(request).length === 0) return undefined;
  const { scheme } = objectOf(request, "credentials");
  if (scheme === undefined) return undefined;
  const found = credentialSchemes.find((each) => each === scheme);
  if (found !== undefined) return found;
  throw new ApiError("bad-body", {
    kind: "credentials",
    path: "scheme",
    rule: `must be ${credentialSchemes.join(", ")}`,
  });
}

/** `{rotate}` */
function isRotationOf(request: FastifyRequest): boolean {
  if (bytesOf(request).length === 0) return false;
  const { rotate = false } = objectOf(request, "credentials");
  if (typeof rotate === "boolean") return rotate;
  throw new ApiError("bad-body", { kind: "credentials", path: "rotate", rule: "must be true or false" });
}

/** `{request}`: PKCS #10, of a key that the node made. */
function requestOf(request: FastifyRequest, scheme: CredentialScheme): string | undefined {
  if (bytesOf(request).length === 0) return undefined;
  const { request: asked } = objectOf(request, "credentials");
  if (asked === undefined || (typeof asked === "string" && scheme === "x509")) return asked;
  throw new ApiError("bad-body", { kind: "credentials", path: "request", rule: "must be a text, for x509 alone" });
}

/** A node's certificate comes with the CA for DTLS, which is that of TLS too unless one was given for DTLS. */
function withCa(
  credentials: ReturnType<typeof credentialsOf>,
  ca: string | undefined,
): ReturnType<typeof credentialsOf> {
  if (credentials === null || ca === undefined) return credentials;
  const { dtls } = credentials as { dtls?: { ca?: string } };
  return dtls?.ca === ca ? credentials : { ...credentials, ca };
}

/** What a node believes first, beside its keys (docs/reference/update-manifest.md). */
function withTrust(
  { anchors }: ManagerApp,
  credentials: Readonly<Record<string, unknown>> | null,
): Readonly<Record<string, unknown>> | null {
  const keySet = anchors.keySet();
  if (credentials === null || keySet === undefined) return credentials;
  return { ...credentials, anchors: toHex(keySet), vendor: anchors.vendor };
}

/** The file of `cxnode --credentials`, as docs/reference/node.md describes it; null: the given CA makes what belongs into it. */
function credentialsOf({
  node,
  kid,
  secrets,
  identity,
  certificate,
}: Issued): Readonly<Record<string, unknown>> | null {
  switch (secrets.scheme) {
    case "oscore":
      return {
        id: node,
        oscore: {
          masterSecret: toHex(secrets.masterSecret),
          masterSalt: toHex(secrets.masterSalt),
          senderId: toHex(kidToBytes(kid)),
          recipientId: managerSenderId,
        },
      };
    case "psk":
      return { id: node, dtls: { psk: { identity, key: toHex(secrets.key) } } };
    case "x509":
      return certificate === undefined ? null : { id: node, dtls: filed(certificate) };
  }
}

function filed({ certificate, key, ca }: NonNullable<Issued["certificate"]>): Readonly<Record<string, unknown>> {
  return { certificate, ...(key !== undefined && { key }), ca };
}
