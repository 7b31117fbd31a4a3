import { request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Clock, sleep } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { retrySchedule } from "../../../kernel/retry-schedule.ts";
import type { SiteAccess, SiteLink, SiteReport } from "../../../schemas/generated/types.ts";
import { decode, encodeJson, jsonFormat, type Sendable } from "../../../schemas/wire/codec.ts";

export interface SiteFollowerOptions {
  readonly link: Pick<SiteLink, "site" | "manager" | "secret" | "ca">;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** What is told with each request: the revision that is known, where the gateway is at home, its CA, who was taken away here. */
  report(): Sendable<Omit<SiteReport, "waitSeconds">>;
  /** The manager's list changed. Rejects when it couldn't be taken: it is asked for again. */
  replace(access: SiteAccess): Promise<void>;
  /** Default 50: the manager answers by then. Networks cut connections that say nothing for long. */
  readonly waitSeconds?: number;
}

const defaultWaitSeconds = 50;
/** Between lists: news that come one after another aren't each written to the disk. */
const paceMs = 250;
/** Beyond the wait: the manager is gone. */
const graceMs = 15_000;
const maxAnswerBytes = 32_768;
const retry = { baseMs: 1000, capMs: 120_000 };

type Answer =
  | { readonly kind: "access"; readonly access: SiteAccess }
  | { readonly kind: "same" }
  | { readonly kind: "refused"; readonly status: number };

/**
 * Asks the manager for the household's phones, one request after the other: each waits there until there is news. A manager that is away is tried again for ever,
 * and what it said last stays good meanwhile.
 */
export class SiteFollower {
  readonly #options: SiteFollowerOptions;
  #stopping: AbortController | undefined;
  #request: AbortController | undefined;
  #pause: AbortController | undefined;
  #isHurried = false;
  #running: Promise<void> = Promise.resolve();
  #lastFailure = "";
  /** The manager answered the last time. */
  isHeard: boolean = false;

  constructor(options: SiteFollowerOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = new AbortController();
    this.#running = this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.#request?.abort();
    this.#pause?.abort();
    await this.#running;
    this.#stopping = undefined;
  }

  /** There is something to tell the manager now. */
  hurry(): void {
    this.#isHurried = true;
    this.#request?.abort();
    this.#pause?.abort();
  }

  async #run(stopping: AbortSignal): Promise<void> {
    const { entropy, log, link, report, replace } = this.#options;
    let delays = retrySchedule(retry, entropy)[Symbol.iterator]();
    while (!stopping.aborted) {
      this.#isHurried = false;
      let failure: string;
      try {
        const asked = { ...report(), waitSeconds: this.#options.waitSeconds ?? defaultWaitSeconds };
        const answer = await this.#ask(asked);
        failure = answer.kind === "refused" ? `answered ${answer.status}` : "";
        // Whoever says at once what was known would be asked in a circle.
        if (answer.kind === "access" && answer.access.revision === asked.revision) failure = "said no news as news";
        else if (answer.kind === "access") {
          await replace(answer.access);
          await this.#wait(paceMs);
        }
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      }
      if (stopping.aborted) return;
      if (this.#isHurried) continue;
      this.isHeard = failure === "";
      if (failure === "") {
        this.#lastFailure = "";
        delays = retrySchedule(retry, entropy)[Symbol.iterator]();
        continue;
      }
      // What it was refused for, it is refused for again: the log says it once.
      if (failure !== this.#lastFailure) log.warn("site-manager-away", { manager: link.manager, reason: failure });
      this.#lastFailure = failure;
      await this.#wait(Number(delays.next().value));
    }
  }

  async #wait(ms: number): Promise<void> {
    this.#pause = new AbortController();
    try {
      await sleep(this.#options.clock, ms, this.#pause.signal);
    } catch {
      // Hurried or stopping.
    }
    this.#pause = undefined;
  }

  #ask(report: Sendable<SiteReport>): Promise<Answer> {
    const { link, clock } = this.#options;
    const body = encodeJson("site-report", report);
    const url = new URL(`${link.manager}/site-link/${encodeURIComponent(link.site)}`);
    if (url.protocol !== "https:" && !isHere(url.hostname)) {
      return Promise.reject(new Error("the link's secret isn't told in the open: the manager has to speak https"));
    }
    const aborting = new AbortController();
    this.#request = aborting;
    const deadline = clock.after((report.waitSeconds ?? 0) * 1000 + graceMs, () => aborting.abort());
    const options: RequestOptions & { ca?: string } = {
      ...{ method: "POST", signal: aborting.signal, agent: false },
      headers: {
        ...{ "content-type": "application/json", "content-length": body.length },
        authorization: `Bearer ${link.secret}`,
      },
      ...(link.ca !== undefined && { ca: link.ca }),
    };
    return new Promise<Answer>((resolve, reject) => {
      const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, options, (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) aborting.abort();
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => resolve(answerOf(response.statusCode ?? 0, Buffer.concat(chunks), link.site)));
      });
      request.on("error", reject);
      request.end(body);
    }).finally(() => {
      deadline.cancel();
      if (this.#request === aborting) this.#request = undefined;
    });
  }
}

function answerOf(status: number, body: Uint8Array, site: string): Answer {
  if (status === 204) return { kind: "same" };
  if (status !== 200) return { kind: "refused", status };
  const decoded = decode("site-access", body, jsonFormat);
  if (!decoded.ok || decoded.value.site !== site) return { kind: "refused", status };
  return { kind: "access", access: decoded.value };
}

function isHere(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
