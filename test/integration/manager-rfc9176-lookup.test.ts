import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { attributeOf, parseLinks } from "../../coap/link-format.ts";
import { ContentFormat } from "../../coap/message.ts";
import { type RdPeer, RdWorld } from "./rd-world.ts";

let world: RdWorld;
let client: RdPeer;
beforeEach(async () => {
  world = await new RdWorld().start();
  client = await world.peer("127.0.0.9");
});
afterEach(() => world.stop());

describe("discovery", () => {
  it("RFC 9176 4.3: the resources of the directory are found at /.well-known/core by their rt, and by the beginning of it", async () => {
    const core = async (query: string) => (await client.ask("GET", `/.well-known/core?${query}`)).text;
    expect(await core("rt=core.rd")).toBe('</rd>;rt="core.rd";ct=40');
    expect(await core("rt=core.rd-lookup*")).toBe(
      '</rd-lookup/ep>;rt="core.rd-lookup-ep";ct=40,</rd-lookup/res>;rt="core.rd-lookup-res";ct=40',
    );
    expect(parseLinks(await core("rt=core.rd*"))).toHaveLength(3);
    expect(await core("rt=core.rd-lookup-re")).toBe("");
  });
});

describe("a lookup", () => {
  const lamp = '</light>;rt="light core.x";if="onoff",</temp>;rt="temperature";ct="50 60"';
  beforeEach(async () => {
    const nodes = await world.peer("10.0.0.5", 5683);
    expect(await nodes.register("ep=lamp-1&et=lamp&d=roof&lt=600", lamp)).toBe("2.01");
    const other = await world.peer("10.0.0.6", 61_616);
    expect(await other.register("ep=lamp-2&et=lamp", '</light>;rt="light"')).toBe("2.01");
    const pump = await world.peer("10.0.0.6", 61_617);
    expect(await pump.register("ep=pump-1&base=coap://[2001:db8::2]:61616", "</flow>;rt=flow")).toBe("2.01");
  });

  it("RFC 9176 4.2, 5, 6: of endpoints gives links to registrations, of resources links to resources, as link format", async () => {
    const endpoints = await client.ask("GET", "/rd-lookup/ep");
    expect([endpoints.code, endpoints.response.contentFormat]).toEqual(["2.05", ContentFormat.linkFormat]);
    expect(await client.targets("ep")).toEqual(["/rd/lamp-1", "/rd/lamp-2", "/rd/pump-1"]);
    expect(await client.targets("res")).toEqual([
      ...["coap://10.0.0.5/light", "coap://10.0.0.5/temp", "coap://10.0.0.6:61616/light"],
      "coap://[2001:db8::2]:61616/flow",
    ]);
    for (const type of ["ep", "res"]) {
      const found = await client.ask("GET", `/rd-lookup/${type}?ep=nobody`);
      expect([found.code, found.text]).toEqual(["2.05", ""]);
      const json = await client.ask("GET", `/rd-lookup/${type}`, undefined, { accept: ContentFormat.json });
      expect(json.code).toBe("4.06");
    }
  });

  it("RFC 9176 6.1: links come back as they were given, their targets and anchors resolved, others untouched", async () => {
    const node = await world.peer("10.0.0.7", 5683);
    const links =
      '</a/../b?q=1#f>;foo="x y";bar;n=5;q="\\"",<http://www.example.com/x/../y>;anchor="/sensors/temp";rel="describedby",' +
      '</t>;anchor="coap://other/./s";rel=alternate,</u>;anchor="";title*=UTF-8\'\'%e2%82%ac,<urn:x:y>';
    for (const [query, base] of [
      ["ep=hub", "coap://10.0.0.7"],
      ["ep=hub&base=coaps%2Btcp://h.example:99", undefined],
      ["ep=hub&base=coaps%2Btcp://h.example:99/path/x", undefined],
    ] as const) {
      const decoded = decodeURIComponent(query);
      const asked = /base=([^&]*)/.exec(decoded)?.[1] ?? base!;
      const origin = asked.replace(/\/path\/x$/, "");
      expect(await node.register(decoded, links)).toBe("2.01");
      expect((await client.ask("GET", "/rd-lookup/res?ep=hub")).text).toBe(
        `<${origin}/b?q=1#f>;foo="x y";bar;n=5;q="\\"",` +
          `<http://www.example.com/x/../y>;anchor="${origin}/sensors/temp";rel="describedby",` +
          `<${origin}/t>;anchor="coap://other/./s";rel="alternate",` +
          `<${origin}/u>;anchor="${asked}";title*=UTF-8''%e2%82%ac,<urn:x:y>`,
      );
    }
  });

  it("RFC 9176 6.2: every criterion must match, one of several values is enough, a star ends a beginning", async () => {
    const cases: readonly (readonly [query: string, found: readonly string[]])[] = [
      ["rt=light", ["coap://10.0.0.5/light", "coap://10.0.0.6:61616/light"]],
      ["rt=core.x", ["coap://10.0.0.5/light"]],
      ["rt=temp*", ["coap://10.0.0.5/temp"]],
      ["rt=temp", []],
      ["if=onoff&rt=light", ["coap://10.0.0.5/light"]],
      ["if=onoff&rt=temperature", []],
      ["rt=light&rt=core.x", ["coap://10.0.0.5/light"]],
      ["foo=*", []],
      ["href=coap://10.0.0.5/light", ["coap://10.0.0.5/light"]],
      ["href=coap://10.0.0.*", ["coap://10.0.0.5/light", "coap://10.0.0.5/temp", "coap://10.0.0.6:61616/light"]],
      ["href=/light", []],
    ];
    for (const [query, found] of cases) expect([query, await client.targets(`res?${query}`)]).toEqual([query, found]);
  });

  it("RFC 9176 6.2: a resource is found by its endpoint, an endpoint by a resource, each criterion by another if need be", async () => {
    expect(await client.targets("res?ep=lamp-2")).toEqual(["coap://10.0.0.6:61616/light"]);
    expect(await client.targets("res?et=lamp&rt=light")).toEqual([
      "coap://10.0.0.5/light",
      "coap://10.0.0.6:61616/light",
    ]);
    expect(await client.targets("res?d=roof&rt=temperature")).toEqual(["coap://10.0.0.5/temp"]);
    expect(await client.targets("ep?rt=temperature")).toEqual(["/rd/lamp-1"]);
    expect(await client.targets("ep?rt=temperature&if=onoff&et=lamp")).toEqual(["/rd/lamp-1"]);
    expect(await client.targets("ep?rt=flow&et=lamp")).toEqual([]);
    expect(await client.targets("ep?base=coap://[2001:db8::2]:61616")).toEqual(["/rd/pump-1"]);
    expect(await client.targets("ep?ep=lamp-*")).toEqual(["/rd/lamp-1", "/rd/lamp-2"]);
    expect(await client.targets("ep?rt=core.rd-ep")).toHaveLength(3);
  });

  it("RFC 9176 6.2: a registration is found by its path and by its URI, which a resource then is too", async () => {
    for (const uri of [
      "/rd/pump-1",
      "coap://127.0.0.1/rd/pump-1",
      "coap://manager.example:5683/rd/pump-1",
      "/rd/pu*",
    ]) {
      expect([uri, await client.targets(`ep?href=${uri}`)]).toEqual([uri, ["/rd/pump-1"]]);
      expect(await client.targets(`res?href=${uri}`)).toEqual(["coap://[2001:db8::2]:61616/flow"]);
    }
    for (const uri of ["coap://127.0.0.1:5684/rd/pump-1", "coap://other.example/rd/pump-1", "rd/pump-1"]) {
      expect([uri, await client.targets(`ep?href=${uri}`)]).toEqual([uri, []]);
    }
  });

  it("RFC 9176 6.2: an anchor is found by its URI", async () => {
    const node = await world.peer("10.0.0.7", 5683);
    await node.register("ep=hub", '<http://x/>;anchor="/s",</t>;anchor="/s/2";rel=up,</u>');
    expect(await client.targets("res?anchor=coap://10.0.0.7/s")).toEqual(["http://x/"]);
    expect(await client.targets("res?anchor=coap://10.0.0.7/s*")).toEqual(["http://x/", "coap://10.0.0.7/t"]);
    expect(await client.targets("res?anchor=/s")).toEqual([]);
    expect(await client.targets("ep?anchor=coap://10.0.0.7/s/2")).toEqual(["/rd/hub"]);
  });

  it("RFC 9176 6.2: count and page cut the answer, without count all links come, page alone is refused", async () => {
    const nodes = await world.peer("10.0.0.8", 5683);
    const many = Array.from({ length: 60 }, (_, i) => `</r/${i}>;rt=many`).join(",");
    for (let i = 0; i < 10; i++) expect(await nodes.register(`ep=big-${i}&base=coap://big-${i}`, many)).toBe("2.01");
    const all = await client.targets("res?rt=many");
    expect(all).toHaveLength(600);
    expect(new Set(all).size).toBe(600);
    expect(await client.targets("ep?rt=many")).toHaveLength(10);
    const pages: string[] = [];
    for (let page = 0; page < 5; page++) {
      const links = await client.targets(`res?rt=many&count=130&page=${page}`);
      expect(links).toHaveLength(page < 4 ? 130 : 80);
      pages.push(...links);
    }
    expect(pages).toEqual(all);
    expect(await client.targets("res?rt=many&count=7")).toEqual(all.slice(0, 7));
    expect(await client.targets("res?rt=many&count=100000")).toEqual(all);
    expect(await client.targets("res?rt=many&count=130&page=5")).toEqual([]);
    expect(await client.targets("res?count=0")).toEqual([]);
    for (const query of ["page=1", "page=0", "count=-1", "count=x&page=0", "count=1&page=x", "count="]) {
      expect([query, (await client.ask("GET", `/rd-lookup/res?${query}`)).code]).toEqual([query, "4.00"]);
    }
  });

  it("RFC 9176 6.2: where one answer can't hold all links there is an error and no part of them", async () => {
    const { registry } = world.harness.app;
    const known = await world.harness.wait(registry.find("lamp-1"));
    const links = Array.from({ length: 64 }, (_, i) => ({ href: `/${i}/${"x".repeat(250)}`, attributes: [] }));
    const fleet = (count: number) => ({
      nodes: Array.from({ length: count }, (_, i) => ({ ...known!, id: `n${i}`, rd: { links } })),
    });
    const walk = vi.spyOn(registry, "walk").mockResolvedValue(fleet(10));
    expect(await client.targets("res")).toHaveLength(640);
    walk.mockResolvedValue(fleet(300));
    expect((await client.ask("GET", "/rd-lookup/res")).code).toBe("5.01");
    expect(await client.targets("res?count=10&page=1900")).toHaveLength(10);
  });

  it("RFC 9176 6.4: a registration shows its name, sector, base and attributes, not its lifetime", async () => {
    const texts = (await client.ask("GET", "/rd-lookup/ep")).text.split(",<");
    expect(texts).toEqual([
      '</rd/lamp-1>;ep="lamp-1";base="coap://10.0.0.5";rt="core.rd-ep";d="roof";et="lamp"',
      '/rd/lamp-2>;ep="lamp-2";base="coap://10.0.0.6:61616";rt="core.rd-ep";et="lamp"',
      '/rd/pump-1>;ep="pump-1";base="coap://[2001:db8::2]:61616";rt="core.rd-ep"',
    ]);
  });

  it("RFC 9176 5.3: a registration whose lifetime is over isn't found any more, until it is renewed at its old location", async () => {
    const node = await world.peer("10.0.0.7", 5683);
    await node.register("ep=brief&lt=30", "</b>;rt=brief");
    await world.harness.clock.advance(29_000);
    expect(await client.targets("ep?ep=brief")).toEqual(["/rd/brief"]);
    await world.harness.clock.advance(2_000);
    for (const query of ["ep?ep=brief", "ep?ep=br*", "res?ep=brief", "res?rt=brief"]) {
      expect(await client.targets(query)).toEqual([]);
    }
    expect(await client.targets("ep?rt=core.rd-ep")).toHaveLength(3);
    expect((await node.ask("POST", "/rd/brief")).code).toBe("2.04");
    expect(await client.targets("res?rt=brief")).toEqual(["coap://10.0.0.7/b"]);
  });
});

