import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, ContentFormat, OptionNumber } from "../../coap/message.ts";
import type { Route } from "../../coap/route.ts";
import { operator } from "./app-harness.ts";
import { type RdPeer, RdWorld } from "./rd-world.ts";

let world: RdWorld;
let node: RdPeer;
let client: RdPeer;
beforeEach(async () => {
  world = await new RdWorld().start();
  node = await world.peer("10.0.0.5", 5683);
  client = await world.peer("127.0.0.9");
});
afterEach(() => world.stop());

const lookup = async (query: string): Promise<string> => (await client.ask("GET", `/rd-lookup/${query}`)).text;
const lifetime = async (id: string): Promise<number | undefined> =>
  (await world.harness.wait(world.harness.app.registry.find(id)))?.lifetimeSeconds;
const utf8 = new TextEncoder();

describe("a registration", () => {
  it("RFC 9176 4, 5: with the same name replaces the one before, at the same location", async () => {
    const first = await node.ask("POST", "/rd?ep=n&et=lamp&lt=100", "</a>,</b>;rt=x");
    expect([first.code, first.response.locationPath, first.response.locationQuery]).toEqual(["2.01", ["rd", "n"], []]);
    const again = await node.ask("POST", "/rd?ep=n&et=lamp&lt=100", "</a>,</b>;rt=x");
    expect([again.code, again.response.locationPath, again.response.locationQuery]).toEqual(["2.01", ["rd", "n"], []]);
    expect(await lookup("res")).toBe('<coap://10.0.0.5/a>,<coap://10.0.0.5/b>;rt="x"');
    expect(await node.register("ep=n&new=1", "</c>")).toBe("2.01");
    expect(await lookup("res")).toBe("<coap://10.0.0.5/c>");
    expect(await lookup("ep")).toBe('</rd/n>;ep="n";base="coap://10.0.0.5";rt="core.rd-ep";new=1');
    expect(await lifetime("n")).toBe(90_000);
    expect(await node.register("ep=n", "")).toBe("2.01");
    expect(await lookup("res")).toBe("");
  });

  it("RFC 9176 5: of the same name in another sector is another one, and refused as long as the first is there", async () => {
    expect(await node.register("ep=n&d=roof", "</a>")).toBe("2.01");
    const other = await node.ask("POST", "/rd?ep=n&d=cellar", "</b>");
    expect([other.code, other.text]).toEqual([
      "4.09",
      'a node is registered once: n is in sector "roof"; remove it there first.',
    ]);
    expect(await node.register("ep=n", "</b>")).toBe("4.09");
    expect(await lookup("res?d=roof")).toBe("<coap://10.0.0.5/a>");
    expect((await node.ask("DELETE", "/rd/n")).code).toBe("2.02");
    expect(await node.register("ep=n&d=cellar", "</b>")).toBe("2.01");
    expect(await lookup("res?d=cellar")).toBe("<coap://10.0.0.5/b>");
  });

  it("RFC 9176 4: is written whole or not at all, also when storage fails or several come at once", async () => {
    expect(await node.register("ep=n&et=one", "</one>")).toBe("2.01");
    await world.stop();
    let commits = 0;
    world = await new RdWorld({ failsCommit: () => commits > 0 && commits++ < 4 }).start();
    [node, client] = [await world.peer("10.0.0.5", 5683), await world.peer("127.0.0.9")];
    expect(await node.register("ep=n&et=one", "</one>")).toBe("2.01");
    commits = 1;
    expect(await node.register("ep=n&et=two", "</two>")).toBe("5.03");
    commits = 9;
    expect(await lookup("res?et=one")).toBe("<coap://10.0.0.5/one>");
    expect(await lookup("ep?et=two")).toBe("");
    const to = { address: "127.0.0.1", port: 5683 };
    const post = (query: string, links: string) =>
      node.endpoint.request({
        ...{ to, method: "POST", path: ["rd"], queries: ["ep=n", query], payload: utf8.encode(links) },
        contentFormat: ContentFormat.linkFormat,
      });
    const codes = await world.harness.wait(
      Promise.all([post("et=a", "</a>"), post("et=b", "</b>"), post("et=c", "</c>")]),
    );
    expect(codes.map(({ code }) => code)).toEqual([Code.created, Code.created, Code.created]);
    const [, et] = /et="(.)"/.exec(await lookup("ep")) ?? [];
    expect(await lookup("res")).toBe(`<coap://10.0.0.5/${et}>`);
  });

  it.each([
    ["without a name", "d=x"],
    ["with a name of 64 bytes", `ep=${"a".repeat(64)}`],
    ["with a control character in the name", "ep=a\u0007"],
    ["with an empty name", "ep="],
    ["with a sector of 64 bytes", `ep=n&d=${"ä".repeat(32)}`],
    ["with a control character in the sector", "ep=n&d=a\u0085b"],
    ["with an empty sector", "ep=n&d="],
  ])("RFC 9176 5: %s is refused", async (_what, query) => {
    expect(await node.register(query, "</a>")).toBe("4.00");
    expect(world.harness.app.registry.counts().registered).toBe(0);
  });

  it("RFC 9176 5: a name of 63 bytes and a sector of 63 bytes in UTF-8 are taken", async () => {
    const sector = `${"ä".repeat(31)}b`;
    expect(await node.register(`ep=${"a".repeat(63)}&d=${sector}`, "</a>")).toBe("2.01");
    expect(await client.targets(`ep?d=${sector}`)).toEqual([`/rd/${"a".repeat(63)}`]);
  });

  it("RFC 9176 5: lasts from 1 to 4294967295 seconds as it asks, 90000 when it doesn't", async () => {
    for (const [query, seconds] of [
      ["", 90_000],
      ["&lt=1", 1],
      ["&lt=4294967295", 4_294_967_295],
    ] as const) {
      expect(await node.register(`ep=n${query}`)).toBe("2.01");
      expect(await lifetime("n")).toBe(seconds);
    }
    for (const bad of ["0", "-1", "4294967296", "", "1.5", "1e3", "x"]) {
      expect([bad, await node.register(`ep=n&lt=${bad}`)]).toEqual([bad, "4.00"]);
    }
    expect(await lifetime("n")).toBe(4_294_967_295);
  });

  it("RFC 9176 5: a base that paths can't be put behind is refused", async () => {
    const bad = [
      ...["", "nowhere", "/x", "coap:", "coap://", "coap:///x", "mailto:a@b", "urn:a:b", "coap://h?q", "coap://h#f"],
      ...["coap://h/x?q", "coap://[::1", "coap://[zz]", "coap://h:99999", "coap://a b"],
    ];
    for (const base of bad) expect([base, await node.register(`ep=n&base=${base}`, "</a>")]).toEqual([base, "4.00"]);
    for (const base of ["coap://h", "coaps://h:1", "coap+tcp://[2001:db8::1]:5", "http://h.example/x/y"]) {
      expect([base, await node.register(`ep=n&base=${base}`, "</a>")]).toEqual([base, "2.01"]);
    }
  });

  it("RFC 9176 5, C: links that don't begin with a scheme or one slash are refused, so are bodies that are no link format", async () => {
    const bad = [
      "<a>",
      "<>",
      "<//h/a>",
      "<?q>",
      "<#f>",
      "<./a>",
      '</a>;anchor="b"',
      '</a>;anchor="//h"',
      "</a>;anchor",
      "</a>,<b>",
    ];
    for (const links of [...bad, "/a", "</a>;", "</a"]) {
      expect([links, await node.register("ep=n", links)]).toEqual([links, "4.00"]);
    }
    expect((await node.ask("POST", "/rd?ep=n", Uint8Array.of(0x3c, 0x2f, 0xff, 0x3e))).code).toBe("4.00");
    expect(world.harness.app.registry.isRegistered("n")).toBe(false);
  });

  it("RFC 9176 4.2, 5: link format is what it takes", async () => {
    const body = { payload: utf8.encode("</a>") };
    const send = async (more: object) =>
      (await node.send({ method: "POST", path: ["rd"], queries: ["ep=n"], ...body, ...more })).code;
    expect(await send({ contentFormat: ContentFormat.linkFormat })).toBe("2.01");
    expect(await send({ contentFormat: ContentFormat.json })).toBe("4.15");
    expect(await send({ contentFormat: 504 })).toBe("4.15");
    expect(await send({})).toBe("4.15");
  });

  it("RFC 9176 5: what else the query says is an attribute of the endpoint, but what would say something of the link", async () => {
    expect(await node.register("ep=n&et=lamp&x=1&x=2&y&z=a%20%22&if=core.ll", "</a>")).toBe("2.01");
    expect(await lookup("ep")).toBe(
      '</rd/n>;ep="n";base="coap://10.0.0.5";rt="core.rd-ep";et="lamp";x=1;x=2;y;z="a%20%22";if="core.ll"',
    );
    for (const query of ["x=2", "y", "z=a*", "et=lamp&x=1"])
      expect(await client.targets(`ep?${query}`)).toEqual(["/rd/n"]);
    for (const query of [
      "rt=core.rd",
      "href=/x",
      "anchor=/",
      "rel=up",
      "rev=up",
      "page=1",
      "count=2",
      "a%20b=1",
      "=1",
    ]) {
      const decoded = decodeURIComponent(query);
      expect([query, await node.register(`ep=m&${decoded}`, "</a>")]).toEqual([query, "4.00"]);
    }
    const many = Array.from({ length: 17 }, (_, i) => `a${i}=1`).join("&");
    expect(await node.register(`ep=m&${many}`)).toBe("4.00");
  });

  it("RFC 9176 8.2: belongs to its name, not to an address: it moves with the node", async () => {
    await node.register("ep=n", "</a>");
    const elsewhere = await world.peer("10.0.7.7", 7_777);
    expect(await elsewhere.register("ep=n", "</a>")).toBe("2.01");
    expect(await client.targets("ep")).toEqual(["/rd/n"]);
    expect(await lookup("res")).toBe("<coap://10.0.7.7:7777/a>");
    // Another node at an address that one had: links to it would lead to the wrong one.
    const successor = await world.peer("10.0.7.8", 7_777);
    await successor.register("ep=a", "</a>");
    expect(await successor.register("ep=b", "</b>")).toBe("2.01");
    expect(await client.targets("ep")).toEqual(["/rd/b", "/rd/n"]);
  });
});

