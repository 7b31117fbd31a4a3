import type { FastifyRequest } from "fastify";
import type { Actor } from "../../app/api/registry.ts";
import type { Principal } from "../../domain/authoriser.ts";
import { ApiError } from "./api-error.ts";
import type { Admitted } from "./sign-in.ts";

const admitted = new WeakMap<FastifyRequest, Admitted>();

/** Notes who is asking, before a route sees the request. */
export function setAdmitted(request: FastifyRequest, who: Admitted | undefined): void {
  if (who !== undefined) admitted.set(request, who);
}

/** Who is asking, and how he proved it. Throws `not-authorised` where nobody had to: such a route must not do anything in his name. */
export function admittedOf(request: FastifyRequest): Admitted {
  const who = admitted.get(request);
  if (who === undefined) throw new ApiError("not-authorised");
  return who;
}

/** The same; undefined where nobody had to prove who he is. */
export function maybeAdmitted(request: FastifyRequest): Admitted | undefined {
  return admitted.get(request);
}

/** What who is asking may do. */
export function principalOf(request: FastifyRequest): Principal {
  return admittedOf(request).principal;
}

/** Who is asking, for what is recorded. */
export function actorOf(request: FastifyRequest): Actor {
  return { kind: "operator", id: principalOf(request).id, from: request.socket.remoteAddress };
}
