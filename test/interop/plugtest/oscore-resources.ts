import { Code, ContentFormat } from "../../../coap/message.ts";
import type { AnswerRoute, CoapReply, CoapRequest } from "../../../coap/route.ts";
import { OscoreContexts } from "../../../coap/security/oscore/oscore-contexts.ts";
import { volatileLeases } from "../../../coap/security/oscore/sequence-leases.ts";
import type { Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { type PlugtestSite, textBytes } from "./plugtest-site.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** The published secret of RFC 8613 appendix C, which both plugtests use: no number of it needs to be kept over a restart. */
const secret = { masterSecret: bytes("0102030405060708090a0b0c0d0e0f10"), masterSalt: bytes("9e7ca92223786340") };
const idContext = bytes("37cbf3210017a2d3");

/** The contexts of one endpoint: two of aiocoap's plugtest, and Californium's, whose client begins with appendix B.2. */
export function plugtestContexts(entropy: Entropy, log: Log): OscoreContexts {
  const contexts = new OscoreContexts({ entropy, log, leases: volatileLeases() });
  const identity = (id: string) => ({ kind: "operator", id, scheme: "oscore" }) as const;
  const aiocoap = { ...secret, senderId: bytes("01"), recipientId: bytes("") };
  const californium = { ...secret, senderId: bytes("02"), recipientId: bytes("01"), idContext };
  contexts.add(aiocoap, { identity: identity("a"), isNew: true });
  contexts.add({ ...aiocoap, idContext }, { identity: identity("c"), isNew: true });
  contexts.add(californium, { identity: identity("client"), isNew: true, derivesAnew: true });
  return contexts;
}

type Answer = (request: CoapRequest, reply: CoapReply) => void;
const hello = textBytes("Hello World!");

/** `/oscore` of Californium's checker, and what aiocoap's OSCORE plugtest asks for. */
export function addOscoreResources(site: PlugtestSite): void {
  const add = (method: AnswerRoute["method"], path: string, answer: Answer, more: Partial<AnswerRoute> = {}): void => {
    const replay = method === "GET" ? "again" : "once";
    site.route({ method, path, replay, ...more, answer: protectedOnly(answer) });
  };
  const text =
    (payload: Uint8Array, more: Partial<CoapReply> = {}): Answer =>
    (_request, reply) => {
      reply.contentFormat = ContentFormat.textPlain;
      reply.payload = payload;
      Object.assign(reply, more);
    };
  const nothing: Answer = () => {};

  add("GET", "/oscore", text(textBytes("Only for who protects")));
  add("PUT", "/oscore", nothing);
  add("DELETE", "/oscore", nothing);
  add("POST", "/oscore", (_request, reply) => {
    reply.code = Code.created;
  });

  site.route({ method: "GET", path: "/oscore/hello/coap", replay: "again", answer: text(hello) });
  add("GET", "/oscore/hello/1", text(hello));
  add("GET", "/oscore/hello/2", (request, reply) => {
    if (request.query("first") === "1") text(hello, { etag: bytes("2b") })(request, reply);
    else reply.code = Code.badRequest;
  });
  add("GET", "/oscore/hello/3", text(hello, { maxAge: 5 }), { produces: [ContentFormat.textPlain] });
  add("POST", "/oscore/hello/6", (request, reply) => text(request.payload)(request, reply));
  const etag = bytes("7b");
  add("PUT", "/oscore/hello/7", nothing, { etagOf: () => etag });
  add("DELETE", "/oscore/test", nothing);
  for (const path of ["/oscore/observe1", "/oscore/observe2"]) addObserved(site, path);
}

/** 4.01 for a request that came in the clear, whatever it was sent over. */
function protectedOnly(answer: Answer): Answer {
  return (request, reply) => {
    const { identity } = request.peer;
    if (identity.kind !== "none" && identity.scheme === "oscore") answer(request, reply);
    else reply.code = Code.unauthorized;
  };
}

/** Says `one`, and to who observes it `two` after two seconds, and 5.00 after two more. */
function addObserved(site: PlugtestSite, path: string): void {
  const betweenMs = 2000;
  /** Notifications go out after the turn in which the resource changed. */
  const restMs = 100;
  let step: "one" | "two" | "end" = "one";
  let timer: Timer | undefined;
  const go = (): void => {
    step = step === "one" ? "two" : "end";
    site.notify(path);
    timer = site.clock.after(step === "end" ? restMs : betweenMs, step === "end" ? begin : go);
  };
  const begin = (): void => {
    step = "one";
    timer = undefined;
  };
  site.onStop(() => timer?.cancel());
  site.route({
    method: "GET",
    path,
    replay: "again",
    observable: true,
    notifications: "confirmable",
    answer: protectedOnly((request, reply) => {
      if (request.observe === 0 && step === "one") timer ??= site.clock.after(betweenMs, go);
      reply.contentFormat = ContentFormat.textPlain;
      if (step === "end") reply.code = Code.internalServerError;
      reply.payload = textBytes(step === "end" ? "Terminate Observe" : step);
    }),
  });
}
