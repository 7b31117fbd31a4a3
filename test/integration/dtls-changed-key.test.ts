import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { goodKey, hasDtls, identityOf } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const otherKey = new TextEncoder().encode("another key");

/** A key is replaced in the moment between the look at it and the end of the handshake that it began. */
describe.runIf(hasDtls())("DTLS and an identity whose key changes during its handshake", () => {
  let world: DtlsWorld;
  /** What the identity's key is at the n-th look, and from the last one on. */
  let looks: Uint8Array[];
  beforeEach(() => {
    world = new DtlsWorld();
    looks = [goodKey];
  });
  afterEach(() => world.stop());

  const server = (): Promise<Party> =>
    world.server({ server: { identityOf, pskOf: () => (looks.length > 1 ? looks.shift() : looks[0]) } });

  it("a handshake with the old key is refused at its end: it proved nothing of the new one", async () => {
    const { dtls } = await server();
    const from = await world.client();
    looks = [goodKey, otherKey];
    expect(await world.ask(from)).not.toBe("node n1 psk");
    expect(world.asked).toEqual([]);
    expect(dtls.counters()).toMatchObject({ sessions: 0, handshakesFinished: 0 });
    expect(dtls.counters()["identitiesRefused"]).toBeGreaterThan(0);
  });

  it("so is a resumed one, and no ticket for the new key is got by the old one", async () => {
    const { dtls } = await server();
    const from = await world.client();
    expect(await world.ask(from)).toBe("node n1 psk");
    dtls.revoke("n1");
    await world.clock.advance(100);
    // The ticket is good when it comes, and its key is another one when the handshake is over.
    looks = [goodKey, otherKey];
    expect(await world.ask(from)).not.toBe("node n1 psk");
    expect(dtls.counters()).toMatchObject({ sessions: 0, handshakesFinished: 1 });
    const again = await world.client("n1", goodKey, 40_001);
    expect(await world.ask(again)).not.toBe("node n1 psk");
    const right = await world.client("n1", otherKey, 40_002);
    expect(await world.ask(right)).toBe("node n1 psk");
    expect(world.asked).toEqual(["node n1 psk", "node n1 psk"]);
  });
});
