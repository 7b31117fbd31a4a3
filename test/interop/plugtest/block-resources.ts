import { Code, ContentFormat } from "../../../coap/message.ts";
import type { LinkAttributes } from "../../../coap/route.ts";
import { sleep } from "../../../kernel/clock.ts";
import { separateDelayMs, textRoute } from "./core-resources.ts";
import { maxBody, maxCreated, type PlugtestSite, textBytes } from "./plugtest-site.ts";

/** 20 lines of 64 bytes: 61 characters, two bars, a newline. */
const largeText = Array.from({ length: 20 }, (_, i) => {
  const words = ` line ${i + 1} of 20, and each of them has exactly 64 bytes`;
  return `|${words.padEnd(61)}|\n`;
}).join("");
const block: LinkAttributes = { rt: "block" };

/** The resources of the tests CB01 to CB08 and CL06. */
export function addBlockResources(site: PlugtestSite): void {
  site.route(textRoute("/large", largeText, { ...block, sz: 1280, title: "Large resource" }));
  site.route({
    method: "GET",
    path: "/large-separate",
    replay: "once",
    attributes: { ...block, title: "Large resource, separate" },
    async later(_request, signal) {
      await sleep(site.clock, separateDelayMs, signal);
      return { contentFormat: ContentFormat.textPlain, payload: textBytes(largeText) };
    },
  });
  addLargeUpdate(site);
  addLargeCreate(site);
  site.route({
    method: "POST",
    path: "/large-post",
    replay: "once",
    maxBody,
    attributes: { ...block, title: "Answers the body in upper case" },
    answer(request, reply) {
      reply.contentFormat = ContentFormat.textPlain;
      reply.payload = textBytes(new TextDecoder().decode(request.payload).toUpperCase());
    },
  });
}

function addLargeUpdate(site: PlugtestSite): void {
  const path = "/large-update";
  let body = textBytes(largeText);
  let format: number = ContentFormat.textPlain;
  site.route({
    method: "GET",
    path,
    replay: "again",
    attributes: { ...block, title: "Large resource that can be updated by PUT" },
    answer(_request, reply) {
      reply.contentFormat = format;
      reply.payload = body;
    },
  });
  site.route({
    method: "PUT",
    path,
    replay: "once",
    maxBody,
    answer(request, reply) {
      if (request.contentFormat === undefined) {
        reply.code = Code.badRequest;
        reply.payload = textBytes("Content-Format is missing");
        return;
      }
      body = request.payload.slice();
      format = request.contentFormat;
    },
  });
}

function addLargeCreate(site: PlugtestSite): void {
  const made = new Map<string, { readonly body: Uint8Array; readonly format: number }>();
  let count = 0;
  site.route({
    method: "POST",
    path: "/large-create",
    replay: "once",
    maxBody,
    attributes: { ...block, title: "Large resource that is made by POST" },
    answer(request, reply) {
      const name = String(++count);
      made.set(name, {
        body: request.payload.slice(),
        format: request.contentFormat ?? ContentFormat.octetStream,
      });
      if (made.size > maxCreated) made.delete(made.keys().next().value!);
      reply.code = Code.created;
      reply.locationPath = ["large-create", name];
    },
  });
  site.route({
    method: "GET",
    path: "/large-create",
    replay: "again",
    answer(_request, reply) {
      reply.contentFormat = ContentFormat.linkFormat;
      reply.payload = textBytes([...made.keys()].map((name) => `</large-create/${name}>`).join(","));
    },
  });
  site.route({
    method: "GET",
    path: "/large-create/:name",
    replay: "again",
    answer(request, reply) {
      const found = made.get(request.params["name"]!);
      if (found === undefined) {
        reply.code = Code.notFound;
        return;
      }
      reply.contentFormat = found.format;
      reply.payload = found.body;
    },
  });
  site.route({
    method: "DELETE",
    path: "/large-create/:name",
    replay: "once",
    answer(request) {
      made.delete(request.params["name"]!);
    },
  });
}
