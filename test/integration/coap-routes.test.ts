import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseLinks } from "../../coap/link-format.ts";
import { Code, ContentFormat, OptionNumber } from "../../coap/message.ts";
import type { Route } from "../../coap/route.ts";
import { sleep } from "../../kernel/clock.ts";
import { bytesOf, textOf, World } from "./coap-harness.ts";

let world: World;
const etag = bytesOf("v1");
let isThere = true;

const echo = (path: string, more: Partial<Route> = {}): Route =>
  ({
    method: "GET",
    path,
    replay: "again",
    answer(request, reply) {
      reply.payload = bytesOf(JSON.stringify({ route: path, params: request.params, queries: request.queries }));
    },
    ...more,
  }) as Route;

beforeEach(async () => {
  world = new World();
  isThere = true;
  const { server } = world;
  server.route(echo("/"));
  server.route(echo("/nodes", { attributes: { rt: "nodes list", ct: [50, 60], title: 'the "fleet"' } }));
  server.route(echo("/nodes/list/all"));
  server.route(echo("/nodes/:id", { attributes: { rt: "never" } }));
  server.route(echo("/nodes/:id/health", { observable: true }));
  server.route(echo("/nodes/:node/proxy/*"));
  server.route(echo("/health", { observable: true, attributes: { rt: "health", if: "sensor", sz: 80, ct: 60 } }));
  server.route(echo("/typed", { method: "PUT", accepts: [50, 60] }));
  server.route(echo("/formats", { produces: [50, 60] }));
  server.route({
    method: "GET",
    path: "/json",
    replay: "again",
    answer(_request, reply) {
      reply.contentFormat = ContentFormat.json;
      reply.payload = bytesOf("{}");
    },
  });
  server.route({
    method: "GET",
    path: "/tagged",
    replay: "again",
    answer(_request, reply) {
      reply.etag = etag;
      reply.maxAge = 10;
      reply.payload = bytesOf("the body");
    },
  });
  server.route(echo("/guarded", { method: "PUT", replay: "once", etagOf: () => (isThere ? etag : undefined) }));
  await world.start();
});
afterEach(() => world.stop());

const codeOf = async (path: string, more: object = {}): Promise<number> => (await world.get(path, more)).code;
const json = async (path: string, more: object = {}): Promise<unknown> =>
  JSON.parse(textOf((await world.get(path, more)).payload));