describe("an update", () => {
  beforeEach(async () => {
    expect(await node.register("ep=n&lt=100&et=lamp&x=1&x=2&d=roof", '</a>;anchor="/b"')).toBe("2.01");
  });

  it("RFC 9176 5.3.1: renews the lifetime, which stays as it was, or is what it says", async () => {
    for (let i = 0; i < 3; i++) {
      await world.harness.clock.advance(90_000);
      expect((await node.ask("POST", "/rd/n")).code).toBe("2.04");
    }
    expect([await lifetime("n"), await client.targets("ep")]).toEqual([100, ["/rd/n"]]);
    expect((await node.ask("POST", "/rd/n?lt=7")).code).toBe("2.04");
    expect(await lifetime("n")).toBe(7);
    expect((await node.ask("POST", "/rd/n")).code).toBe("2.04");
    expect(await lifetime("n")).toBe(7);
    await world.harness.clock.advance(8_000);
    expect(await client.targets("ep")).toEqual([]);
  });

  it("RFC 9176 5.3.1: changes the base of all links, keeps one that was set, and follows the address when none was", async () => {
    const moved = await world.peer("10.0.0.6", 5683);
    expect((await moved.ask("POST", "/rd/n")).code).toBe("2.04");
    expect(await lookup("res")).toBe('<coap://10.0.0.6/a>;anchor="coap://10.0.0.6/b"');
    expect((await moved.ask("POST", "/rd/n?base=coaps://new.example:5684")).code).toBe("2.04");
    expect(await lookup("res")).toBe('<coaps://new.example:5684/a>;anchor="coaps://new.example:5684/b"');
    expect((await node.ask("POST", "/rd/n?lt=50")).code).toBe("2.04");
    expect(await lookup("res")).toBe('<coaps://new.example:5684/a>;anchor="coaps://new.example:5684/b"');
    expect((await node.ask("POST", "/rd/n?base=coap://h%23f".replace("%23", "#"))).code).toBe("4.00");
  });

  it("RFC 9176 5.3.1: puts attributes in place of those of the same name, and leaves the others and the links", async () => {
    expect((await node.ask("POST", "/rd/n?x=3&y=4")).code).toBe("2.04");
    expect(await lookup("ep")).toBe('</rd/n>;ep="n";base="coap://10.0.0.5";rt="core.rd-ep";d="roof";et="lamp";x=3;y=4');
    expect(await client.targets("res?y=4")).toEqual(["coap://10.0.0.5/a"]);
    expect((await node.ask("POST", "/rd/n?d=cellar")).code).toBe("4.00");
  });

  it("RFC 9176 5.3.1: carries no links, and is 4.04 where nothing is registered", async () => {
    expect((await node.ask("POST", "/rd/n", "</b>")).code).toBe("4.13");
    expect(await client.targets("res")).toEqual(["coap://10.0.0.5/a"]);
    expect((await node.ask("POST", "/rd/nobody")).code).toBe("4.04");
  });

  it("RFC 9176 5.3: a registration whose lifetime is over stays reachable for its node", async () => {
    await world.harness.clock.advance(3_600_000);
    expect(await client.targets("ep")).toEqual([]);
    expect((await node.ask("POST", "/rd/n")).code).toBe("2.04");
    expect(await client.targets("res")).toEqual(["coap://10.0.0.5/a"]);
  });

  it("RFC 9176 4, 5.3.1: repeated or at once with another leaves both changes", async () => {
    const to = { address: "127.0.0.1", port: 5683 };
    const post = (query: string) => node.endpoint.request({ to, method: "POST", path: ["rd", "n"], queries: [query] });
    await world.harness.wait(Promise.all([post("y=1"), post("z=2"), post("lt=55"), post("y=1")]));
    expect(await lookup("ep")).toContain(";y=1");
    expect((await lookup("ep")).match(/;y=1/g)).toHaveLength(1);
    expect(await lookup("ep")).toContain(";z=2");
    expect(await lifetime("n")).toBe(55);
  });

  it("RFC 9176 4, 5.3.2: DELETE takes all of it away, and again is 4.04", async () => {
    expect((await node.ask("DELETE", "/rd/n")).code).toBe("2.02");
    expect([await client.targets("ep"), await client.targets("res")]).toEqual([[], []]);
    for (const method of ["DELETE", "POST"] as const) expect((await node.ask(method, "/rd/n")).code).toBe("4.04");
    expect((await node.ask("DELETE", "/rd/nobody")).code).toBe("4.04");
  });

  it("RFC 9176 5.3: another way to register leaves the directory's entry as it is", async () => {
    await node.send({
      ...{ method: "POST", path: ["register"], payload: utf8.encode('{"id":"n","model":"sensor"}') },
      contentFormat: ContentFormat.json,
    });
    expect(await client.targets("res?d=roof")).toEqual(["coap://10.0.0.5/a"]);
  });
});