describe("what is link-local", () => {
  it("RFC 9176 5, 6.1, 6.4: an address is shown on its own link alone, and without its zone", async () => {
    await world.stop();
    world = await new RdWorld({ isInsecure: false }).start();
    const peer = async (address: string, node: string): Promise<RdPeer> =>
      world.peer(address, 5683, await world.keys(node));
    const near = "</s>;rt=near";
    const a = await peer("fe80::a%1", "a");
    const b = await peer("fe80::b%2", "b");
    const c = await peer("169.254.7.7", "c");
    const d = await peer("10.0.0.4", "d");
    for (const node of [a, b, c, d]) expect(await node.register("", near)).toBe("2.01");
    const found = async (node: RdPeer): Promise<string[]> => [
      ...(await node.targets("ep?rt=near")),
      ...(await node.targets("res?rt=near")),
    ];
    const everywhere = ["/rd/d", "coap://10.0.0.4/s"] as const;
    expect(await found(d)).toEqual(everywhere);
    expect(await found(a)).toEqual(["/rd/a", everywhere[0], "coap://[fe80::a]/s", everywhere[1]]);
    expect(await found(b)).toEqual(["/rd/b", everywhere[0], "coap://[fe80::b]/s", everywhere[1]]);
    expect(await found(c)).toEqual(["/rd/c", everywhere[0], "coap://169.254.7.7/s", everywhere[1]]);
    expect((await a.ask("GET", "/rd-lookup/ep?ep=a")).text).toBe(
      '</rd/a>;ep="a";base="coap://[fe80::a]";rt="core.rd-ep"',
    );
    expect((await a.ask("GET", "/rd-lookup/ep?ep=b")).text).toBe("");
  });

  it("RFC 9176 5, 6.1: a base is taken from a neighbour alone and without a zone, and shown to its neighbours alone", async () => {
    await world.stop();
    world = await new RdWorld({ isInsecure: false }).start();
    const [a, b] = [
      await world.peer("fe80::a%1", 5683, await world.keys("a")),
      await world.peer("fe80::b%1", 5683, await world.keys("b")),
    ];
    const far = await world.peer("10.0.0.4", 5683, await world.keys("far"));
    expect(await far.register("base=coap://[fe80::99]", "</s>")).toBe("4.00");
    expect(await far.register("base=coap://169.254.1.1", "</s>")).toBe("4.00");
    for (const zone of ["%1", "%251", "%25eth0"]) {
      expect(await a.register(`base=coap://[fe80::99${zone}]`, "</s>")).toBe("4.00");
    }
    expect(await a.register("base=coap://[fe80::99]", "</s>")).toBe("2.01");
    expect(await b.targets("res")).toEqual(["coap://[fe80::99]/s"]);
    expect(await far.targets("res")).toEqual([]);
    expect(await far.targets("ep")).toEqual([]);
  });
});

it("RFC 9176 5, 6.4: attributes of an endpoint that nobody knows are shown and found", async () => {
  const node = await world.peer("10.0.0.5", 5683);
  expect(await node.register("ep=n&if=x&proxy&vendor=a%22b&vendor=c&et=tag:example.com,2020:platform")).toBe("2.01");
  const [link] = parseLinks((await client.ask("GET", "/rd-lookup/ep?vendor=c")).text)!;
  expect(link!.attributes.filter(([name]) => name === "vendor").map(([, value]) => value)).toEqual(["a%22b", "c"]);
  expect([attributeOf(link!, "if"), attributeOf(link!, "proxy")]).toEqual(["x", ""]);
  expect(attributeOf(link!, "et")).toBe("tag:example.com,2020:platform");
});
