import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Batches, BatchPlan } from "../../app/api/batches.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import {
  batchModelRule,
  batchSizes,
  batchTimes,
  hardwareIdRule,
  isBatchModel,
  isHardwareId,
} from "../../domain/batch.ts";
import { ApiError } from "./api-error.ts";
import type { CoapUrls } from "./http-server-options.ts";
import { actorOf } from "./request-actor.ts";
import { objectOf, paramOf, queryText } from "./request-input.ts";

const hourMs = 3_600_000;

/** Keys of batches: /api/v1/batches. */
export function addBatchRoutes(server: FastifyInstance, app: ManagerApp, coapUrls: () => CoapUrls): void {
  const batches = (): Batches => app.enrolments.batches;
  server.get("/api/v1/batches", () => ({ batches: batches().list() }));

  server.post("/api/v1/batches", async (request, reply) => {
    const created = await batches().create(planOf(request), actorOf(request));
    if (created === "full") throw new ApiError("too-many", { limit: "batches" });
    reply.code(201).header("cache-control", "no-store");
    return await reply.send({ ...created, manager: coapUrls().coap });
  });

  server.get("/api/v1/batches/:batch/devices", async (request) => {
    const batch = paramOf(request, "batch");
    const devices = await batches().devices(batch);
    if (devices === undefined) throw new ApiError("unknown-batch", { batch });
    return { devices };
  });

  server.post("/api/v1/batches/:batch/devices/:hardware/reopen", async (request) => {
    const [batch, hardware] = [paramOf(request, "batch"), paramOf(request, "hardware")];
    if (!isHardwareId(hardware)) throw badBody("hardware", `must be ${hardwareIdRule}`);
    const device = await batches().reopen(batch, hardware, actorOf(request));
    if (device === "unknown") throw new ApiError("unknown-batch", { batch });
    return device;
  });

  server.delete("/api/v1/batches/:batch", async (request) => {
    const batch = paramOf(request, "batch");
    const nodes = queryText(request, "nodes") ?? "false";
    if (nodes !== "true" && nodes !== "false") throw badBody("nodes", "must be true or false");
    const revoked = await batches().revoke(batch, nodes === "true", actorOf(request));
    if (revoked === "unknown") throw new ApiError("unknown-batch", { batch });
    return revoked;
  });
}

function planOf(request: FastifyRequest): BatchPlan {
  const body = objectOf(request, "batch");
  const { model = "node", limit = batchSizes.default, hours = batchTimes.default / hourMs, hardware } = body;
  if (typeof model !== "string" || !isBatchModel(model)) throw badBody("model", `must be ${batchModelRule}`);
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > batchSizes.max) {
    throw badBody("limit", `must be a whole number from 1 to ${batchSizes.max}`);
  }
  const lifeMs = typeof hours === "number" ? Math.round(hours * hourMs) : Number.NaN;
  if (!(lifeMs >= batchTimes.min && lifeMs <= batchTimes.max)) {
    throw badBody("hours", `must be a number from ${1 / 60} to ${batchTimes.max / hourMs}`);
  }
  return { model, limit, lifeMs, ...(hardware !== undefined && { hardware: hardwareOf(hardware) }) };
}

function hardwareOf(list: unknown): readonly string[] {
  const isList = Array.isArray(list) && list.length > 0 && list.length <= batchSizes.listed;
  if (!isList) throw badBody("hardware", `must be a list of 1 to ${batchSizes.listed} hardware ids`);
  return list.map((each: unknown) => {
    if (typeof each === "string" && isHardwareId(each)) return each;
    throw badBody("hardware", `must have hardware ids alone: ${hardwareIdRule}`);
  });
}

function badBody(path: string, rule: string): ApiError {
  return new ApiError("bad-body", { kind: "batch", path, rule });
}
