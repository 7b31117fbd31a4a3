import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { bytesOf, decodePlain, encodePlain, serverAddress, textOf } from "./coap-harness.ts";
import { node, OscoreWorld, type OscoreWorldOptions } from "./oscore-world.ts";

const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
let world: OscoreWorld;
let value = 0;
let code: number = Code.content;
/** What the server sent, as it was. */
let sent: Uint8Array[] = [];
let asked: Uint8Array[] = [];
let seen: string[] = [];

async function build(options: OscoreWorldOptions = {}): Promise<void> {
  world = new OscoreWorld(options);
  value = 0;
  code = Code.content;
  sent = [];
  asked = [];
  seen = [];
  for (const [path, notifications] of [
    ["/value", "confirmable"],
    ["/large", "confirmable"],
  ] as const) {
    world.server.route({
      method: "GET",
      path,
      replay: "again",
      observable: true,
      notifications,
      answer({ peer }, reply) {
        reply.code = code;
        const who = peer.identity.kind === "none" ? "nobody" : peer.identity.id;
        reply.payload = bytesOf(path === "/value" ? `${value} for ${who}` : String(value).repeat(3_000));
      },
    });
  }
  await world.start();
  world.world.network.taps.push(({ bytes, from }) => {
    (from.address === serverAddress.address ? sent : asked).push(bytes.slice());
  });
}

function observe(path = "value"): ReturnType<OscoreWorld["client"]["observe"]> {
  return world.client.observe(
    { to: world.to, path: [path] },
    {
      notification: ({ payload }) => seen.push(textOf(payload)),
      ended: (reason, response) => seen.push(`${reason} ${response?.code.toString(16) ?? ""}`),
    },
  );
}

const pass = (ms = 1_000): Promise<void> => world.world.clock.advance(ms);

async function change(path = "/value"): Promise<void> {
  value++;
  world.server.notify(path);
  await pass();
}

/** Of the protected messages that carry a response. */
const responses = (): ReturnType<typeof decodePlain>[] =>
  sent.map((bytes) => decodePlain(bytes)).filter((each) => each.code !== 0);
const ivOf = (option: Uint8Array): string =>
  Buffer.from(option.subarray(1, 1 + ((option[0] ?? 0) & 7))).toString("hex");

beforeEach(() => build());
afterEach(() => world.stop());

