import { Code, ContentFormat } from "../../../coap/message.ts";
import type { CoapReplyFields, Peer } from "../../../coap/route.ts";
import { sleep } from "../../../kernel/clock.ts";
import type { RdLink } from "../../app/api/registry.ts";
import type { RecentMap } from "../../app/recent-map.ts";
import type { CoapContext } from "./coap-context.ts";
import { refusal } from "./refusal.ts";
import { registeredLinks } from "./registered-links.ts";

/** What a response without Max-Age is fresh for (RFC 7252 section 5.10.5). */
const defaultMaxAgeSeconds = 60;
/** A registrant that asks for more patience than this gets none. */
const maxWaitSeconds = 20;
const maxTries = 3;
const maxDocumentBytes = 16_384;

export interface CachedDocument {
  /** Whose it is: an address that changed hands is asked anew. */
  readonly from: string;
  readonly links: readonly RdLink[];
  readonly freshUntilMs: number;
}

type Fetched =
  | { readonly ok: true; readonly links: readonly RdLink[] }
  | { readonly ok: false; readonly refusal: CoapReplyFields };

/** What a registrant offers at its `/.well-known/core`, asked again only when it isn't fresh any more (RFC 9176 section 5.1). */
export class SimpleRegistration {
  readonly #context: CoapContext;
  readonly #documents: RecentMap<CachedDocument>;

  constructor(context: CoapContext, documents: RecentMap<CachedDocument>) {
    this.#context = context;
    this.#documents = documents;
  }

  async links(peer: Peer, node: string, signal: AbortSignal): Promise<Fetched> {
    const { clock } = this.#context;
    const from = `${peer.address}|${peer.port}`;
    const cached = this.#documents.get(node);
    if (cached?.from === from && cached.freshUntilMs > clock.monotonicMs()) return { ok: true, links: cached.links };
    const answer = await this.#ask(peer, signal);
    if (answer?.code !== Code.content) return { ok: false, refusal: refusal("no-answer", "GET /.well-known/core") };
    const document = registeredLinks(answer.payload);
    if (!document.ok) return { ok: false, refusal: refusal("bad-body", document.rule) };
    const freshUntilMs = clock.monotonicMs() + (answer.maxAge ?? defaultMaxAgeSeconds) * 1_000;
    this.#documents.set(node, { from, links: document.links, freshUntilMs });
    return document;
  }

  /** Protected for whoever registers, when that is known: nobody else at the address can answer. 5.03 is asked again as it says. */
  async #ask(
    peer: Peer,
    signal: AbortSignal,
  ): Promise<{ code: number; payload: Uint8Array; maxAge?: number | undefined } | undefined> {
    const { doors, clock } = this.#context;
    for (let tries = 1; ; tries++) {
      const answer = await doors
        .of(peer.identity)
        .request({
          ...{ to: peer, method: "GET", path: [".well-known", "core"], accept: ContentFormat.linkFormat },
          ...{ signal, maxResponseBody: maxDocumentBytes },
        })
        .catch(() => undefined);
      const waitSeconds = answer?.maxAge ?? defaultMaxAgeSeconds;
      const mayWait = tries < maxTries && waitSeconds <= maxWaitSeconds && !signal.aborted;
      if (answer?.code !== Code.serviceUnavailable || !mayWait) return answer;
      await sleep(clock, waitSeconds * 1_000, signal);
    }
  }
}
