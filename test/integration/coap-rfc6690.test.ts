import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseCoapUri } from "../../coap/coap-uri.ts";
import { formatLinks, matchesLinkQuery, parseLinks } from "../../coap/link-format.ts";
import { Code, ContentFormat, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { bytesOf, encodePlain, type RawPeer, serverAddress, textOf, World } from "./coap-harness.ts";
import { OscoreWorld } from "./oscore-world.ts";

const group = "224.0.1.187";

/** RFC 6690 at the server and the client; the texts themselves are tested beside `coap/link-format.ts`. */
describe("/.well-known/core", () => {
  let world: World;
  let peer: RawPeer;
  beforeEach(async () => {
    world = await new World({ groups: [group], limits: { leisureMs: 100 } }).start();
    peer = world.rawPeer();
  });
  afterEach(() => world.stop());

  const route = (path: string, attributes: object): void =>
    world.server.route({ method: "GET", path, replay: "again", attributes, answer() {} });
  const core = async (...queries: string[]): Promise<string> => {
    const { code, contentFormat, payload } = await world.get(".well-known/core", { queries });
    expect({ code, contentFormat }).toEqual({ code: Code.content, contentFormat: ContentFormat.linkFormat });
    return textOf(payload);
  };
  const byGroup = async (query: string | undefined, messageId: number): Promise<string[]> => {
    const path = [".well-known", "core"].map((segment) => [OptionNumber.uriPath, segment] as const);
    const options = query === undefined ? path : [...path, [OptionNumber.uriQuery, query] as const];
    peer.sendBytes(
      encodePlain({ type: "NON", code: Code.get, messageId, options }),
      RemoteAddress.from(group, serverAddress.port),
    );
    await world.clock.advance(1_000);
    return peer.take().map(({ payload }) => payload);
  };

  it("RFC 6690 4: it is link format and nothing else, empty where there are no links", async () => {
    expect(await core()).toBe("");
    route("/a", { rt: "x" });
    expect(await core()).toBe('</a>;rt="x"');
    expect((await world.get(".well-known/core", { accept: ContentFormat.linkFormat })).code).toBe(Code.content);
    expect((await world.get(".well-known/core", { accept: ContentFormat.json })).code).toBe(Code.notAcceptable);
  });

  it("RFC 6690 2, 2.2: targets are paths on the server itself, of which a client can make the request again", async () => {
    const paths = ["/plain", "/größe/50%", "/what?/#1", "/a,b;c", "/x <y>"];
    for (const path of paths) route(path, { rt: "x" });
    const links = parseLinks(await core())!;
    expect(links.map(({ target }) => target)).toEqual([
      ...["/plain", "/gr%C3%B6%C3%9Fe/50%25", "/what%3F/%231", "/a,b;c", "/x%20%3Cy%3E"],
    ]);
    for (const { target } of links) {
      const { path } = parseCoapUri(`coap://10.0.0.1${target}`)!;
      const answer = world.client.request({ to: serverAddress, method: "GET", path });
      expect((await world.run(answer)).code).toBe(Code.content);
    }
  });

  it("RFC 6690 2: is UTF-8, in links and in filters", async () => {
    route("/k", { rt: "x", title: "Kühlraum 冷" });
    route("/l", { rt: "x", title: "Kuhstall" });
    expect(await core("title=Küh*")).toBe('</k>;rt="x";title="Kühlraum 冷"');
    const { payload } = await world.get(".well-known/core", { queries: ["title=Kühlraum 冷"] });
    expect(payload).toEqual(new TextEncoder().encode('</k>;rt="x";title="Kühlraum 冷"'));
  });

  it("RFC 6690 3.1, 3.2, 3.3: routes of one path share a link, which has each attribute once", async () => {
    route("/a", { rt: "first", sz: 5_000, if: "i" });
    world.server.route({
      ...{ method: "PUT", path: "/a", replay: "again", attributes: { rt: "second", sz: 1, if: "j" } },
      answer() {},
    });
    expect(await core()).toBe('</a>;rt="first";if="i";sz=5000');
    for (const sz of [-1, 1.5, Number.NaN]) {
      expect(() => route("/b", { sz })).toThrow(expect.objectContaining({ code: "coap.bad-route" }));
    }
  });

  it("RFC 6690 4.1: a filter that nothing matches is an empty list for one who asks alone, and silence for a group", async () => {
    route("/a", { rt: "x" });
    expect(await core("rt=y")).toBe("");
    expect(await byGroup("rt=y", 1)).toEqual([]);
    expect(await byGroup("rt=x*", 2)).toEqual(['</a>;rt="x"']);
    expect(await byGroup("foo", 3)).toEqual([]);
    expect(await byGroup(undefined, 4)).toEqual(['</a>;rt="x"']);
  });

  it("RFC 6690 4.1: what came percent-decoded in an option is compared as it is", async () => {
    route("/a", { rt: "x", title: "100%25" });
    route("/b", { rt: "x", title: "100%" });
    expect(await core("title=100%")).toBe('</b>;rt="x";title="100%"');
    expect(await core("title=100%25")).toBe('</a>;rt="x";title="100%25"');
  });

  it("RFC 6690 3: what looks like a URI in a link is followed by nobody", async () => {
    const trap = world.rawPeer("10.0.0.66", 5683);
    const uri = "coap://10.0.0.66/type";
    route("/a", { rt: uri, if: `${uri} ${uri}`, title: uri });
    const found: string[] = [];
    const search = world.client.discover({ group, port: 5683, query: `rt=${uri}`, waitMs: 1_000 }, ({ payload }) =>
      found.push(textOf(payload)),
    );
    await world.run(search);
    expect(found).toHaveLength(1);
    await core(`if=${uri}`);
    await world.clock.advance(300_000);
    expect(trap.take()).toEqual([]);
  });
});

it("RFC 6690 6: a server may tell each who asks, by the identity proven, of other links", async () => {
  const protectedWorld = new OscoreWorld();
  const { world, server, client, to } = protectedWorld;
  const all = [
    { target: "/state", attributes: [["rt", "lamp"]] },
    { target: "/switch", attributes: [["rt", "lamp"]] },
  ] as const;
  server.route({
    ...{ method: "GET", path: "/.well-known/core", replay: "again" },
    answer(request, reply) {
      const links = request.peer.identity.kind === "none" ? all.slice(0, 1) : all;
      reply.contentFormat = ContentFormat.linkFormat;
      const wanted = links.filter((link) => request.queries.every((query) => matchesLinkQuery(link, query)));
      reply.payload = bytesOf(formatLinks(wanted));
    },
  });
  await protectedWorld.start();
  const ask = { method: "GET", path: [".well-known", "core"], queries: ["rt=lamp"] } as const;
  const known = await world.run(client.request({ ...ask, to }));
  const stranger = await world.run(client.request({ ...ask, to: serverAddress }));
  expect(textOf(known.payload)).toBe('</state>;rt="lamp",</switch>;rt="lamp"');
  expect(textOf(stranger.payload)).toBe('</state>;rt="lamp"');
  await protectedWorld.stop();
});