describe("a protected observation", () => {
  it("RFC 8613 4.1.3.5, 4.1.3.5.1: is FETCH with the outer Observe of the request, and 2.05 in answer", async () => {
    const observation = observe();
    await pass();
    observation.cancel();
    await pass();
    const requests = asked.map((bytes) => decodePlain(bytes)).filter((each) => each.code !== 0);
    expect(requests.map((each) => [each.code, each.uint(OptionNumber.observe)])).toEqual([
      [Code.fetch, 0],
      [Code.fetch, 1],
    ]);
    const numbers = requests.map((each) => ivOf(each.option(OptionNumber.oscore)!));
    expect(new Set(numbers).size).toBe(2);
    expect(responses().map((each) => each.code)).toEqual([Code.content, Code.changed]);
    expect(seen).toEqual(["0 for esp-1", "cancelled "]);
    expect(world.server.observers()).toBe(0);
  });

  it("RFC 8613 4.1.3.5, 4.1.3.5.2, 8.3.1, 5, 8: every notification but the first has a Partial IV, and it grows", async () => {
    observe();
    await pass();
    for (let i = 0; i < 3; i++) await change();
    code = Code.notFound;
    await change();
    const ivs = responses().map((each) => ivOf(each.option(OptionNumber.oscore)!));
    expect(ivs).toEqual(["", "00", "01", "02", "03"]);
    expect(seen).toEqual(["0 for esp-1", "1 for esp-1", "2 for esp-1", "3 for esp-1", "refused 84"]);
  });

  it("RFC 8613 4.1.3.5.2, 7.4.1: old and repeated notifications are dropped, whatever the outer Observe says", async () => {
    observe();
    await pass();
    await change();
    await change();
    const old = sent.filter((bytes) => decodePlain(bytes).code === Code.content);
    await change();
    expect(seen).toHaveLength(4);
    const stale = world.client.counters()["oscore.notificationsStale"]!;
    for (const bytes of old) {
      const again = bytes.slice();
      // Another message ID, so that it is no duplicate; and the greatest outer Observe there is.
      again[2] = 0xee;
      again[0] = (again[0]! & 0xcf) | 0x10;
      const at = again.findIndex((byte, i) => i > 11 && byte >> 4 === 6);
      for (let i = 1; i <= (again[at]! & 15); i++) again[at + i] = 0xff;
      world.world.network.carry(again, { ...serverAddress, family: 4 }, clientAt);
      await pass();
    }
    expect(seen).toHaveLength(4);
    expect(world.client.counters()["oscore.notificationsStale"]! - stale).toBe(2);
    await change();
    expect(seen).toHaveLength(5);
  });

  it("RFC 8613 8.4.2, 4.1.3.5: what doesn't verify neither ends the observation nor makes the client register again", async () => {
    observe();
    await pass();
    await change();
    const before = asked.length;
    const forged = sent
      .filter((bytes) => decodePlain(bytes).code === Code.content)
      .at(-1)!
      .slice();
    forged[2] = 0xdd;
    forged[forged.length - 1]! ^= 1;
    world.world.network.carry(forged, { ...serverAddress, family: 4 }, clientAt);
    await pass(5_000);
    // An ACK, since a Reset would end it at the server.
    expect(asked.slice(before).map((bytes) => decodePlain(bytes).type)).toEqual(["ACK"]);
    await change();
    expect(seen).toEqual(["0 for esp-1", "1 for esp-1", "2 for esp-1"]);
    expect(world.server.observers()).toBe(1);
  });

  it("RFC 8613 4.1.3.5.1: after a renewal notifications are bound to the newest registration", async () => {
    const observation = observe();
    await pass();
    await change();
    observation.renew();
    await pass();
    expect(world.server.observers()).toBe(1);
    await change();
    await change();
    expect(seen).toEqual(["0 for esp-1", "1 for esp-1", "1 for esp-1", "2 for esp-1", "3 for esp-1"]);
  });

  it("RFC 8613 4.1.3.5: a request with its token that isn't its own neither ends nor takes it over", async () => {
    observe();
    await pass();
    const { token, messageId } = decodePlain(asked[0]!);
    const peer = world.rawPeer("10.0.0.9");
    for (const observeValue of [0, 1]) {
      const bytes = encodePlain({
        type: "CON",
        code: 1,
        messageId: messageId + 50 + observeValue,
        token: Uint8Array.from(Buffer.from(token, "hex")),
        options: [
          [OptionNumber.observe, observeValue],
          [OptionNumber.uriPath, "value"],
        ],
      });
      const to = RemoteAddress.from(serverAddress.address, serverAddress.port);
      world.world.network.carry(bytes, { address: "10.0.0.2", port: 40_000, family: 4 }, to);
      await pass();
    }
    expect(peer.take()).toEqual([]);
    await change();
    expect(seen.at(-1)).toBe("1 for esp-1");
    expect(world.server.observers()).toBe(1);
  });

  it("RFC 8613 4.1.3.4.1: a notification longer than a block is fetched in inner blocks", async () => {
    observe("large");
    await pass(3_000);
    value = 7;
    world.server.notify("/large");
    await pass(3_000);
    expect(seen).toEqual(["0".repeat(3_000), "7".repeat(3_000)]);
    for (const each of responses()) expect(each.option(OptionNumber.block2)).toBeUndefined();
  });

  it("ends at both ends when its context goes, and the filter of a change sees each observer's own identity", async () => {
    observe();
    await pass();
    value++;
    world.server.notify("/value", ({ identity }) => identity.kind === "operator");
    await pass();
    expect(seen).toEqual(["0 for esp-1"]);
    world.server.notify("/value", ({ identity }) => identity.kind === "node" && identity.id === "esp-1");
    await pass();
    expect(seen).toEqual(["0 for esp-1", "1 for esp-1"]);
    world.atServer.revoke(node);
    expect(world.server.observers()).toBe(0);
    world.atClient.remove(world.clientContext);
    expect(seen.at(-1)).toBe("refused ");
    expect(world.client.observations()).toBe(0);
  });

  it("waits for a range of numbers to be written, and tells the newest state then", async () => {
    await world.stop();
    let written: () => void = () => undefined;
    let next = 0;
    await build({
      serverLeases: {
        lease: (_name, count) =>
          new Promise((resolve) => {
            written = () => {
              next += count;
              resolve(next - count);
            };
          }),
      },
    });
    observe();
    await pass();
    await change();
    await change();
    expect(seen).toEqual(["0 for esp-1"]);
    written();
    await pass();
    expect(seen).toEqual(["0 for esp-1", "2 for esp-1"]);
  });

  it("RFC 8613 B.1.3: a client that starts anew registers again and takes the first notification", async () => {
    observe();
    await pass();
    await change();
    await world.client.stop();
    const reborn = world.endpoint(world.world.network.transport("10.0.0.2", 40_003), world.atClient);
    await reborn.start();
    reborn.observe(
      { to: world.to, path: ["value"] },
      { notification: ({ payload }) => seen.push(textOf(payload)), ended: () => undefined },
    );
    await pass(20_000);
    await change();
    expect(seen.slice(-2)).toEqual(["1 for esp-1", "2 for esp-1"]);
    await reborn.stop();
  });
});
