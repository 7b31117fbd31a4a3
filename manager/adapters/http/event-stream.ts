import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { LiveEvent } from "../../app/api/watching.ts";
import { ApiError } from "./api-error.ts";
import { EventFeed, type FeedEvent } from "./event-feed.ts";
import type { HttpLimits } from "./http-server-options.ts";
import { queryInteger, queryText } from "./request-input.ts";

const keepAliveMs = 15_000;
const telemetryEveryMs = 1_000;
const retryMs = 2_000;

export interface EventStreamOptions {
  readonly app: ManagerApp;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly limits: HttpLimits;
}

/**
 * `GET /api/v1/events`: the live events as server-sent events. An `id` in Last-Event-ID (or `?after=`) resumes; where that
 * isn't possible the first event is `reset`: load everything anew. `hello` carries the present cursor.
 * `GET /api/v1/events/recent` gives those that are kept, newest first. Telemetry is summed up to one event a second without an id, so that it doesn't push the rest out of what is kept.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #feed: EventFeed;
  readonly #followers = new Set<ServerResponse>();
  readonly #telemetry = new Map<string, number>();
  #unsubscribe: (() => void) | undefined;
  #timers: Timer[] = [];

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#feed = new EventFeed({ capacity: options.limits.eventsKept, entropy: options.entropy });
  }

  start(): void {
    this.#unsubscribe = this.#options.app.events.subscribe((event) => this.#take(event));
    this.#every(keepAliveMs, () => this.#writeAll(": still here\n\n"));
    this.#every(telemetryEveryMs, () => this.#flushTelemetry());
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  get followers(): number {
    return this.#followers.size;
  }

  addRoutes(server: FastifyInstance): void {
    server.get("/api/v1/events/recent", (request) => {
      const limit = queryInteger(request, "limit", 1, this.#options.limits.eventsKept) ?? 100;
      const without = new Set(queryText(request, "without")?.split(","));
      const events = this.#feed.recent(limit, (kind) => !without.has(kind));
      return {
        events: events.map((event) => ({
          id: event.id,
          kind: event.kind,
          atMs: event.atMs,
          data: JSON.parse(event.json()) as unknown,
        })),
      };
    });
    server.get("/api/v1/events", (request, reply) => {
      if (this.#followers.size >= this.#options.limits.eventClients) {
        throw new ApiError("too-many", { limit: "eventClients" });
      }
      const header = request.headers["last-event-id"];
      const cursor = (Array.isArray(header) ? header[0] : header) ?? queryText(request, "after");
      reply.hijack();
      this.#follow(reply.raw, cursor);
    });
  }

  #follow(response: ServerResponse, cursor: string | undefined): void {
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const missed = cursor === undefined || cursor === "" ? [] : this.#feed.after(cursor);
    const start = missed === "gap" ? "event: reset\ndata: {}\n\n" : missed.map(asText).join("");
    const hello = `event: hello\nid: ${this.#feed.cursor()}\ndata: {"cursor":"${this.#feed.cursor()}"}\n\n`;
    response.write(`retry: ${retryMs}\n\n${start}${hello}`);
    this.#followers.add(response);
    response.once("close", () => this.#followers.delete(response));
    response.on("error", () => this.#followers.delete(response));
  }

  #take(event: LiveEvent): void {
    if (event.kind === "telemetry") {
      this.#telemetry.set(event.node, (this.#telemetry.get(event.node) ?? 0) + event.points);
      return;
    }
    const added = this.#feed.add(event, this.#options.clock.wallMs());
    if (this.#followers.size > 0) this.#writeAll(asText(added));
  }

  #flushTelemetry(): void {
    if (this.#telemetry.size === 0) return;
    if (this.#followers.size > 0) {
      const nodes = Object.fromEntries(this.#telemetry);
      this.#writeAll(`event: telemetry\ndata: ${JSON.stringify({ nodes })}\n\n`);
    }
    this.#telemetry.clear();
  }

  /** Who doesn't read is let go: it resumes by its cursor when it comes back. */
  #writeAll(text: string): void {
    for (const follower of this.#followers) {
      if (follower.writableLength > this.#options.limits.eventBacklogBytes) {
        this.#followers.delete(follower);
        follower.destroy();
      } else {
        follower.write(text);
      }
    }
  }

  #every(intervalMs: number, action: () => void): void {
    const slot = this.#timers.length;
    const arm = (): void => {
      this.#timers[slot] = this.#options.clock.after(intervalMs, () => {
        action();
        arm();
      });
    };
    arm();
  }
}

function asText(event: FeedEvent): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${event.json()}\n\n`;
}
