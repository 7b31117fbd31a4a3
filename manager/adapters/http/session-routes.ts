import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./api-error.ts";
import { actorOf } from "./request-actor.ts";
import { objectOf } from "./request-input.ts";
import { type SignIn, sessionSeconds } from "./sign-in.ts";

export const sessionPath = "/api/v1/session";

/** Signing in and out of the console: a token or a code is exchanged for a cookie that no script can read. */
export function addSessionRoutes(server: FastifyInstance, signIn: SignIn): void {
  server.post(sessionPath, async (request, reply) => {
    const body = objectOf(request, "sign-in");
    const address = request.socket.remoteAddress ?? "";
    const { token, code } = body;
    const actor =
      typeof token === "string"
        ? signIn.byToken(token.slice(0, 256), address)
        : typeof code === "string"
          ? signIn.byCode(code.slice(0, 256), address)
          : undefined;
    if (actor === undefined) {
      throw new ApiError("bad-body", { kind: "sign-in", path: "its top", rule: "must have a token or a code" });
    }
    setCookie(request, reply, signIn.begin(actor), sessionSeconds);
    return await reply.code(204).send();
  });

  server.delete(sessionPath, async (request, reply) => {
    const session = sessionOf(request);
    if (session !== undefined) signIn.end(session);
    setCookie(request, reply, "", 0);
    return await reply.code(204).send();
  });

  server.post("/api/v1/sign-in-codes", async (request, reply) => {
    const code = signIn.code(actorOf(request));
    return await reply
      .code(201)
      .send({ code, link: `${request.protocol}://${request.headers.host ?? ""}/#code=${code}` });
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

function setCookie(request: FastifyRequest, reply: FastifyReply, value: string, seconds: number): void {
  const rules = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${request.protocol === "https" ? "; Secure" : ""}`;
  reply.header("set-cookie", `${cookieName(request)}=${value}; ${rules}`).header("cache-control", "no-store");
}

/** Browsers don't tell ports apart: two managers on one machine would sign each other's operators out. */
function cookieName(request: FastifyRequest): string {
  return `coxswain_session_${request.socket.localPort ?? 0}`;
}
