import { Code, ContentFormat, OptionNumber } from "../../../coap/message.ts";
import type { AnswerRoute } from "../../../coap/route.ts";
import { sleep } from "../../../kernel/clock.ts";
import { writeCbor } from "../../../schemas/wire/cbor-writer.ts";

import { type PlugtestSite, textBytes } from "./plugtest-site.ts";

/** How long a separate answer is thought about. */
export const separateDelayMs = 1000;

/** The resources of the tests CC01 to CC23. */
export function addCoreResources(site: PlugtestSite): void {
  addTest(site);
  addSeparate(site);
  addTexts(site);
  addLocationQuery(site);
  addMultiFormat(site);
  addValidate(site);
  addCreate1(site);
}

/** A GET route that answers one text. */
export function textRoute(path: string, text: string, attributes: AnswerRoute["attributes"] = {}): AnswerRoute {
  const payload = textBytes(text);
  return {
    method: "GET",
    path,
    replay: "again",
    attributes,
    answer(_request, reply) {
      reply.contentFormat = ContentFormat.textPlain;
      reply.payload = payload;
    },
  };
}

function addTest(site: PlugtestSite): void {
  site.route(textRoute("/test", "The default resource of the CoAP plugtest", { title: "Default test resource" }));
  const etag = textBytes("test");
  // It is always there, so If-None-Match never holds.
  site.route({ method: "PUT", path: "/test", replay: "once", etagOf: () => etag, answer() {} });
  site.route({
    method: "POST",
    path: "/test",
    replay: "once",
    answer(_request, reply) {
      reply.code = Code.created;
      reply.locationPath = ["location1", "location2", "location3"];
    },
  });
  site.route({ method: "DELETE", path: "/test", replay: "once", answer() {} });
}

function addSeparate(site: PlugtestSite): void {
  site.route({
    method: "GET",
    path: "/separate",
    replay: "once",
    attributes: { title: "Answers in a message of its own" },
    async later(_request, signal) {
      await sleep(site.clock, separateDelayMs, signal);
      return { contentFormat: ContentFormat.textPlain, payload: textBytes("This answer came later") };
    },
  });
}

function addTexts(site: PlugtestSite): void {
  site.route(textRoute("/seg1", "A path of one segment", { title: "Long path resource" }));
  site.route(textRoute("/seg1/seg2", "A path of two segments", { title: "Long path resource" }));
  site.route(textRoute("/seg1/seg2/seg3", "A path of three segments", { title: "Long path resource" }));
  site.route({
    method: "GET",
    path: "/query",
    replay: "again",
    attributes: { title: "Takes any query" },
    answer(request, reply) {
      reply.contentFormat = ContentFormat.textPlain;
      reply.payload = textBytes(["The query:", ...request.queries].join("\n"));
    },
  });
}

function addLocationQuery(site: PlugtestSite): void {
  site.route({
    method: "POST",
    path: "/location-query",
    replay: "once",
    attributes: { title: "Answers with Location-Query" },
    answer(_request, reply) {
      reply.code = Code.created;
      reply.locationQuery = ["first=1", "second=2"];
    },
  });
}

function addMultiFormat(site: PlugtestSite): void {
  const formats = [ContentFormat.textPlain, ContentFormat.xml, ContentFormat.json, ContentFormat.cbor] as const;
  const words = "One resource in four formats";
  const bodies: Readonly<Record<(typeof formats)[number], Uint8Array>> = {
    [ContentFormat.textPlain]: textBytes(words),
    [ContentFormat.xml]: textBytes(`<?xml version="1.0"?><text>${words}</text>`),
    [ContentFormat.json]: textBytes(JSON.stringify({ text: words })),
    [ContentFormat.cbor]: writeCbor(new Map([["text", words]])),
  };
  site.route({
    method: "GET",
    path: "/multi-format",
    replay: "again",
    produces: formats,
    attributes: { ct: formats, title: "One resource in four formats" },
    answer(request, reply) {
      const format = formats.find((each) => each === request.accept) ?? ContentFormat.textPlain;
      reply.contentFormat = format;
      reply.payload = bodies[format];
    },
  });
}

function addValidate(site: PlugtestSite): void {
  // A counter and no digest: each PUT makes another ETag, also one that brings the same bytes.
  let version = 1;
  let body = textBytes("A resource with an ETag");
  let contentFormat: number = ContentFormat.textPlain;
  const etag = (): Uint8Array => Uint8Array.of(version >> 24, version >> 16, version >> 8, version);
  site.route({
    method: "GET",
    path: "/validate",
    replay: "again",
    attributes: { title: "Has an ETag that every PUT changes" },
    answer(_request, reply) {
      reply.etag = etag();
      reply.contentFormat = contentFormat;
      reply.payload = body;
    },
  });
  site.route({
    method: "PUT",
    path: "/validate",
    replay: "once",
    etagOf: etag,
    answer(request, reply) {
      version++;
      body = request.payload.slice();
      contentFormat = request.contentFormat ?? ContentFormat.octetStream;
      reply.etag = etag();
    },
  });
}

function addCreate1(site: PlugtestSite): void {
  let created: { readonly body: Uint8Array; readonly format: number } | undefined;
  site.route({
    method: "GET",
    path: "/create1",
    replay: "again",
    answer(_request, reply) {
      if (created === undefined) {
        reply.code = Code.notFound;
        return;
      }
      reply.contentFormat = created.format;
      reply.payload = created.body;
    },
  });
  site.route({
    method: "PUT",
    path: "/create1",
    replay: "once",
    // To the engine there is never anything: the 4.12 of this resource also removes it, which only a handler may do.
    etagOf: () => undefined,
    answer(request, reply) {
      if (created !== undefined && request.option(OptionNumber.ifNoneMatch) !== undefined) {
        created = undefined;
        reply.code = Code.preconditionFailed;
        return;
      }
      reply.code = created === undefined ? Code.created : Code.changed;
      created = { body: request.payload.slice(), format: request.contentFormat ?? ContentFormat.octetStream };
    },
  });
  site.route({
    method: "DELETE",
    path: "/create1",
    replay: "once",
    answer() {
      created = undefined;
    },
  });
}