describe("a path", () => {
  it("that is unknown is 4.04, a method that is unknown there 4.05", async () => {
    expect(await codeOf("nowhere")).toBe(Code.notFound);
    expect(await codeOf("nodes/a/b")).toBe(Code.notFound);
    expect(await codeOf("nodes", { method: "DELETE" })).toBe(Code.methodNotAllowed);
    expect(await codeOf("nodes", { method: "iPATCH" })).toBe(Code.methodNotAllowed);
  });

  it("is compared by segments: an encoded slash doesn't make two of one", async () => {
    expect((await world.get("", { path: ["nodes/list/all"] })).code).toBe(Code.notFound);
    expect(await json("", { path: ["nodes", "a/b"] })).toMatchObject({ params: { id: "a/b" } });
  });

  it("prefers literals to names, and steps back when a literal leads nowhere", async () => {
    expect(await json("nodes/list/all")).toMatchObject({ route: "/nodes/list/all", params: {} });
    expect(await json("nodes/list/health")).toMatchObject({ route: "/nodes/:id/health", params: { id: "list" } });
    expect(await json("nodes/list")).toMatchObject({ route: "/nodes/:id" });
    expect(await json("")).toMatchObject({ route: "/" });
  });

  it("may end in a rest of any length", async () => {
    expect(await json("nodes/n1/proxy/a/b")).toMatchObject({ params: { node: "n1", "*": "a/b" } });
    expect(await json("nodes/n1/proxy")).toMatchObject({ params: { node: "n1", "*": "" } });
  });

  it("of a route must be well-formed and free", () => {
    for (const path of ["nodes", "/a//b", "/a/*/b", "/:", "/a/:x/:x"]) {
      expect(() => world.server.route(echo(path))).toThrow(/can't be added/);
    }
    expect(() => world.server.route(echo("/nodes/:other"))).toThrow(/one already/);
    expect(() => world.server.route(echo("/p", { method: "PUT", observable: true }))).toThrow(/observed/);
  });
});

describe("options", () => {
  it("that are critical and unknown are 4.02 for a confirmable request, silence for another", async () => {
    const peer = world.rawPeer();
    const options = [[2049, "x"]] as const;
    peer.send({ type: "CON", code: Code.get, messageId: 1, options });
    peer.send({ type: "NON", code: Code.get, messageId: 2, options });
    await world.clock.advance(100);
    expect(peer.take()).toMatchObject([{ type: "ACK", messageId: 1, code: Code.badOption }]);
    expect(world.server.counters()["criticalOptionRefused"]).toBe(2);
  });

  it("that are elective and unknown are ignored", async () => {
    expect(await codeOf("nodes", { options: [{ number: 2048, value: bytesOf("x") }] })).toBe(Code.content);
  });

  it("Proxy-Uri and Proxy-Scheme are 5.05", async () => {
    expect(await codeOf("", { options: [{ number: OptionNumber.proxyUri, value: bytesOf("coap://h/") }] })).toBe(
      Code.proxyingNotSupported,
    );
    expect(await codeOf("", { options: [{ number: OptionNumber.proxyScheme, value: bytesOf("coap") }] })).toBe(
      Code.proxyingNotSupported,
    );
  });

  it("Accept that the route can't serve is 4.06, whether declared or found out by its answer", async () => {
    expect(await codeOf("formats", { accept: 41 })).toBe(Code.notAcceptable);
    expect(await codeOf("formats", { accept: 60 })).toBe(Code.content);
    expect(await codeOf("json", { accept: 60 })).toBe(Code.notAcceptable);
    expect(await codeOf("json", { accept: 50 })).toBe(Code.content);
  });

  it("Content-Format that the route doesn't take is 4.15, a body without one too", async () => {
    const payload = bytesOf("x");
    expect(await codeOf("typed", { method: "PUT", payload, contentFormat: 0 })).toBe(Code.unsupportedContentFormat);
    expect(await codeOf("typed", { method: "PUT", payload })).toBe(Code.unsupportedContentFormat);
    expect(await codeOf("typed", { method: "PUT", payload, contentFormat: 60 })).toBe(Code.changed);
    expect(await codeOf("typed", { method: "PUT" })).toBe(Code.changed);
  });

  it("ETag that is current is 2.03 with the tag and without the body", async () => {
    const fresh = await world.get("tagged", { options: [{ number: OptionNumber.eTag, value: etag }] });
    expect(fresh).toMatchObject({ code: Code.valid, etag, maxAge: 10 });
    expect(fresh.payload).toHaveLength(0);
    const stale = await world.get("tagged", { options: [{ number: OptionNumber.eTag, value: bytesOf("v0") }] });
    expect([stale.code, textOf(stale.payload)]).toEqual([Code.content, "the body"]);
  });

  it("If-Match and If-None-Match are 4.12 when they don't hold, 4.02 where nobody keeps versions", async () => {
    const put = (options: object[]): Promise<number> => codeOf("guarded", { method: "PUT", options });
    const ifMatch = (value: string): object => ({ number: OptionNumber.ifMatch, value: bytesOf(value) });
    const ifNoneMatch = { number: OptionNumber.ifNoneMatch, value: new Uint8Array(0) };
    expect(await put([ifMatch("v0")])).toBe(Code.preconditionFailed);
    expect(await put([ifMatch("v0"), ifMatch("v1")])).toBe(Code.changed);
    expect(await put([ifMatch("")])).toBe(Code.changed);
    expect(await put([ifNoneMatch])).toBe(Code.preconditionFailed);
    isThere = false;
    expect(await put([ifMatch("")])).toBe(Code.preconditionFailed);
    expect(await put([ifNoneMatch])).toBe(Code.changed);
    expect(await codeOf("typed", { method: "PUT", options: [ifNoneMatch] })).toBe(Code.badOption);
  });

  it("are written back with what the route answers", async () => {
    world.server.route({
      method: "POST",
      path: "/make",
      replay: "once",
      answer(request, reply) {
        reply.code = Code.created;
        reply.locationPath = ["nodes", "ä b"];
        reply.locationQuery = [`q=${request.query("q")}`];
      },
    });
    const response = await world.get("make", { method: "POST", queries: ["q=1", "bare"] });
    expect(response.code).toBe(Code.created);
    expect([response.locationPath, response.locationQuery]).toEqual([["nodes", "ä b"], ["q=1"]]);
  });
});

describe("/.well-known/core", () => {
  const targets = async (...queries: string[]): Promise<string[] | undefined> => {
    const response = await world.get(".well-known/core", { queries });
    expect(response.contentFormat).toBe(ContentFormat.linkFormat);
    return parseLinks(textOf(response.payload))?.map(({ target }) => target);
  };

  it("lists routes with attributes, never patterns", async () => {
    const response = await world.get(".well-known/core");
    expect(textOf(response.payload)).toBe(
      '</nodes>;rt="nodes list";ct="50 60";title="the \\"fleet\\"",</health>;rt="health";if="sensor";ct=60;sz=80;obs',
    );
  });

  it("filters by rt, if, href, ct, sz and obs, with a trailing star", async () => {
    expect(await targets("rt=list")).toEqual(["/nodes"]);
    expect(await targets("rt=hea*")).toEqual(["/health"]);
    expect(await targets("rt=*")).toEqual(["/nodes", "/health"]);
    expect(await targets("if=sensor")).toEqual(["/health"]);
    expect(await targets("href=/node*")).toEqual(["/nodes"]);
    expect(await targets("href=/nodes")).toEqual(["/nodes"]);
    expect(await targets("ct=50")).toEqual(["/nodes"]);
    expect(await targets("sz=80")).toEqual(["/health"]);
    expect(await targets("obs")).toEqual(["/health"]);
    expect(await targets("rt=nothing")).toEqual([]);
    expect(await targets("rt=health", "if=other")).toEqual([]);
  });

  it("refuses another Accept", async () => {
    expect(await codeOf(".well-known/core", { accept: 50 })).toBe(Code.notAcceptable);
  });
});

describe("an answer that waits", () => {
  const held = (wait: () => Promise<{ code: number }>): Route => ({
    ...{ method: "POST", path: "/held", replay: "again" },
    answer(_request, reply) {
      reply.payload = bytesOf("never sent");
      reply.later = wait();
    },
  });

  it("is 5.00 when what it waits for fails", async () => {
    world.server.route(held(() => Promise.reject(new Error("the disk"))));
    const response = await world.get("held", { method: "POST" });
    expect([response.code, textOf(response.payload)]).toEqual([Code.internalServerError, ""]);
  });

  it("comes when it is there, and nothing of it before", async () => {
    world.server.route(held(() => sleep(world.clock, 1000).then(() => ({ code: Code.changed }))));
    const response = await world.get("held", { method: "POST" });
    expect(world.clock.monotonicMs()).toBeGreaterThanOrEqual(1000);
    expect([response.code, response.payload.length]).toEqual([Code.changed, 0]);
    expect(world.server.counters()["held.running"]).toBe(0);
  });
});
