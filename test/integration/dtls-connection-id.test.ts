import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { MemoryDatagram } from "../../coap/transport/memory.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { goodKey, hasDtls } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const withId = 25;
const applicationData = 23;
const handshake = 22;
const extension = [0, 54];
const server = RemoteAddress.from("10.0.0.1", 5684);

/** A client of ours behind a NAT that gives it another address now and then. Peers that aren't ours are in test/interop. */
describe.runIf(hasDtls())("DTLS sessions with a connection ID", () => {
  let world: DtlsWorld;
  let outside: { address: string; port: number };
  let to: Party;
  let from: Party;

  beforeEach(async () => {
    world = new DtlsWorld();
    outside = { address: "10.0.0.2", port: 40_000 };
    to = await world.server();
    from = await world.client();
    expect(await world.ask(from)).toBe("node n1 psk");
  });
  afterEach(() => world.stop());

  const toServer = (): MemoryDatagram[] => world.sent.filter((datagram) => datagram.to.port === 5684);

  /** From now on the client appears at another address. */
  async function rebind(address: string, port: number): Promise<void> {
    const { network } = world;
    const inside = RemoteAddress.from("10.0.0.2", 40_000);
    if (address !== "10.0.0.2") await network.transport(address, port).open({ datagram: () => undefined });
    outside = { address, port };
    network.rules.length = 0;
    network.rules.push((datagram) => {
      if (datagram.from.address === "10.0.0.2" && datagram.from.port === 40_000 && datagram.to.port === 5684) {
        if (outside.address === "10.0.0.2") return undefined;
        network.carry(datagram.bytes, { ...outside, family: 4 }, server);
        return "drop";
      }
      if (
        datagram.to.address !== outside.address ||
        datagram.to.port !== outside.port ||
        outside.address === "10.0.0.2"
      ) {
        return undefined;
      }
      network.carry(datagram.bytes, { address: "10.0.0.1", port: 5684, family: 4 }, inside);
      return "drop";
    });
  }

  it("RFC 9146 6: a session follows its peer to another address, and what the server knows of it stays", async () => {
    expect(toServer().filter(({ bytes }) => bytes[0] === applicationData)).toEqual([]);
    await rebind("10.0.0.9", 1234);
    expect(await world.ask(from)).toBe("node n1 psk");
    await rebind("10.0.0.8", 77);
    expect(await world.ask(from)).toBe("node n1 psk");
    expect(to.counters).toMatchObject({ handshakesFinished: 1, sessions: 1, sessionsMoved: 2 });
    // Both ways: the server reaches it where it is now, under the address that it began with.
    expect(to.dtls.revoke("n1")).toBe(1);
    await world.clock.advance(100);
    expect(from.counters).toMatchObject({ sessions: 0, sessionsClosed: 1 });
  });

  it("RFC 9146 6: a forged record, one with another ID, and one that came before lead a session nowhere", async () => {
    await world.ask(from);
    const last = toServer().findLast(({ bytes }) => bytes[0] === withId)!.bytes;
    const elsewhere = { address: "10.6.6.6", port: 666, family: 4 as const };
    await world.network.transport(elsewhere.address, elsewhere.port).open({ datagram: () => undefined });
    const carry = (change: (bytes: Uint8Array) => void): void => {
      const bytes = last.slice();
      change(bytes);
      world.network.carry(bytes, elsewhere, server);
    };
    const sent = world.sent.length;
    carry(() => undefined);
    for (let at = 3; at < last.length; at++) {
      carry((bytes) => {
        bytes[10] = 99;
        bytes[at]! ^= 1;
      });
    }
    await world.clock.advance(100);
    expect(world.sent.slice(sent).filter((datagram) => datagram.to.address === elsewhere.address)).toEqual([]);
    expect(to.counters["sessionsMoved"]).toBe(0);
    expect(to.counters["recordsReplayed"]).toBe(1);
    expect(await world.ask(from)).toBe("node n1 psk");
  });

  it("RFC 9146 6: an older record that was held up is taken, and the answers still go where the newest came from", async () => {
    await rebind("10.0.0.9", 1234);
    let held: MemoryDatagram | undefined;
    world.network.rules.unshift((datagram) => {
      if (held !== undefined || datagram.from.address !== "10.0.0.2") return undefined;
      held = datagram;
      return "drop";
    });
    // The request is sent again, as a newer record.
    expect(await world.ask(from)).toBe("node n1 psk");
    expect(to.counters["sessionsMoved"]).toBe(1);
    const before = world.asked.length;
    const late = { address: "10.0.0.3", port: 5, family: 4 as const };
    await world.network.transport(late.address, late.port).open({ datagram: () => undefined });
    world.network.carry(held!.bytes, late, server);
    await world.clock.advance(100);
    expect(to.counters).toMatchObject({ sessionsMoved: 1, recordsReplayed: 0, recordsForged: 0 });
    expect(world.asked).toHaveLength(before + 1);
    expect(world.sent.filter((datagram) => datagram.to.address === late.address)).toEqual([]);
  });

  it("RFC 9146 3: a session with connection IDs takes no record without one", async () => {
    await world.ask(from);
    const last = toServer().findLast(({ bytes }) => bytes[0] === withId)!.bytes;
    const before = world.asked.length;
    for (const type of [20, 21, 22, 23]) {
      // The same number and body, without the ID.
      const bytes = Uint8Array.of(type, ...last.subarray(1, 11), ...last.subarray(19));
      bytes[10]! += 1;
      world.network.carry(bytes, { address: "10.0.0.2", port: 40_000, family: 4 }, server);
    }
    await world.clock.advance(100);
    expect(world.asked).toHaveLength(before);
    expect(to.counters["sessions"]).toBe(1);
    expect(await world.ask(from)).toBe("node n1 psk");
  });

  it("RFC 9146 3: none is used with a peer that doesn't offer it", async () => {
    const plain = await world.client("n2", new TextEncoder().encode("another"), 41_000, { connectionId: false });
    expect(await world.ask(plain)).toBe("node n2 psk");
    const records = toServer().filter((datagram) => datagram.from.port === 41_000 && datagram.bytes[4] === 1);
    expect(records.map(({ bytes }) => bytes[0])).toEqual([applicationData]);
  });

  it("a whole handshake at the address that a session moved to, or from, ends that session", async () => {
    await rebind("10.0.0.9", 1234);
    expect(await world.ask(from)).toBe("node n1 psk");
    expect(to.counters["sessions"]).toBe(1);
    const other = await world.party("10.0.0.9", 1235, { client: { psk: { identity: "n1", key: goodKey } } });
    world.network.rules.length = 0;
    await from.endpoint.stop();
    await world.clock.advance(100);
    expect(await world.ask(other)).toBe("node n1 psk");
    // The close_notify came from the address at first, and with its ID.
    expect(to.counters).toMatchObject({ sessions: 1, sessionsClosed: 1 });
    // Somebody else gets the NAT's old address, while a session that began there lives elsewhere.
    await rebind("10.0.0.7", 7);
    const back = await world.client("n1", goodKey, 40_000);
    world.network.rules.length = 0;
    expect(await world.ask(back)).toBe("node n1 psk");
    expect(to.counters["sessions"]).toBe(2);
  });

  it("hellos with an extension that makes no sense are refused, and cost nothing", async () => {
    const hello = world.sent.find(({ bytes }) => bytes[0] === handshake && bytes[13] === 1)!.bytes;
    const at = Buffer.from(hello).indexOf(Uint8Array.of(...extension, 0, 1, 0));
    expect(at).toBeGreaterThan(0);
    world.network.rules.length = 0;
    for (const id of [[1], [255], [2, 9, 9, 9], [17, ...new Array<number>(17).fill(1)], []]) {
      const grown = id.length - 1;
      const { clock } = world;
      const fresh = await world.client("n1", goodKey, 42_000 + id.length * 300 + (id[0] ?? 0));
      world.network.rules.push((datagram) => {
        const { bytes, from: sender } = datagram;
        if (sender.port !== 42_000 + id.length * 300 + (id[0] ?? 0) || bytes[0] !== handshake || bytes[13] !== 1)
          return undefined;
        const where = Buffer.from(bytes).indexOf(Uint8Array.of(...extension, 0, 1, 0));
        if (where < 0) return undefined;
        const changed = Uint8Array.of(
          ...bytes.subarray(0, where),
          ...extension,
          0,
          id.length,
          ...id,
          ...bytes.subarray(where + 5),
        );
        for (const field of [11, 14 + 1, 22 + 1]) addTo16(changed, field, grown);
        addTo16(changed, extensionsAt(changed), grown);
        world.network.carry(changed, sender, server);
        return "drop";
      });
      const failed = to.counters["handshakesFailed"]!;
      expect(await world.ask(fresh, 3000)).not.toBe("node n1 psk");
      expect(to.counters["handshakesFailed"]! + to.counters["handshakes"]!).toBeGreaterThan(failed);
      await fresh.endpoint.stop();
      await clock.advance(40_000);
    }
    expect(to.counters["handshakes"]).toBe(0);
  });
});

function addTo16(bytes: Uint8Array, at: number, add: number): void {
  const value = ((bytes[at]! << 8) | bytes[at + 1]!) + add;
  bytes[at] = value >> 8;
  bytes[at + 1] = value & 255;
}

/** Where the length of a ClientHello's extensions stands. */
function extensionsAt(hello: Uint8Array): number {
  let at = 13 + 12 + 2 + 32;
  at += 1 + hello[at]!;
  at += 1 + hello[at]!;
  at += 2 + ((hello[at]! << 8) | hello[at + 1]!);
  return at + 1 + hello[at]!;
}
