import type { CoapEndpoint } from "../../../coap/endpoint.ts";
import { Code } from "../../../coap/message.ts";

const text = new TextEncoder();

/** Byte `at` of the body that `/body` and `/slow-body` have. */
export const patternAt = (at: number): number => (at * 31 + (at >> 8)) & 0xff;
export const patternSize = 5000;
const pattern = Uint8Array.from({ length: patternSize }, (_, at) => patternAt(at));

/** What `/echo/:name` answers: all that it was told. */
export const echoText = (name: string, queries: readonly string[]): string =>
  `${[name, ...queries].join("|")}!`.repeat(3);

/** The methods by path, `*` for one segment, `**` for any more: what the oracle knows of the routes. */
export const fuzzPaths: readonly { readonly path: readonly string[]; readonly methods: readonly number[] }[] = [
  { path: [".well-known", "core"], methods: [Code.get] },
  { path: ["echo", "*"], methods: [Code.get] },
  { path: ["store", "*"], methods: [Code.put, Code.get] },
  { path: ["once", "*"], methods: [Code.post, Code.delete] },
  { path: ["later", "**"], methods: [Code.fetch, Code.get] },
  { path: ["body"], methods: [Code.get] },
  { path: ["slow-body"], methods: [Code.get] },
  { path: ["shared"], methods: [Code.get] },
  { path: ["guarded"], methods: [Code.put] },
  { path: ["group"], methods: [Code.get] },
  { path: ["patch"], methods: [Code.patch, Code.iPatch] },
];

/** Every sort of route that the engine knows. `state` is what the oracle may look at. */
export function addFuzzRoutes(endpoint: CoapEndpoint): void {
  const stored = new Map<string, Uint8Array>();
  let version = 0;
  endpoint.route({
    method: "GET",
    path: "/echo/:name",
    replay: "again",
    observable: true,
    attributes: { rt: "echo" },
    answer(request, reply) {
      reply.payload = text.encode(echoText(request.params["name"]!, request.queries));
    },
  });
  endpoint.route({
    method: "PUT",
    path: "/store/:name",
    replay: "again",
    maxBody: 4096,
    accepts: [-1, 0, 42, 60],
    answer(request, reply) {
      if (stored.size > 16) stored.clear();
      stored.set(request.params["name"]!, request.payload.slice());
      reply.etag = Uint8Array.of(++version, version >> 8);
      endpoint.notify(request.path);
    },
  });
  endpoint.route({
    method: "GET",
    path: "/store/:name",
    replay: "again",
    observable: true,
    notifications: "confirmable",
    produces: [42],
    answer(request, reply) {
      const found = stored.get(request.params["name"]!);
      if (found === undefined) reply.code = Code.notFound;
      else reply.payload = found;
      reply.contentFormat = found === undefined ? undefined : 42;
    },
  });
  endpoint.route({
    method: "POST",
    path: "/once/:name",
    replay: "once",
    maxBody: 4096,
    answer(request, reply) {
      reply.code = Code.created;
      reply.locationPath = ["once", request.params["name"]!];
      reply.payload = request.payload;
    },
  });
  endpoint.route({ method: "DELETE", path: "/once/:name", replay: "once", answer() {} });
  endpoint.route({
    method: "FETCH",
    path: "/later/*",
    replay: "once",
    maxBody: 4096,
    later: async (request) => ({ payload: request.payload }),
  });
  endpoint.route({
    method: "GET",
    path: "/later/*",
    replay: "again",
    observable: true,
    later: async (request) => ({ payload: text.encode(request.path.join("/")) }),
  });
  endpoint.route({
    method: "GET",
    path: "/body",
    replay: "again",
    answer(_request, reply) {
      reply.body = {
        size: patternSize,
        etag: Uint8Array.of(1),
        read: (offset, length) => pattern.slice(offset, offset + length),
      };
    },
  });
  endpoint.route({
    method: "GET",
    path: "/slow-body",
    replay: "again",
    answer(_request, reply) {
      reply.body = {
        size: patternSize,
        etag: Uint8Array.of(2),
        read: async (offset, length) => pattern.slice(offset, offset + length),
      };
    },
  });
  endpoint.route({
    method: "GET",
    path: "/shared",
    replay: "again",
    observable: "shared",
    answer(_request, reply) {
      reply.maxAge = 5;
      reply.payload = text.encode("the same for all");
    },
  });
  endpoint.route({
    method: "PUT",
    path: "/guarded",
    replay: "again",
    etagOf: () => Uint8Array.of(version),
    answer() {},
  });
  endpoint.route({
    method: "GET",
    path: "/group",
    replay: "again",
    multicast: true,
    answer(_request, reply) {
      reply.payload = text.encode("one of the group");
    },
  });
  for (const method of ["PATCH", "iPATCH"] as const) {
    endpoint.route({ method, path: "/patch", replay: method === "PATCH" ? "once" : "again", maxBody: 64, answer() {} });
  }
}
