import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { isPassword, passwordRule } from "../../domain/operator-account.ts";
import { type ActionName, permissionOf, permissions } from "../../domain/permissions.ts";
import { ApiError } from "./api-error.ts";
import { lesserRole } from "./lesser-role.ts";
import { actorOf, admittedOf, maybeAdmitted } from "./request-actor.ts";
import { objectOf, paramOf } from "./request-input.ts";
import { csrfTokenOf, type SessionWay, sessionSeconds } from "./sessions.ts";
import type { SignIn } from "./sign-in.ts";

export const sessionPath = "/api/v1/session";

/** Signing in and out, one's own sessions and password. A password, a link or the machine's token is exchanged for a cookie that no script can read. */
export function addSessionRoutes(server: FastifyInstance, app: ManagerApp, signIn: SignIn): void {
  server.post(sessionPath, async (request, reply) => {
    const { operator, way, needsPassword } = await provenBy(request, signIn);
    const session = signIn.sessions.begin(operator, way, addressOf(request), needsPassword);
    setCookie(request, reply, session, sessionSeconds);
    await app.audit.record({
      what: "signed-in",
      actor: { kind: "operator", id: operator, from: addressOf(request) },
      subject: `operator/${operator}`,
      after: { way },
    });
    return await reply.send({ operator, csrf: csrfTokenOf(session) });
  });

  // What the console asks first: who am I, and what may I do?
  server.get(sessionPath, (request, reply) => {
    const who = maybeAdmitted(request);
    const secret = sessionOf(request);
    reply.header("cache-control", "no-store");
    if (who === undefined) return reply.send({ operator: null });
    const { id, role, scopes } = who.principal;
    return reply.send({
      operator: id,
      role,
      scopes,
      way: who.way,
      may: allowedActions(app, request),
      hasPassword: who.way === "insecure" ? false : app.operators.hasPassword(id),
      ...(who.way === "session" && secret !== undefined && { csrf: csrfTokenOf(secret), session: who.session?.id }),
    });
  });

  server.delete(sessionPath, async (request, reply) => {
    const session = sessionOf(request);
    if (session !== undefined) signIn.sessions.end(session);
    setCookie(request, reply, "", 0);
    return await reply.code(204).send();
  });

  server.post("/api/v1/sign-in-codes", async (request, reply) => {
    notByToken(request);
    const body = request.body instanceof Uint8Array && request.body.length > 0 ? objectOf(request, "sign-in code") : {};
    const { operator = admittedOf(request).principal.id } = body;
    if (typeof operator !== "string" || app.operators.principal(operator) === undefined) {
      throw new ApiError("unknown-operator", { operator: String(operator) });
    }
    if (operator !== admittedOf(request).principal.id) requireAction(app, request, "operator.change");
    const { principal, session } = admittedOf(request);
    const code = signIn.code(operator, operator === principal.id && session?.needsPassword === true);
    await app.audit.record({ what: "sign-in-link-made", actor: actorOf(request), subject: `operator/${operator}` });
    return await reply
      .code(201)
      .header("cache-control", "no-store")
      .send({ operator, code, link: `${request.protocol}://${request.headers.host ?? ""}/#code=${code}` });
  });

  server.put("/api/v1/password", async (request, reply) => {
    notByToken(request);
    const { principal, session } = admittedOf(request);
    const name = principal.id;
    const { current, password } = objectOf(request, "password");
    if (!isPassword(password, name)) {
      throw new ApiError("bad-body", { kind: "password", path: "password", rule: `must be ${passwordRule}` });
    }
    // A link from an admin and the machine's own token say as much as the old password does; a session that is left open doesn't.
    const isSureWho = session?.needsPassword !== true || !app.operators.hasPassword(name);
    if (!isSureWho) await signIn.byPassword(name, typeof current === "string" ? current : "", addressOf(request));
    if ((await app.operators.setPassword(name, password, actorOf(request))) === "unknown") {
      throw new ApiError("unknown-operator", { operator: name });
    }
    // Whoever else came in by the old one is out, and doesn't come back by a link.
    signIn.forgetCodes(name);
    signIn.sessions.endEach((each) => each.operator === name && each.id !== session?.id);
    return await reply.code(204).send();
  });

  server.get("/api/v1/sessions", (request) => {
    notByToken(request);
    const isAdmin = mayAct(app, request, "operator.change");
    const { principal, session } = admittedOf(request);
    const sessions = signIn.sessions.list(isAdmin ? undefined : principal.id);
    return { sessions: sessions.map((each) => ({ ...each, isThis: each.id === session?.id })) };
  });

  server.delete("/api/v1/sessions/:session", async (request, reply) => {
    notByToken(request);
    const id = paramOf(request, "session");
    const own = mayAct(app, request, "operator.change") ? undefined : admittedOf(request).principal.id;
    const ended = signIn.sessions.endEach((each) => each.id === id && (own === undefined || each.operator === own));
    if (ended.length === 0) throw new ApiError("unknown-session", { session: id });
    // Whoever had it may have made himself a link.
    for (const { operator } of ended) signIn.forgetCodes(operator);
    await app.audit.record({ what: "session-ended", actor: actorOf(request), subject: `session/${id}` });
    return await reply.code(204).send();
  });
}

