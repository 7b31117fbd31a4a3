import { PassThrough } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { PlanRefusal, RolloutForecast, RolloutStep, RolloutView } from "../../app/api/rollouts.ts";
import { parseRolloutPlan, planLimits } from "../../domain/rollout/parse-rollout-plan.ts";
import { type MemberPhase, memberPhases } from "../../domain/rollout/rollout-members.ts";
import type { RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import type { Scope } from "../../domain/scope.ts";
import { ApiError } from "./api-error.ts";
import { seenBy } from "./authorise-request.ts";
import { actorOf, principalOf } from "./request-actor.ts";
import { nodeIdOf, nodeIdsOf, objectOf, paramOf, queryInteger, queryText } from "./request-input.ts";
import { planAdvice, stepAdvice } from "./rollout-advice.ts";

const maxWhyLength = 200;
/** A line of JSON each: `{done}`, a share, now and then, and at last the answer. */
const progressType = "application/x-ndjson";
const maxSeed = 4_294_967_295;

function forecastOf(outcome: RolloutForecast | PlanRefusal): RolloutForecast {
  if (outcome.kind === "refused") throw refusal(outcome);
  return outcome;
}

/** Rollouts and quarantined images: /api/v1/rollouts, /api/v1/quarantine. An operator with a scope sees and steers rollouts that can't leave it. */
export function addRolloutRoutes(server: FastifyInstance, app: ManagerApp): void {
  const { rollouts } = app;
  // A list of nodes is longer than other bodies.
  const large = { bodyLimit: planLimits.bytes };
  server.get("/api/v1/rollouts", (request) => ({
    rollouts: rollouts.list().filter((each) => isWithin(each.plan, principalOf(request).scopes)),
  }));

  server.post("/api/v1/rollouts", large, async (request, reply) => {
    const plan = planOf(request, objectOf(request, "rollout"));
    const outcome = await rollouts.create(plan, actorOf(request));
    if (outcome.kind === "refused") throw refusal(outcome);
    return await reply.code(201).header("location", `/api/v1/rollouts/${plan.id}`).send(outcome.rollout);
  });

  server.post("/api/v1/rollouts/preview", large, async (request) => {
    const outcome = await rollouts.preview(planOf(request, objectOf(request, "rollout")));
    if (outcome.kind === "refused") throw refusal(outcome);
    return outcome;
  });

  server.post("/api/v1/rollouts/forecast", large, async (request, reply) => {
    const { seed = 1, ...body } = objectOf(request, "rollout");
    if (typeof seed !== "number" || !Number.isInteger(seed) || seed < 0 || seed > maxSeed)
      throw new ApiError("bad-body", {
        kind: "rollout",
        path: "seed",
        rule: `must be a whole number up to ${maxSeed}`,
      });
    const plan = planOf(request, body);
    const lines = request.headers.accept === progressType ? new PassThrough() : undefined;
    const outcome = rollouts.forecast(plan, seed, (done) => {
      // Whoever reads too slowly, or left, misses some.
      if (lines?.writableNeedDrain === false && !lines.destroyed) lines.write(`${JSON.stringify({ done })}\n`);
    });
    if (lines === undefined) return forecastOf(await outcome);
    void outcome.then(
      (found) => lines.end(`${JSON.stringify(found)}\n`),
      (error: unknown) => lines.destroy(error instanceof Error ? error : new Error(String(error))),
    );
    return await reply.type(progressType).send(lines);
  });

  server.get("/api/v1/rollouts/:rollout", (request) => knownRollout(app, request));

  server.get("/api/v1/rollouts/:rollout/members", (request) => {
    const { id } = knownRollout(app, request);
    const phase = queryText(request, "phase");
    if (phase !== undefined && !isPhase(phase))
      throw new ApiError("bad-query", { name: "phase", value: phase, needed: memberPhases.join(", ") });
    const limit = queryInteger(request, "limit", 1, 1000) ?? 100;
    const after = queryText(request, "after") ?? "";
    // A node that got other labels since it became a member may be out of the asker's sight.
    const within = seenBy(app, request);
    const members = rollouts.members(id, { ...(phase && { phase }), after, limit, within }) ?? [];
    const last = members.at(-1);
    return { members, ...(members.length === limit && last && { next: last.node }) };
  });

  server.post("/api/v1/rollouts/:rollout/steps", large, async (request) => {
    const { id } = knownRollout(app, request);
    const outcome = await rollouts.steer(id, stepOf(objectOf(request, "step")), actorOf(request));
    if (outcome.kind === "unknown-rollout") throw new ApiError("unknown-rollout", { rollout: id });
    if (outcome.kind === "refused")
      throw new ApiError("rollout-refused", { rollout: id, reason: outcome.why, todo: stepAdvice(outcome.why, id) });
    return outcome.rollout;
  });

  server.get("/api/v1/nodes/:node/rollouts", async (request) => {
    const node = nodeIdOf(paramOf(request, "node"));
    const answers = await rollouts.whyOf(node);
    if (answers === "unknown-node") throw new ApiError("unknown-node", { node });
    const { scopes } = principalOf(request);
    const isHis = (rollout: string): boolean => {
      const view = rollouts.find(rollout);
      return view !== undefined && isWithin(view.plan, scopes);
    };
    // Others' rollouts are his business where they move his node.
    return { rollouts: answers.filter(({ phase, rollout }) => phase !== "not-a-member" || isHis(rollout)) };
  });

  server.get("/api/v1/quarantine", () => ({ quarantined: rollouts.quarantined() }));

  server.delete("/api/v1/quarantine/:model/:hex", async (request, reply) => {
    const model = paramOf(request, "model");
    const digest = `sha256:${paramOf(request, "hex")}`;
    if ((await rollouts.lift(model, digest, actorOf(request))) === "not-quarantined") {
      throw new ApiError("not-quarantined", { digest, model });
    }
    return await reply.code(204).send();
  });
}

function planOf(request: FastifyRequest, body: Readonly<Record<string, unknown>>): RolloutPlan {
  const parsed = parseRolloutPlan(body, principalOf(request).scopes);
  if (!parsed.ok) throw new ApiError("bad-body", { kind: "rollout", path: parsed.path, rule: parsed.rule });
  return parsed.plan;
}

/** The rollout of the path, if it can't reach a node that the asker doesn't see. Another's is as unknown as none. */
function knownRollout(app: ManagerApp, request: FastifyRequest): RolloutView {
  const rollout = paramOf(request, "rollout");
  const view = app.rollouts.find(rollout);
  if (view === undefined || !isWithin(view.plan, principalOf(request).scopes)) {
    throw new ApiError("unknown-rollout", { rollout });
  }
  return view;
}

/** Each of the asker's scopes is one of the plan's, so no member is outside of any. */
function isWithin(plan: RolloutPlan, scopes: readonly Scope[]): boolean {
  const held = new Set(plan.scopes.map((scope) => [...scope].sort(byText).join(" ")));
  return scopes.every((scope) => held.has([...scope].sort(byText).join(" ")));
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

function refusal({ why, about }: PlanRefusal): ApiError {
  if (why === "full") return new ApiError("too-many", { limit: about });
  return new ApiError("plan-refused", { reason: why, about, todo: planAdvice[why] });
}

function isPhase(text: string): text is MemberPhase {
  return (memberPhases as readonly string[]).includes(text);
}

function stepOf(body: Readonly<Record<string, unknown>>): RolloutStep {
  const { step, why = "", opensGate = false, cancelsUnderWay = false, nodes } = body;
  if (typeof why !== "string" || why.length > maxWhyLength)
    throw new ApiError("bad-body", {
      kind: "step",
      path: "why",
      rule: `must be a text of at most ${maxWhyLength} characters`,
    });
  for (const [path, value] of Object.entries({ opensGate, cancelsUnderWay })) {
    if (typeof value !== "boolean")
      throw new ApiError("bad-body", { kind: "step", path, rule: "must be true or false" });
  }
  switch (step) {
    case "start":
    case "approve":
      return { kind: step };
    case "pause":
    case "revert":
      return { kind: step, why: why === "" ? `by hand` : why };
    case "resume":
      return { kind: "resume", opensGate: opensGate === true };
    case "abort":
      return { kind: "abort", cancelsUnderWay: cancelsUnderWay === true };
    case "retry":
      return nodes === undefined
        ? { kind: "retry" }
        : { kind: "retry", nodes: nodeIdsOf(nodes, "nodes", "step", planLimits.nodes) };
    default:
      throw new ApiError("bad-body", {
        ...{ kind: "step", path: "step" },
        rule: "must be start, approve, pause, resume, abort, revert or retry",
      });
  }
}
