import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const linkFormat = 40;
let manager: TestManager;
let node: TestPeer;
beforeAll(async () => {
  manager = await testManager();
  node = await TestPeer.start(manager.coapPort);
});
afterAll(async () => {
  await node.end();
  await manager.end();
});

const lookup = async (query: string) => (await node.ask("GET", `/rd-lookup/${query}`)).text;

describe("the RFC 9176 face of the registry", () => {
  test("RFC 9176 4: is found by its links, and has what they lead to", async () => {
    const links = (await node.ask("GET", "/.well-known/core?rt=core.rd*")).text;
    expect(links).toContain('</rd>;rt="core.rd";ct=40');
    expect(links).toContain('</rd-lookup/ep>;rt="core.rd-lookup-ep"');
    expect(links).toContain('</rd-lookup/res>;rt="core.rd-lookup-res"');
    const registered = await node.ask("POST", "/rd?ep=found&d=there", "</t>", linkFormat);
    expect(registered.response.locationPath).toEqual(["rd", "found"]);
    expect(await lookup("ep?d=there")).toContain("</rd/found>");
    expect(await lookup("res?d=there")).toContain("/t>");
    expect((await node.ask("POST", "/rd/found?lt=100")).code).toBe("2.04");
    expect((await node.ask("DELETE", "/rd/found")).code).toBe("2.02");
    expect(await lookup("ep?d=there")).toBe("");
  });

  test.each([
    ["without ep", "/rd", "</t>", linkFormat, "4.00"],
    ["with an ep that is no node id", "/rd?ep=Living%20Room", "</t>", linkFormat, "4.00"],
    ["with an ep over 63 bytes", `/rd?ep=${"a".repeat(64)}`, "</t>", linkFormat, "4.00"],
    ["with a lifetime that is none", "/rd?ep=a&lt=0", "</t>", linkFormat, "4.00"],
    ["with a base that is no URI", "/rd?ep=a&base=nowhere", "</t>", linkFormat, "4.00"],
    ["with links that are none", "/rd?ep=a", "/t", linkFormat, "4.00"],
    ["in another format", "/rd?ep=a", "{}", 50, "4.15"],
  ])("refuses a registration %s", async (_name, target, body, format, code) => {
    expect((await node.ask("POST", target, body, format)).code).toBe(code);
  });

  test("gives the same ep the same Location, with 2.01 each time", async () => {
    for (let round = 0; round < 2; round++) {
      const answer = await node.ask(
        "POST",
        "/rd?ep=lamp-1&et=lamp&d=roof&lt=600",
        '</light>;rt="light";if="onoff",</temp>;rt="temperature sensor"',
        linkFormat,
      );
      expect([answer.code, answer.response.locationPath]).toEqual(["2.01", ["rd", "lamp-1"]]);
    }
    const other = await TestPeer.start(manager.coapPort);
    await other.ask("POST", "/rd?ep=lamp-2&et=lamp&base=coap://[2001:db8::2]:61616", '</light>;rt="light"', linkFormat);
    await other.end();
    expect((await manager.app.registry.find("lamp-1"))?.lifetimeSeconds).toBe(600);
    expect((await manager.app.registry.find("lamp-2"))?.lifetimeSeconds).toBe(90_000);
  });

  test("looks up endpoints by name, type and sector, and by a resource that they have", async () => {
    expect(await lookup("ep?ep=lamp-1")).toMatch(
      /^<\/rd\/lamp-1>;ep="lamp-1";base="coap:\/\/127\.0\.0\.1:\d+";rt="core.rd-ep";d="roof";et="lamp"$/,
    );
    expect((await lookup("ep?et=lamp")).split(",")).toHaveLength(2);
    expect(await lookup("ep?d=cellar")).toBe("");
    expect(await lookup("ep?rt=temperature")).toMatch(/^<\/rd\/lamp-1>[^<]*$/);
    expect(await lookup("ep?ep=lamp-*&d=roof")).toContain("lamp-1");
  });

  test("looks up resources with targets that need nothing else to be used", async () => {
    const port = node.endpoint.address().port;
    expect(await lookup("res?rt=temperature")).toBe(`<coap://127.0.0.1:${port}/temp>;rt="temperature sensor"`);
    expect(await lookup("res?rt=light&ep=lamp-2")).toBe('<coap://[2001:db8::2]:61616/light>;rt="light"');
    expect((await lookup("res?rt=light")).split(",")).toHaveLength(2);
  });

  test("pages its lookups", async () => {
    const all = (await lookup("res")).split(",");
    expect(all).toHaveLength(3);
    const pages = [
      await lookup("res?count=2&page=0"),
      await lookup("res?count=2&page=1"),
      await lookup("res?count=2&page=2"),
    ];
    expect(pages.map((each) => (each === "" ? 0 : each.split(",").length))).toEqual([2, 1, 0]);
    expect(pages.slice(0, 2).join(",").split(",")).toEqual(all);
    expect((await node.ask("GET", "/rd-lookup/res?page=1")).code).toBe("4.00");
  });

  test("renews with what changed and keeps the rest", async () => {
    expect((await node.ask("POST", "/rd/lamp-1")).code).toBe("2.04");
    expect((await manager.app.registry.find("lamp-1"))?.lifetimeSeconds).toBe(600);
    expect(await lookup("res?ep=lamp-1&rt=light")).toContain("/light");
    expect((await node.ask("POST", "/rd/lamp-1?lt=1200&base=coap://192.0.2.9")).code).toBe("2.04");
    expect((await manager.app.registry.find("lamp-1"))?.lifetimeSeconds).toBe(1200);
    expect(await lookup("res?ep=lamp-1&rt=light")).toContain("<coap://192.0.2.9/light>");
  });

  test("ends with DELETE, and is unknown then", async () => {
    expect((await node.ask("DELETE", "/rd/lamp-2?ep=lamp-1")).code).toBe("4.03");
    expect((await node.ask("DELETE", "/rd/lamp-2")).code).toBe("2.02");
    expect((await node.ask("DELETE", "/rd/lamp-2")).code).toBe("4.04");
    expect((await node.ask("POST", "/rd/lamp-2")).code).toBe("4.04");
    expect(await lookup("ep?ep=lamp-2")).toBe("");
  });

  test("fetches the links itself in a simple registration", async () => {
    const simple = await TestPeer.start(manager.coapPort, [
      { method: "GET", path: "/soil", replay: "again", attributes: { rt: "moisture" }, answer: () => {} },
    ]);
    expect((await simple.ask("POST", "/.well-known/rd?ep=plant-1&lt=300")).code).toBe("2.04");
    expect(await lookup("res?rt=moisture")).toBe(
      `<coap://127.0.0.1:${simple.endpoint.address().port}/soil>;rt="moisture"`,
    );
    await simple.end();
  });

  test("keeps what a node manifest said of the same node", async () => {
    await node.register({ id: "both-1", model: "sensor", version: "1.0" });
    await node.ask("POST", "/rd?ep=both-1", "</x>", linkFormat);
    expect((await manager.app.registry.find("both-1"))?.manifest).toMatchObject({ model: "sensor", version: "1.0" });
  });
});
