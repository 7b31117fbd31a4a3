import { afterEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { type SequenceLeases, volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { bytesOf, decodePlain, serverAddress, textOf } from "./coap-harness.ts";
import { manager, mirrored, node, OscoreWorld, type OscoreWorldOptions, shared } from "./oscore-world.ts";

let world: OscoreWorld;
let runs = 0;

async function build(options: OscoreWorldOptions = {}): Promise<OscoreWorld> {
  world = new OscoreWorld(options);
  runs = 0;
  world.server.route({
    method: "GET",
    path: "/who",
    replay: "again",
    answer({ peer }, reply) {
      runs++;
      reply.payload = bytesOf(peer.identity.kind === "none" ? "nobody" : `${peer.identity.scheme} ${peer.identity.id}`);
    },
  });
  return world.start();
}

/** Codes and payload sizes of what went over the network, as an eavesdropper sees them. */
function listen(of: OscoreWorld): string[] {
  const seen: string[] = [];
  of.world.network.taps.push(({ bytes, from }) => {
    const message = decodePlain(bytes);
    const who = from.address === serverAddress.address ? "server" : "client";
    if (message.code !== 0) seen.push(`${who} ${message.code.toString(16)}`);
  });
  return seen;
}

/** Leases that outlive the endpoint, as a disk does. */
function disk(delayMs?: () => Promise<void>): SequenceLeases & { readonly given: number[] } {
  const next = new Map<string, number>();
  const given: number[] = [];
  return {
    given,
    lease(name, count) {
      const first = next.get(name) ?? 0;
      next.set(name, first + count);
      given.push(first);
      return delayMs === undefined ? first : delayMs().then(() => first);
    },
  };
}

afterEach(async () => {
  await world.stop();
});

describe("sender sequence numbers", () => {
  it("RFC 8613 7.5, B.1.1: after a crash no number comes twice, because a range is written down before it is used", async () => {
    const leases = disk();
    const sent: number[] = [];
    for (let start = 0; start < 3; start++) {
      await build({ clientLeases: leases, oscoreLimits: { leasedNumbers: 16 }, serverOptions: { isNew: true } });
      world.world.network.taps.push(({ bytes, from }) => {
        const message = decodePlain(bytes);
        if (from.address === serverAddress.address || message.code === 0) return;
        const option = message.option(OptionNumber.oscore)!;
        sent.push(Number.parseInt(Buffer.from(option.subarray(1, 1 + (option[0]! & 7))).toString("hex"), 16));
      });
      for (let i = 0; i < 10 * (start + 1); i++) expect(await world.ask("/who")).toBe("45 oscore esp-1");
      if (start < 2) await world.stop();
    }
    expect(sent).toHaveLength(60);
    expect(new Set(sent).size).toBe(60);
    for (const number of sent) expect(leases.given.some((first) => number >= first && number < first + 16)).toBe(true);
  });

  it("RFC 8613 7.2, B.1.1: requests wait while a range is being written", async () => {
    let written: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      written = resolve;
    });
    await build({ clientLeases: disk(() => wait) });
    const seen = listen(world);
    const asked = world.client.request({ to: world.to, method: "GET", path: ["who"] });
    await world.world.clock.advance(10_000);
    expect(seen).toEqual([]);
    written();
    expect(textOf((await world.world.run(asked)).payload)).toBe("oscore esp-1");
  });

  it("RFC 8613 7.2, B.1.1: nothing is sent when no range can be written", async () => {
    await build({ clientLeases: { lease: () => Promise.reject(new Error("the disk is full")) } });
    const seen = listen(world);
    await expect(world.ask("/who")).rejects.toMatchObject({ code: "coap.oscore-no-numbers" });
    expect(seen).toEqual([]);
  });

  it("RFC 8613 7.2.1: after the largest number nothing is sent", async () => {
    let next = 2 ** 40 - 2;
    const lease = (_name: string, count: number): number => {
      next += count;
      return next - count;
    };
    await build({ clientLeases: { lease }, oscoreLimits: { leasedNumbers: 16 } });
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
    await expect(world.ask("/who")).rejects.toMatchObject({ code: "coap.oscore-no-numbers" });
  });
});

