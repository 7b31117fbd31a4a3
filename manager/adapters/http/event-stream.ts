import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { LiveEvent } from "../../app/api/watching.ts";
import type { Principal } from "../../domain/authoriser.ts";
import { ApiError } from "./api-error.ts";
import { EventFeed, type FeedEvent } from "./event-feed.ts";
import type { HttpLimits } from "./http-server-options.ts";
import { queryInteger, queryText } from "./request-input.ts";
import { seenEvent } from "./seen-event.ts";

const keepAliveMs = 15_000;
const telemetryEveryMs = 1_000;
const retryMs = 2_000;

export interface EventStreamOptions {
  readonly app: ManagerApp;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly limits: HttpLimits;
  /** Who is asking, as often as it is asked: undefined once his token is revoked, his session ended, or his account gone. */
  admittedBy(request: FastifyRequest): () => Principal | undefined;
}

/** Somebody who follows, and what he may see now; undefined: everything. */
interface Follower {
  readonly response: ServerResponse;
  readonly admitted: () => Principal | undefined;
  principal: Principal;
}

/**
 * `GET /api/v1/events`: the live events as server-sent events. An `id` in Last-Event-ID (or `?after=`) resumes; where that
 * isn't possible the first event is `reset`: load everything anew. `hello` carries the present cursor.
 * `GET /api/v1/events/recent` gives those that are kept, newest first. Telemetry is summed up to one event a second without an id, so that it doesn't push the rest out of what is kept.
 */
export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #feed: EventFeed<LiveEvent>;
  readonly #followers = new Set<Follower>();
  readonly #telemetry = new Map<string, number>();
  #unsubscribe: (() => void) | undefined;
  #timers: Timer[] = [];

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#feed = new EventFeed({ capacity: options.limits.eventsKept, entropy: options.entropy });
  }

  start(): void {
    this.#unsubscribe = this.#options.app.events.subscribe((event) => this.#take(event));
    this.#every(keepAliveMs, () => {
      this.recheck();
      this.#writeAll(() => ": still here\n\n");
    });
    this.#every(telemetryEveryMs, () => this.#flushTelemetry());
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    for (const { response } of this.#followers) response.end();
    this.#followers.clear();
  }

  get followers(): number {
    return this.#followers.size;
  }

  /** Somebody may do less than before: who may not follow any more is let go, in this turn. */
  recheck(): void {
    for (const follower of this.#followers) {
      const principal = follower.admitted();
      if (principal !== undefined) {
        follower.principal = principal;
        continue;
      }
      this.#followers.delete(follower);
      follower.response.end();
    }
  }

  addRoutes(server: FastifyInstance): void {
    server.get("/api/v1/events/recent", (request) => {
      const limit = queryInteger(request, "limit", 1, this.#options.limits.eventsKept) ?? 100;
      const without = new Set(queryText(request, "without")?.split(","));
      const principal = this.#options.admittedBy(request)();
      const events = this.#feed.recent(
        limit,
        (event) => !without.has(event.kind) && principal !== undefined && this.#jsonFor(principal, event) !== undefined,
      );
      return {
        events: events.map((event) => ({
          id: event.id,
          kind: event.kind,
          atMs: event.atMs,
          data: JSON.parse((principal && this.#jsonFor(principal, event)) ?? "null") as unknown,
        })),
      };
    });
    server.get("/api/v1/events", (request, reply) => {
      if (this.#followers.size >= this.#options.limits.eventClients) {
        throw new ApiError("too-many", { limit: "eventClients" });
      }
      const header = request.headers["last-event-id"];
      const cursor = (Array.isArray(header) ? header[0] : header) ?? queryText(request, "after");
      const admitted = this.#options.admittedBy(request);
      const principal = admitted();
      if (principal === undefined) throw new ApiError("not-authorised");
      const own = [...this.#followers].filter((each) => each.principal.id === principal.id).length;
      if (own >= this.#options.limits.eventClientsEach) throw new ApiError("too-many", { limit: "eventClientsEach" });
      reply.hijack();
      this.#follow({ response: reply.raw, admitted, principal }, cursor);
    });
  }

  #follow(follower: Follower, cursor: string | undefined): void {
    const { response } = follower;
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const missed = cursor === undefined || cursor === "" ? [] : this.#feed.after(cursor);
    const start =
      missed === "gap"
        ? "event: reset\ndata: {}\n\n"
        : missed.map((event) => this.#textFor(follower.principal, event)).join("");
    const hello = `event: hello\nid: ${this.#feed.cursor()}\ndata: {"cursor":"${this.#feed.cursor()}"}\n\n`;
    response.write(`retry: ${retryMs}\n\n${start}${hello}`);
    this.#followers.add(follower);
    response.once("close", () => this.#followers.delete(follower));
    response.on("error", () => this.#followers.delete(follower));
  }

  #take(event: LiveEvent): void {
    if (event.kind === "telemetry") {
      this.#telemetry.set(event.node, (this.#telemetry.get(event.node) ?? 0) + event.points);
      return;
    }
    const added = this.#feed.add(event, this.#options.clock.wallMs());
    if (this.#followers.size > 0) this.#writeAll(({ principal }) => this.#textFor(principal, added));
  }

  #flushTelemetry(): void {
    if (this.#telemetry.size === 0) return;
    this.#writeAll(({ principal }) => {
      const seen = [...this.#telemetry].filter(([node]) => this.#options.app.authoriser.sees(principal, node));
      return seen.length === 0
        ? ""
        : `event: telemetry\ndata: ${JSON.stringify({ nodes: Object.fromEntries(seen) })}\n\n`;
    });
    this.#telemetry.clear();
  }

  /** What the event says to who may see that much; undefined: nothing. */
  #jsonFor(principal: Principal, event: FeedEvent<LiveEvent>): string | undefined {
    if (principal.scopes.length === 0) return event.json();
    const seen = seenEvent(event.value, (node) => this.#options.app.authoriser.sees(principal, node));
    if (seen === undefined || seen === event.value) return seen && event.json();
    const { kind: _, ...data } = seen;
    return JSON.stringify(data);
  }

  #textFor(principal: Principal, event: FeedEvent<LiveEvent>): string {
    const json = this.#jsonFor(principal, event);
    return json === undefined ? "" : `id: ${event.id}\nevent: ${event.kind}\ndata: ${json}\n\n`;
  }

  /** Who doesn't read is let go: it resumes by its cursor when it comes back. */
  #writeAll(textFor: (follower: Follower) => string): void {
    for (const follower of this.#followers) {
      const { response } = follower;
      if (response.writableLength > this.#options.limits.eventBacklogBytes) {
        this.#followers.delete(follower);
        response.destroy();
        continue;
      }
      const text = textFor(follower);
      if (text !== "") response.write(text);
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