async function provenBy(
  request: FastifyRequest,
  signIn: SignIn,
): Promise<{ operator: string; way: SessionWay; needsPassword: boolean }> {
  const { name, password, token, code } = objectOf(request, "sign-in");
  const address = addressOf(request);
  if (typeof name === "string" && typeof password === "string") {
    await signIn.byPassword(name, password, address);
    return { operator: name, way: "password", needsPassword: true };
  }
  if (typeof code === "string") return { ...signIn.byCode(code.slice(0, 256), address), way: "link" };
  if (typeof token === "string") {
    const { way, principal } = signIn.byToken(token.slice(0, 256), address);
    // A session would be its owner's, with all that he may do.
    if (way !== "machine") throw new ApiError("not-with-a-token");
    return { operator: principal.id, way: "machine", needsPassword: false };
  }
  const rule = "must have a name and a password, a code, or the machine's token";
  throw new ApiError("bad-body", { kind: "sign-in", path: "its top", rule });
}

/** What an API token may not do: it would outlive its own end by a password or another token. */
export function notByToken(request: FastifyRequest): void {
  if (admittedOf(request).way === "token") throw new ApiError("not-with-a-token");
}

export function mayAct(app: ManagerApp, request: FastifyRequest, action: ActionName): boolean {
  return app.authoriser.operator(admittedOf(request).principal, permissionOf(action)) === "allowed";
}

/** For what only some inputs of a route need. */
export function requireAction(app: ManagerApp, request: FastifyRequest, action: ActionName): void {
  if (mayAct(app, request, action)) return;
  throw lesserRole(admittedOf(request), permissionOf(action));
}

/** On a node of his, where one must be in his scope. */
function allowedActions(app: ManagerApp, request: FastifyRequest): readonly ActionName[] {
  const { principal } = admittedOf(request);
  return (Object.keys(permissions) as ActionName[]).filter((each) => {
    const permission = permissionOf(each);
    const scopes = permission.scope === "node" ? [] : principal.scopes;
    return app.authoriser.operator({ ...principal, scopes }, permission) === "allowed";
  });
}

/** The session that the request's cookie names. */
export function sessionOf(request: FastifyRequest): string | undefined {
  const name = cookieName(request);
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim() || undefined;
  }
  return undefined;
}

function addressOf(request: FastifyRequest): string {
  return request.socket.remoteAddress ?? "";
}

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, age: number): void {
  const rules = `Path=/; Max-Age=${age}; HttpOnly; SameSite=Strict${request.protocol === "https" ? "; Secure" : ""}`;
  reply.header("set-cookie", `${cookieName(request)}=${value}; ${rules}`).header("cache-control", "no-store");
}

/**
 * Browsers don't tell ports apart: two managers on one machine would sign each other's operators out. Over TLS the prefix keeps whoever has a
 * neighbouring name, or the way in the open, from setting it.
 */
function cookieName(request: FastifyRequest): string {
  return `${request.protocol === "https" ? "__Host-" : ""}coxswain_session_${request.socket.localPort ?? 0}`;
}