describe("a lost replay window", () => {
  it("RFC 8613 B.1.2: the first request gets a protected 4.01 with Echo and nothing else, under a number of the server's own", async () => {
    await build({ serverOptions: { isNew: false } });
    const first: Uint8Array[] = [];
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address === serverAddress.address) first.push(bytes.slice());
    });
    const seen = listen(world);
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
    expect(seen).toEqual(["client 2", "server 44", "client 2", "server 44"]);
    const option = decodePlain(first[0]!).option(OptionNumber.oscore)!;
    expect(option[0]! & 7).toBeGreaterThan(0);
    expect(decodePlain(first[1]!).option(OptionNumber.oscore)).toHaveLength(0);
    expect(runs).toBe(1);
    expect(world.server.counters()["oscore.echoAsked"]).toBe(1);
  });

  it("RFC 8613 B.1.2, 7.2: an answer with Echo waits for its number, so that no retransmission is needed", async () => {
    let written: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      written = resolve;
    });
    await build({ serverOptions: { isNew: false }, serverLeases: disk(() => wait) });
    const seen = listen(world);
    const asked = world.client.request({ to: world.to, method: "GET", path: ["who"] });
    await world.world.clock.advance(100);
    expect(seen).toEqual(["client 2"]);
    written();
    await world.world.clock.advance(100);
    expect(textOf((await asked).payload)).toBe("oscore esp-1");
    expect(seen).toEqual(["client 2", "server 44", "client 2", "server 44"]);
    expect([runs, world.server.counters()["oscore.echoAsked"]]).toEqual([1, 1]);
  });

  it("RFC 8613 B.1.2, 12.4: of requests that come while no number is leased few wait, and each answer has a number of its own", async () => {
    let written: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      written = resolve;
    });
    await build({
      serverOptions: { isNew: false },
      serverLeases: disk(() => wait),
      oscoreLimits: { echoesPerSecond: 4 },
    });
    const numbers: string[] = [];
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address !== serverAddress.address) return;
      numbers.push(Buffer.from(decodePlain(bytes).option(OptionNumber.oscore)!).toString("hex"));
    });
    const forger = world.forger();
    for (let i = 0; i < 20; i++) {
      forger.peer.sendBytes(
        forger.sealed({ options: [[OptionNumber.uriPath, "who"]], type: i % 2 === 0 ? "CON" : "NON" }),
      );
      await world.world.clock.advance(400);
    }
    expect(numbers).toEqual([]);
    written();
    await world.world.clock.advance(100);
    expect(numbers).toHaveLength(4);
    expect(new Set(numbers).size).toBe(4);
    expect(runs).toBe(0);
  });

  it("RFC 8613 B.1.2, 7.2: an answer with Echo isn't sent when its lease fails, and the next request gets one", async () => {
    let isFull = true;
    const leases = volatileLeases();
    await build({
      serverOptions: { isNew: false },
      serverLeases: {
        lease: (name, count) =>
          isFull ? Promise.reject(new Error("the disk is full")) : Promise.resolve(leases.lease(name, count)),
      },
    });
    const seen = listen(world);
    const asked = world.client.request({ to: world.to, method: "GET", path: ["who"] });
    await world.world.clock.advance(100);
    expect(seen).toEqual(["client 2"]);
    isFull = false;
    expect(textOf((await world.world.run(asked)).payload)).toBe("oscore esp-1");
  });

  it("RFC 8613 7.5, B.1.2: what was recorded before the restart isn't taken after it, before the Echo and behind it", async () => {
    await build({ serverOptions: { isNew: false } });
    const recorded: Uint8Array[] = [];
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address !== serverAddress.address) recorded.push(bytes.slice());
    });
    await world.ask("/who");
    await world.ask("/who");
    await world.stop();

    const again = new OscoreWorld({ seed: 2, serverOptions: { isNew: false } });
    world = again;
    let ran = 0;
    again.server.route({ method: "GET", path: "/who", replay: "again", answer: () => void ran++ });
    await again.start();
    const thief = again.rawPeer("10.0.0.9");
    const send = async (): Promise<void> => {
      for (const bytes of recorded) thief.sendBytes(bytes);
      await again.world.clock.advance(1_000);
    };
    await send();
    // An answer each, and none of them an answer to the question.
    expect(thief.take().map(({ code }) => code)).toEqual(recorded.map(() => Code.changed));
    expect(ran).toBe(0);
    for (let i = 0; i < 8; i++) await again.ask("/who");
    expect(ran).toBe(8);
    await again.world.clock.advance(300_000);
    await send();
    expect(ran).toBe(8);
    expect(again.server.counters()["oscore.replayed"]).toBe(recorded.length);
  });
});