describe("a simple registration", () => {
  let asked = 0;
  let answers: { code?: number; maxAge?: number; payload?: string }[] = [];
  const core: Route = {
    ...{ method: "GET", path: "/.well-known/core", replay: "again" },
    answer(request, reply) {
      asked++;
      const { code = Code.content, maxAge, payload = '</soil>;rt="moisture"' } = answers.shift() ?? {};
      reply.code = request.accept === ContentFormat.linkFormat ? code : Code.notAcceptable;
      reply.maxAge = maxAge;
      reply.contentFormat = ContentFormat.linkFormat;
      reply.payload = utf8.encode(payload);
    },
  };
  let plant: RdPeer;
  beforeEach(async () => {
    [asked, answers] = [0, []];
    plant = await world.peer("10.0.0.7", 5683, undefined, [core]);
  });
  const register = async (query = "ep=plant"): Promise<string> =>
    (await plant.ask("POST", `/.well-known/rd?${query}`)).code;

  it("RFC 9176 5.1: the directory fetches the links from where it was asked, and answers when it has them", async () => {
    const answer = await plant.ask("POST", "/.well-known/rd?ep=plant&lt=300&et=pot&d=hall");
    expect([answer.code, answer.response.locationPath, asked]).toEqual(["2.04", [], 1]);
    expect(await lookup("res?et=pot&d=hall")).toBe('<coap://10.0.0.7/soil>;rt="moisture"');
    expect(await lifetime("plant")).toBe(300);
  });

  it("RFC 9176 5.1: what it was given stays fresh for Max-Age, and isn't asked for again as long", async () => {
    answers = [{ maxAge: 100 }, { payload: "</later>", maxAge: 0 }];
    expect(await register()).toBe("2.04");
    await world.harness.clock.advance(98_000);
    expect([await register(), asked]).toEqual(["2.04", 1]);
    await world.harness.clock.advance(3_000);
    expect([await register(), asked]).toEqual(["2.04", 2]);
    expect(await client.targets("res")).toEqual(["coap://10.0.0.7/later"]);
    expect([await register(), asked]).toEqual(["2.04", 3]);
    // Whoever has the name from another address is asked.
    const moved = await world.peer("10.0.0.8", 5683, undefined, [core]);
    expect([(await moved.ask("POST", "/.well-known/rd?ep=plant")).code, asked]).toEqual(["2.04", 4]);
  });

  it("RFC 9176 4: 5.03 is asked again after its Max-Age, unless that takes long", async () => {
    answers = [
      { code: Code.serviceUnavailable, maxAge: 5 },
      { code: Code.serviceUnavailable, maxAge: 1 },
    ];
    const startMs = world.harness.clock.monotonicMs();
    expect([await register(), asked]).toEqual(["2.04", 3]);
    expect(world.harness.clock.monotonicMs() - startMs).toBeGreaterThan(6_000);
    answers = [{ code: Code.serviceUnavailable, maxAge: 600 }];
    expect([await register("ep=other"), asked]).toEqual(["5.04", 4]);
  });

  it("RFC 9176 5.1: nothing is registered without links that can be had and read, nor with a base", async () => {
    answers = [{ code: Code.notFound }, { payload: "<relative>" }, { payload: "no links" }];
    expect([await register(), await register(), await register()]).toEqual(["5.04", "4.00", "4.00"]);
    expect([await register("ep=plant&base=coap://h"), await register("ep=plant&lt=0")]).toEqual(["4.00", "4.00"]);
    expect(await register("x=1")).toBe("4.00");
    expect((await node.ask("POST", "/.well-known/rd?ep=silent")).code).toBe("2.04");
    expect(world.harness.app.registry.isRegistered("plant")).toBe(false);
  });

  it("RFC 9176 5.1: it is deleted after its lifetime, with the node when nothing else is known of it", async () => {
    const { clock, app } = world.harness;
    expect(await register("ep=plant&lt=100")).toBe("2.04");
    await plant.send({
      ...{ method: "POST", path: ["register"], payload: utf8.encode('{"id":"vase","model":"pot"}') },
      contentFormat: ContentFormat.json,
    });
    expect(await register("ep=vase&lt=100")).toBe("2.04");
    expect(await node.register("ep=full&lt=100", "</a>")).toBe("2.01");
    await clock.advance(2 * 3_600_000);
    expect((await plant.ask("POST", "/rd/plant")).code).toBe("4.04");
    expect(app.registry.isRegistered("plant")).toBe(false);
    const vase = await world.harness.wait(app.registry.find("vase"));
    expect([vase?.manifest.model, vase?.rd]).toEqual(["pot", undefined]);
    expect((await world.harness.wait(app.registry.find("full")))?.rd?.links).toHaveLength(1);
    expect(await register("ep=plant")).toBe("2.04");
  });
});

it("RFC 9176 5: removed by an operator, a registration is unknown to its node", async () => {
  await node.register("ep=n", "</a>");
  await world.harness.wait(world.harness.app.registry.remove("n", operator));
  const { response, code } = await node.ask("POST", "/rd/n");
  expect([code, response.option(OptionNumber.locationPath)]).toEqual(["4.04", undefined]);
});
