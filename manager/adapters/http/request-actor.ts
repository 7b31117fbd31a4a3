import type { FastifyRequest } from "fastify";
import type { Actor } from "../../app/api/registry.ts";
import { ApiError } from "./api-error.ts";

const actors = new WeakMap<FastifyRequest, Actor>();

/** Notes who is asking, before a route sees the request. */
export function setActor(request: FastifyRequest, actor: Actor | undefined): void {
  if (actor !== undefined) actors.set(request, actor);
}

/** The operator who asks. Throws `not-authorised` where nobody had to prove who he is: such a route must not do anything in his name. */
export function actorOf(request: FastifyRequest): Actor {
  const actor = actors.get(request);
  if (actor === undefined) throw new ApiError("not-authorised");
  return actor;
}