describe("contexts derived anew", () => {
  const both = { serverOptions: { derivesAnew: true, isNew: false }, clientOptions: { derivesAnew: true } };

  it("RFC 8613 B.2: two requests make a new context, and the answer comes in the second exchange", async () => {
    await build(both);
    const seen = listen(world);
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
    expect(seen).toEqual(["client 2", "server 44", "client 2", "server 44"]);
    expect(runs).toBe(1);
    seen.length = 0;
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
    expect(seen).toEqual(["client 2", "server 44"]);
    expect(world.atServer.size).toBe(2);
  });

  it("RFC 8613 B.2: a client that lost everything begins again, and its older context is gone", async () => {
    await build(both);
    await world.ask("/who");
    const old = world.serverContext.derived!;
    const contexts = new OscoreContexts({ entropy: seededEntropy("reborn"), log: silentLog, leases: volatileLeases() });
    contexts.add(shared, { identity: manager, derivesAnew: true });
    const reborn = world.endpoint(world.world.network.transport("10.0.0.2", 40_002), contexts);
    await reborn.start();
    const answer = await world.world.run(reborn.request({ to: world.to, method: "GET", path: ["who"] }));
    expect(textOf(answer.payload)).toBe("oscore esp-1");
    expect(old.isRemoved).toBe(true);
    expect(world.atServer.size).toBe(2);
    await reborn.stop();
  });

  it("RFC 8613 B.2: a server that lost everything answers #1 to whatever comes, and each request runs once in the new context", async () => {
    await build(both);
    await world.ask("/who");
    const old = world.clientContext.derived!;
    await world.server.stop();
    // The same client, and a server with nothing but the secret.
    const contexts = new OscoreContexts({ entropy: seededEntropy("reborn"), log: silentLog, leases: volatileLeases() });
    contexts.add(mirrored(shared), { identity: node, derivesAnew: true });
    const transport = world.world.network.transport(serverAddress.address, serverAddress.port);
    const reborn = world.endpoint(transport, contexts);
    let ran = 0;
    reborn.route({ method: "GET", path: "/who", replay: "again", answer: () => void ran++ });
    await reborn.start();
    const codes: number[] = [];
    for (let i = 0; i < 3; i++) {
      const asked = world.client.request({ to: world.to, method: "GET", path: ["who"] });
      void asked.then(({ code }) => codes.push(code));
    }
    await world.world.clock.advance(20_000);
    expect(codes).toEqual([Code.content, Code.content, Code.content]);
    expect(ran).toBe(3);
    expect(old.isRemoved).toBe(true);
    expect([world.atClient.size, contexts.size]).toEqual([2, 2]);
    expect(await world.ask("/who")).toBe("45 ");
    await reborn.stop();
  });

  it("RFC 8613 B.2: a client that lost everything is asked anew by the server, which names its context as it is", async () => {
    await build(both);
    await world.ask("/who");
    await world.client.stop();
    const contexts = new OscoreContexts({ entropy: seededEntropy("reborn"), log: silentLog, leases: volatileLeases() });
    contexts.add(shared, { identity: manager, derivesAnew: true });
    const reborn = world.endpoint(world.world.network.transport("10.0.0.2", 40_002), contexts);
    let ran = 0;
    reborn.route({ method: "GET", path: "/who", replay: "again", answer: () => void ran++ });
    await reborn.start();
    const to = { address: "10.0.0.2", port: 40_002, identity: node };
    for (let i = 1; i < 4; i++) {
      const { code } = await world.world.run(world.server.request({ to, method: "GET", path: ["who"] }));
      expect([code, ran]).toEqual([Code.content, i]);
    }
    await reborn.stop();
  });

  it("RFC 8613 B.2.1: two endpoints that begin at the same time both get their answers", async () => {
    await build(both);
    world.client.route({ method: "GET", path: "/who", replay: "again", answer: () => undefined });
    const back = { address: "10.0.0.2", port: 40_000, identity: node };
    const results: string[] = [];
    for (let round = 0; round < 4; round++) {
      const asked = [
        world.client.request({ to: world.to, method: "GET", path: ["who"] }),
        world.server.request({ to: back, method: "GET", path: ["who"] }),
      ];
      for (const each of asked) {
        each.then(
          () => results.push("done"),
          (fault: { code: string }) => results.push(fault.code),
        );
      }
      await world.world.clock.advance(100_000 + round * 7_000);
    }
    expect(results).toEqual(Array.from({ length: 8 }, () => "done"));
  });

  it("RFC 8613 B.2, B.2.1: a replayed request #1 starts a run and does nothing, a replayed request #2 isn't taken", async () => {
    await build(both);
    const recorded: Uint8Array[] = [];
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address === "10.0.0.2") recorded.push(bytes.slice());
    });
    await world.ask("/who");
    expect(recorded).toHaveLength(2);
    await world.world.clock.advance(300_000);
    const thief = world.rawPeer("10.0.0.9");
    for (const bytes of recorded) thief.sendBytes(bytes);
    await world.world.clock.advance(1_000);
    expect(
      thief
        .take()
        .map(({ code }) => code)
        .sort((a, b) => a - b),
    ).toEqual([Code.changed, Code.unauthorized]);
    expect(runs).toBe(1);
    expect(await world.ask("/who")).toBe("45 oscore esp-1");
  });

  it("RFC 8613 B.2.1: when no more runs are kept, request #1 is answered 5.03 in the clear", async () => {
    await build({ ...both, oscoreLimits: { recoveries: 1 } });
    const other = { ...shared, senderId: bytesOf("x1"), masterSecret: new Uint8Array(16).fill(9) };
    world.atServer.add(mirrored(other), { identity: node, derivesAnew: true });
    const contexts = new OscoreContexts({ entropy: seededEntropy("2"), log: silentLog, leases: volatileLeases() });
    contexts.add(other, { identity: manager, derivesAnew: true });
    const second = world.endpoint(world.world.network.transport("10.0.0.3", 40_002), contexts);
    await second.start();
    const firstOnly = world.world.network.rules.push(({ from, index }) =>
      from.address === "10.0.0.2" && index > 0 ? "drop" : undefined,
    );
    const lost = world.client.request({ to: world.to, method: "GET", path: ["who"] });
    lost.catch(() => undefined);
    await world.world.clock.advance(100);
    await expect(world.world.run(second.request({ to: world.to, method: "GET", path: ["who"] }))).rejects.toMatchObject(
      { code: "coap.oscore-refused" },
    );
    expect(firstOnly).toBe(1);
    await second.stop();
  });
});
