import { describe, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { coapLimits } from "../limits.ts";
import type { PeerIdentity } from "../route.ts";
import { RemoteAddress } from "../transport/remote-address.ts";
import { PeerTable } from "./peer-table.ts";

const nobody: PeerIdentity = { kind: "none" };
const node: PeerIdentity = { kind: "node", id: "n1", scheme: "psk" };

function table(peers = 16): { peers: PeerTable; clock: VirtualClock; changed: number[] } {
  const clock = new VirtualClock();
  const changed: number[] = [];
  const made = new PeerTable({
    limits: coapLimits.resolve({ peers }),
    clock,
    entropy: seededEntropy(1),
    changedHands: (row) => changed.push(row),
  });
  return { peers: made, clock, changed };
}

describe("the peer table", () => {
  it("is full when all its rows are in use, and takes new peers when idle ones were swept", async () => {
    const { peers, clock } = table(16);
    for (let i = 0; i < 16; i++)
      expect(peers.admit(RemoteAddress.from("10.0.0.1", i + 1), nobody)).toBeGreaterThanOrEqual(0);
    const late = RemoteAddress.from("10.0.0.2", 1);
    expect(peers.admit(late, nobody)).toBe(-1);
    await clock.advance(500_000);
    expect(peers.admit(late, nobody)).toBeGreaterThanOrEqual(0);
    expect(peers.size).toBe(1);
  });

  it("keeps rows that are pinned or heard from", async () => {
    const { peers, clock } = table();
    const [pinned, heard, idle] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) =>
      RemoteAddress.from(address, 5683),
    );
    const row = peers.admit(pinned!, nobody);
    peers.pin(row);
    peers.admit(idle!, nobody);
    for (let i = 0; i < 10; i++) {
      peers.admit(heard!, nobody);
      await clock.advance(100_000);
    }
    expect([peers.find(pinned!), peers.find(heard!) >= 0, peers.find(idle!)]).toEqual([row, true, -1]);
    peers.unpin(row);
    await clock.advance(1_000_000);
    expect([peers.size, clock.nextDueMs()]).toEqual([0, undefined]);
  });

  it("tells when an address changes hands, not when it proves the same again", () => {
    const { peers, changed } = table();
    const at = RemoteAddress.from("10.0.0.1", 5683);
    const row = peers.admit(at, nobody);
    peers.admit(at, nobody);
    expect(changed).toEqual([]);
    peers.admit(at, node);
    peers.admit(at, { ...node });
    expect(changed).toEqual([row]);
    peers.admit(at, { ...node, id: "n2" });
    peers.admit(at, nobody);
    expect(changed).toEqual([row, row, row]);
    expect(peers.identity(row)).toEqual(nobody);
  });

  it("gives back IPv6 addresses with their scope", () => {
    const { peers } = table();
    const row = peers.admit(RemoteAddress.from("fe80::7%eth0", 5683), nobody);
    const at = new RemoteAddress();
    peers.locate(row, at);
    expect([at.text(), at.port, at.family, peers.find(at)]).toEqual(["fe80::7%eth0", 5683, 6, row]);
  });
});
