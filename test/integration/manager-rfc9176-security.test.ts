import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MemoryDatagram } from "../../coap/transport/memory.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { decodePlain } from "./coap-harness.ts";
import { directory, type RdPeer, RdWorld } from "./rd-world.ts";

let world: RdWorld;
let porch: RdPeer;
let hall: RdPeer;
let stranger: RdPeer;
beforeEach(async () => {
  world = await new RdWorld({ isInsecure: false }).start();
  porch = await world.peer("10.0.0.5", 5683, await world.keys("porch"));
  hall = await world.peer("10.0.0.6", 5683, await world.keys("hall"));
  stranger = await world.peer("10.0.0.9");
});
afterEach(() => world.stop());

const lifetime = async (id: string): Promise<number | undefined> =>
  (await world.harness.wait(world.harness.app.registry.find(id)))?.lifetimeSeconds;

describe("who may do what in a directory with identities", () => {
  it("RFC 9176 8, 8.2: whoever proves nothing registers nothing, changes nothing and finds nothing", async () => {
    await porch.register("", "</a>");
    for (const [method, target] of [
      ["POST", "/rd?ep=other"],
      ["POST", "/rd?ep=porch"],
      ["POST", "/rd/porch?lt=1"],
      ["DELETE", "/rd/porch"],
      ["POST", "/.well-known/rd?ep=other"],
      ["GET", "/rd-lookup/ep"],
      ["GET", "/rd-lookup/res?ep=porch"],
    ] as const) {
      const body = target.startsWith("/rd?") ? "</b>" : undefined;
      const answer = await stranger.ask(method, target, body);
      expect([target, answer.code, answer.text]).toEqual([target, "4.01", ""]);
    }
    expect(await hall.targets("res")).toEqual(["coap://10.0.0.5/a"]);
    expect(await lifetime("porch")).toBe(90_000);
  });

  it("RFC 9176 5, 7.1: the name is the credential's, said or not, and no other", async () => {
    const answer = await porch.ask("POST", "/rd?d=x", "</a>");
    expect([answer.code, answer.response.locationPath]).toEqual(["2.01", ["rd", "porch"]]);
    expect(await porch.register("ep=porch&d=x", "</b>")).toBe("2.01");
    for (const ep of ["hall", "other"]) expect(await porch.register(`ep=${ep}`, "</a>")).toBe("4.03");
    expect((await porch.ask("POST", "/.well-known/rd?ep=hall")).code).toBe("4.03");
    expect(await hall.targets("ep")).toEqual(["/rd/porch"]);
  });

  it("RFC 9176 8.3: finding isn't changing: a node sees the others' entries and touches its own alone", async () => {
    expect(await porch.register("lt=500", "</a>")).toBe("2.01");
    expect(await hall.register("", "</b>")).toBe("2.01");
    expect(await hall.targets("res?ep=porch")).toEqual(["coap://10.0.0.5/a"]);
    expect((await hall.ask("POST", "/rd/porch?lt=1")).code).toBe("4.03");
    expect((await hall.ask("DELETE", "/rd/porch")).code).toBe("4.03");
    expect([await lifetime("porch"), await hall.targets("ep")]).toEqual([500, ["/rd/hall", "/rd/porch"]]);
    expect((await porch.ask("DELETE", "/rd/porch")).code).toBe("2.02");
    expect(await hall.targets("ep")).toEqual(["/rd/hall"]);
  });
});

describe("the age of a request", () => {
  it("RFC 9176 5.3.4: an update that somebody held back isn't carried out when it comes late", async () => {
    expect(await porch.register("lt=500", "</a>")).toBe("2.01");
    const held: MemoryDatagram[] = [];
    const hold = (datagram: MemoryDatagram): "drop" | undefined => {
      if (datagram.from.address !== "10.0.0.5") return undefined;
      held.push(datagram);
      return "drop";
    };
    world.network.rules.push(hold);
    const giveUp = new AbortController();
    const lost = porch.endpoint.request({
      ...{ to: porch.to, method: "POST", path: ["rd", "porch"], queries: ["lt=7"], signal: giveUp.signal },
    });
    lost.catch(() => undefined);
    await world.harness.clock.advance(1_000);
    giveUp.abort();
    world.network.rules.length = 0;
    expect(held.length).toBeGreaterThan(0);
    expect((await porch.ask("POST", "/rd/porch?lt=900")).code).toBe("2.04");
    await world.harness.clock.advance(61_000);
    const before = world.endpoint.counters()["echoesAsked"]!;
    world.network.carry(held[0]!.bytes, held[0]!.from, RemoteAddress.from(directory.address, directory.port));
    await world.harness.clock.advance(5_000);
    // It was no replay: it was looked at, and found to be old.
    expect(world.endpoint.counters()["echoesAsked"]! - before).toBe(1);
    expect(await lifetime("porch")).toBe(900);
  });

  it("RFC 9176 5.3.4: each change costs an Echo when the last one is old, a lookup none", async () => {
    const asked = (): number => world.endpoint.counters()["echoesAsked"]!;
    for (const change of [
      () => porch.register("", "</a>"),
      async () => (await porch.ask("POST", "/rd/porch")).code,
      async () => (await porch.ask("DELETE", "/rd/porch")).code,
    ]) {
      await world.harness.clock.advance(120_000);
      const before = asked();
      expect(await change()).toMatch(/^2/);
      expect(asked() - before).toBe(1);
    }
    const before = asked();
    await world.harness.clock.advance(120_000);
    await porch.targets("ep");
    expect(asked()).toBe(before);
  });
});

it("RFC 9176 5.1: who registers simply shows first that it receives at its address, which else is asked nothing", async () => {
  const victim = "10.0.0.66";
  const sentToVictim: MemoryDatagram[] = [];
  world.network.rules.push((datagram) => {
    if (datagram.to.address !== victim) return undefined;
    sentToVictim.push(datagram);
    return "drop";
  });
  // A node's own credential, and somebody else's address.
  const spoofer = await world.peer(victim, 5683, await world.keys("spoofer"));
  const lost = spoofer.endpoint.request({ to: spoofer.to, method: "POST", path: [".well-known", "rd"] });
  lost.catch(() => undefined);
  await world.harness.clock.advance(300_000);
  expect(sentToVictim.length).toBeGreaterThan(0);
  for (const { bytes } of sentToVictim) {
    const message = decodePlain(bytes);
    expect(["ACK", "NON", "RST"]).toContain(message.type);
    expect(message.code >> 5).not.toBe(0);
  }
  expect(world.harness.app.registry.isRegistered("spoofer")).toBe(false);
});
