import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { volatileMemories } from "../../agent/node-memory.ts";
import { GatewayHost } from "../../gateway/adapters/coap/gateway-host.ts";
import { ManagedSite } from "../../gateway/adapters/coap/managed-site.ts";
import { PackUpdates } from "../../gateway/app/pack-updates.ts";
import { masterGraceMs } from "../../gateway/domain/update-turns.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { keys } from "../vectors/update-manifest-world.ts";
import { AgentWorld, operator } from "./agent-world.ts";
import { FakeCarrier, FakePacks, MemoryStore, ScriptedSource, sha256 } from "./gateway-fakes.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const image = new Uint8Array(5_000).map((_, i) => (i * 7) & 255);
const digest = sha256(image);
const old = sha256(Uint8Array.of(1));

/** A household: three packs on a bus of their own behind a gateway. */
class House {
  readonly packs = new FakePacks();
  readonly carrier: FakeCarrier;
  readonly hardware: readonly HardwareNumber[];
  readonly nodes: readonly string[];

  constructor(world: AgentWorld, id: string, tail: string) {
    this.carrier = new FakeCarrier(this.packs, world.clock);
    this.carrier.image = digest;
    this.carrier.wants = { digest, size: image.length };
    this.hardware = ["01", "02", "03"].map((each) => `a0b1c2d3${tail}${each}` as HardwareNumber);
    this.nodes = this.hardware.map((each) => `${id}.${each}`);
    for (const each of this.hardware) this.packs.add(each, old);
    this.packs.masterPack = this.hardware[0];
  }

  async join(world: AgentWorld, id: string, address: string): Promise<void> {
    const { packs, carrier } = this;
    const { clock } = world;
    const updates = new PackUpdates({
      ...{ packs, carrier, clock, crypto: nodeSuitCrypto, log: silentLog, entropy: seededEntropy(id) },
      ...{ source: new ScriptedSource([image]), store: new MemoryStore(), anchors: [keys.vendor.signer.anchor] },
    });
    const host = new GatewayHost({
      ...{ id: nodeId(id), model: "coxswain-gateway", speaksTls: false },
      facts: () => ({ version: "1", uptimeSeconds: 1, services: [] }),
      environment: () => undefined,
      end: () => undefined,
      lost: () => undefined,
    });
    const { agent } = await world.agent(id, address, { host: host as never, memories: volatileMemories() });
    const site = new ManagedSite({
      ...{ gateway: nodeId(id), agent, packs, updates, model: "energy-pack", log: silentLog },
      commands: { send: () => Promise.resolve({ outcome: "done" }) },
      presence: () => undefined,
    });
    await site.start();
    await world.until(async () => {
      for (const node of this.nodes) if ((await world.view(node))?.presence.state !== "online") return false;
      return true;
    });
  }

  get updated(): readonly HardwareNumber[] {
    return this.hardware.filter((each) => this.packs.find(each)?.firmware.digests.running === digest);
  }
}

let world: AgentWorld;
beforeEach(async () => {
  world = new AgentWorld({ images: [image] });
  await world.start();
  await world.during(trustKey(world.app));
  const update = { id: "u-1", version: "2.6", size: image.length, digest, model: "energy-pack", sequence: 5 };
  const created = await world.during(world.app.updates.create(update, operator, await envelopeOf(update, {})));
  expect(created.kind).toBe("created");
});
afterEach(async () => await world.end());

async function rollout(waves: readonly string[]): Promise<void> {
  const gate = { soakSeconds: 60, minSample: 1, health: [] };
  const parsed = parseRolloutPlan({
    ...{ id: "r-1", update: "u-1", targets: { query: { model: "energy-pack" } }, waves, gate },
  });
  if (!parsed.ok) throw new Error(`${parsed.path} ${parsed.rule}`);
  const made = await world.during(world.app.rollouts.create(parsed.plan, operator));
  expect(made.kind).toBe("created");
  const begun = await world.during(world.app.rollouts.steer("r-1", { kind: "start" }, operator));
  expect(begun.kind).toBe("done");
}

const over = (status: string) => () => world.app.rollouts.find("r-1")?.status === status;

describe("a rollout to packs", () => {
  test("behind two gateways ends with all of them updated, one at a time on each bus, the masters last", async () => {
    const [one, two] = [new House(world, "gw", "e4"), new House(world, "gx", "f5")];
    await one.join(world, "gw", "127.0.1.1");
    await two.join(world, "gx", "127.0.1.2");
    await rollout(["100%"]);
    await world.until(over("completed"), 3_600_000);
    for (const house of [one, two]) {
      expect(house.updated).toHaveLength(3);
      expect(house.carrier.began).toHaveLength(3);
      expect(house.carrier.began.at(-1)).toBe(house.hardware[0]);
    }
    expect(world.app.rollouts.find("r-1")?.counts).toMatchObject({ succeeded: 6 });
  });

  test("stops at the canary that went back, before any other pack is touched", async () => {
    const house = new House(world, "gw", "e4");
    house.carrier.fate = "rolled-back";
    await house.join(world, "gw", "127.0.1.1");
    await rollout(["1", "100%"]);
    await world.until(over("paused"), 3_600_000);
    await world.clock.advance(10 * masterGraceMs);
    expect(new Set(house.carrier.began).size).toBe(1);
    expect(house.updated).toEqual([]);
    const [tried] = house.carrier.began;
    expect(world.app.attempts.find("u-1", `gw.${tried}`)?.attempt).toMatchObject({
      state: "rolled-back",
      reason: "self-test",
    });
  });

  test("reaches a pack that was silent when it began, once it is back", async () => {
    const house = new House(world, "gw", "e4");
    await house.join(world, "gw", "127.0.1.1");
    const away = house.hardware[1]!;
    house.packs.change(away, { isSilent: true });
    await world.until(async () => (await world.view(`gw.${away}`))?.presence.state === "offline", 900_000);
    await rollout(["100%"]);
    await world.until(() => house.updated.length === 2, 1_800_000);
    expect(house.updated).not.toContain(away);
    house.packs.change(away, { isSilent: false });
    await world.until(over("completed"), 3_600_000);
    expect(house.updated).toContain(away);
  });
});
