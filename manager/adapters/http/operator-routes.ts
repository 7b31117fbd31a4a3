import type { FastifyInstance } from "fastify";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { isOperatorName, operatorNameRule, tokenDays } from "../../domain/operator-account.ts";
import { isRole, lesserRole, type Role, roles } from "../../domain/role.ts";
import { parseScope, type Scope, scopeRule } from "../../domain/scope.ts";
import { ApiError } from "./api-error.ts";
import type { HttpServerOptions } from "./http-server-options.ts";
import { actorOf, admittedOf } from "./request-actor.ts";
import { objectOf, paramOf } from "./request-input.ts";
import { mayAct, notByToken, requireAction } from "./session-routes.ts";
import type { SignIn } from "./sign-in.ts";

const maxLabelLength = 80;

/** Accounts and API tokens: /api/v1/operators, /api/v1/tokens. */
export function addOperatorRoutes(
  server: FastifyInstance,
  app: ManagerApp,
  signIn: SignIn,
  coapUrls: HttpServerOptions["coapUrls"],
): void {
  server.get("/api/v1/operators", () => ({ operators: app.operators.list() }));

  server.post("/api/v1/operators", async (request, reply) => {
    const body = objectOf(request, "operator");
    const { name } = body;
    if (!isOperatorName(name)) throw badBody("operator", "name", `must be ${operatorNameRule}`);
    const role = roleOf(body["role"] ?? "viewer", "operator");
    const scope = scopeOf(body["scope"] ?? [], "operator");
    const outcome = await app.operators.add(name, role, scope, actorOf(request));
    if (outcome === "exists") throw new ApiError("operator-exists", { operator: name });
    if (outcome === "full") throw new ApiError("too-many", { limit: "operators" });
    return await reply.code(201).header("location", `/api/v1/operators/${name}`).send({ name, role, scope });
  });

  server.put("/api/v1/operators/:operator/role", async (request) => {
    const name = paramOf(request, "operator");
    const body = objectOf(request, "operator");
    const role = roleOf(body["role"], "operator");
    const scope = scopeOf(body["scope"] ?? [], "operator");
    const outcome = await app.operators.change(name, role, scope, actorOf(request));
    if (outcome === "unknown") throw new ApiError("unknown-operator", { operator: name });
    if (outcome === "last-admin") throw new ApiError("last-admin", { operator: name });
    return { name, role, scope };
  });

  server.delete("/api/v1/operators/:operator", async (request, reply) => {
    const name = paramOf(request, "operator");
    const outcome = await app.operators.remove(name, actorOf(request));
    if (outcome === "unknown") throw new ApiError("unknown-operator", { operator: name });
    if (outcome === "last-admin") throw new ApiError("last-admin", { operator: name });
    signIn.forgetCodes(name);
    signIn.sessions.endEach((each) => each.operator === name && each.way !== "machine");
    return await reply.code(204).send();
  });

  // What a client needs to be this operator on CoAP; told this once.
  server.post("/api/v1/operators/:operator/credential", async (request, reply) => {
    notByToken(request);
    const name = paramOf(request, "operator");
    const { scheme = "oscore" } = objectOf(request, "operator credential");
    if (scheme !== "oscore" && scheme !== "x509")
      throw badBody("operator credential", "scheme", "must be oscore or x509");
    reply.code(201).header("cache-control", "no-store");
    const { coap, coaps } = coapUrls();
    if (scheme === "x509") {
      if (coaps === undefined) throw new ApiError("no-dtls", { scheme });
      const issued = await app.operators.issueCertificate(name, actorOf(request));
      if (issued === "unknown") throw new ApiError("unknown-operator", { operator: name });
      if (issued === "no-authority") throw new ApiError("no-authority");
      const { certificate, key, ca, validUntilMs } = issued;
      return await reply.send({ operator: name, manager: coaps, x509: { certificate, key, ca, validUntilMs } });
    }
    const key = await app.operators.issueKey(name, actorOf(request));
    if (key === "unknown") throw new ApiError("unknown-operator", { operator: name });
    const { masterSecret, masterSalt } = key.secrets;
    const oscore = {
      ...{ masterSecret: toHex(masterSecret), masterSalt: toHex(masterSalt) },
      ...{ senderId: key.kid, recipientId: "" },
    };
    return await reply.send({ operator: name, manager: coap, oscore });
  });

  server.delete("/api/v1/operators/:operator/credential", async (request, reply) => {
    const name = paramOf(request, "operator");
    const outcome = await app.operators.revokeKey(name, actorOf(request));
    if (outcome === "unknown") throw new ApiError("unknown-operator", { operator: name });
    if (outcome === "none") throw new ApiError("no-operator-key", { operator: name });
    return await reply.code(204).send();
  });

  server.get("/api/v1/tokens", (request) => {
    notByToken(request);
    const isAdmin = mayAct(app, request, "operator.change");
    return { tokens: app.operators.tokens(isAdmin ? undefined : admittedOf(request).principal.id) };
  });

  server.post("/api/v1/tokens", async (request, reply) => {
    notByToken(request);
    const body = objectOf(request, "token");
    const { principal } = admittedOf(request);
    const { operator = principal.id, label = "", days = tokenDays.default } = body;
    if (typeof operator !== "string") throw badBody("token", "operator", "must be an operator's name");
    if (operator !== principal.id) requireAction(app, request, "operator.change");
    const owner = app.operators.principal(operator);
    if (owner === undefined) throw new ApiError("unknown-operator", { operator });
    if (typeof label !== "string" || label.length > maxLabelLength) {
      throw badBody("token", "label", `must be a text of at most ${maxLabelLength} characters`);
    }
    if (typeof days !== "number" || !(days >= 1 / 1440 && days <= tokenDays.max)) {
      throw badBody("token", "days", `must be a number from 1/1440, a minute, to ${tokenDays.max}`);
    }
    const role = roleOf(body["role"] ?? "viewer", "token");
    if (lesserRole(role, owner.role) !== role) {
      throw badBody("token", "role", `must not be above ${operator}'s, which is ${owner.role},`);
    }
    const scope = scopeOf(body["scope"] ?? [], "token");
    const created = await app.operators.createToken({ operator, label, role, scope, days }, actorOf(request));
    if (created === "unknown") throw new ApiError("unknown-operator", { operator });
    if (created === "full") throw new ApiError("too-many", { limit: "operatorTokens" });
    if (created === "full-for-operator") throw new ApiError("too-many-tokens", { operator });
    return await reply
      .code(201)
      .header("cache-control", "no-store")
      .send({ operator, label, role, scope, ...created });
  });

  server.delete("/api/v1/tokens/:token", async (request, reply) => {
    notByToken(request);
    const id = paramOf(request, "token");
    const own = mayAct(app, request, "operator.change") ? undefined : admittedOf(request).principal.id;
    if ((await app.operators.revokeToken(id, actorOf(request), own)) === "unknown") {
      throw new ApiError("unknown-token", { token: id });
    }
    return await reply.code(204).send();
  });
}

function badBody(kind: string, path: string, rule: string): ApiError {
  return new ApiError("bad-body", { kind, path, rule });
}

function roleOf(value: unknown, kind: string): Role {
  if (!isRole(value)) throw badBody(kind, "role", `must be ${roles.join(", ")}`);
  return value;
}

function scopeOf(value: unknown, kind: string): Scope {
  const scope = parseScope(value);
  if (scope === undefined) throw badBody(kind, "scope", `must be a list of ${scopeRule}`);
  return scope;
}
