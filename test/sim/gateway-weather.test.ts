import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { ActionEnd, UpdateJob } from "../../agent/node-host.ts";
import { type NodeMemories, volatileMemories } from "../../agent/node-memory.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { AgentWorld, FakeHost, type LiveAgent, operator } from "../integration/agent-world.ts";

const oldImage = new TextEncoder().encode("old image");
const newImage = new TextEncoder().encode("new image");
const digestOf = (bytes: Uint8Array) => digestFromBytes(createHash("sha256").update(bytes).digest());
const [oldDigest, newDigest] = [digestOf(oldImage), digestOf(newImage)];

/** A pack: what it runs and what was done to it outlives the gateway. */
class Pack {
  readonly host: FakeHost;
  isSilent = false;
  /** Told once and for good that it runs the new image. */
  installed = false;

  constructor(id: string) {
    this.host = new FakeHost(id, oldDigest);
  }
}

/** A gateway with its packs, whose power goes and comes. */
class House {
  readonly id: string;
  readonly packs: readonly Pack[];
  readonly memories: NodeMemories = volatileMemories();
  readonly #world: AgentWorld;
  #address: number;
  live: LiveAgent | undefined;
  /** Nothing that it says arrives. */
  isMute = false;

  constructor(world: AgentWorld, id: string, address: number) {
    this.#world = world;
    this.id = id;
    this.#address = address;
    this.packs = [1, 2, 3].map((each) => new Pack(`${id}.a0b1c2d3e40${each}`));
    for (const pack of this.packs) pack.host.install = (job) => this.#install(pack, job);
  }

  async on(): Promise<void> {
    // DHCP gives another address each time.
    const address = `127.0.${this.#address++ % 200}.7`;
    this.isMute = false;
    this.#world.network.rules.push(({ from }) => (this.isMute && from.address === address ? "drop" : undefined));
    const live = await this.#world.agent(this.id, address, { memories: this.memories });
    this.live = live;
    for (const { host, isSilent } of this.packs) {
      await live.agent.addChild(host);
      if (isSilent) live.agent.fellSilent(host.id);
    }
  }

  async off(): Promise<void> {
    const { live } = this;
    this.live = undefined;
    await live?.kill();
  }

  async silence(pack: Pack, isSilent: boolean): Promise<void> {
    if (pack.isSilent === isSilent) return;
    pack.isSilent = isSilent;
    pack.host.isSilent = isSilent;
    if (isSilent) this.live?.agent.fellSilent(pack.host.id);
    else await this.live?.agent.returned(pack.host.id);
  }

  #install(pack: Pack, job: UpdateJob): Promise<ActionEnd> {
    const { clock } = this.#world;
    return new Promise((resolve) => {
      let percent = 0;
      const step = (): void => {
        if (job.signal.aborted) resolve({ outcome: "cancelled" });
        else if (pack.host.digest === newDigest) resolve({ outcome: "done" });
        else if (percent < 100) {
          percent += 20;
          job.report({ state: "downloading", percent, way: "can" });
          clock.after(2_000, step);
        } else {
          pack.installed = true;
          pack.host.digest = newDigest;
          this.live?.agent.registerAgain(pack.host.id);
          resolve({ outcome: "done" });
        }
      };
      step();
    });
  }
}

interface Run {
  readonly seed: number;
  readonly commandIds: readonly string[];
}

async function weather(seed: number): Promise<Run> {
  const world = new AgentWorld({ seed, images: [oldImage, newImage] });
  const entropy: Entropy = seededEntropy(`weather/${seed}`);
  const chance = (share: number): boolean => entropy.fraction() < share;
  const pick = <T>(all: readonly T[]): T => all[entropy.uint32() % all.length]!;
  await world.start();
  const houses = [new House(world, "gw", 10), new House(world, "gx", 110)];
  for (const house of houses) await house.on();
  const packs = houses.flatMap((house) => house.packs.map((pack) => ({ house, pack })));
  const nodes = packs.map(({ pack }) => pack.host.id);
  await world.until(async () => {
    for (const node of nodes) if ((await world.view(node))?.presence.state !== "online") return false;
    return true;
  });
  const update = { id: "u-1", version: "2.0.0", size: newImage.length, digest: newDigest, model: "fake" };
  await world.during(world.app.updates.create(update, operator));
  const succeeded = new Set<string>();
  const watch = (): void => {
    world.app.events.subscribe((event) => {
      if (event.kind !== "attempt" || event.state !== "succeeded") return;
      // Nobody may say so before the pack did.
      const { pack } = packs.find(({ pack: each }) => each.host.id === event.node)!;
      expect(pack.installed, `${event.node} succeeded`).toBe(true);
      succeeded.add(event.node);
    });
  };
  watch();

  const sent: string[] = [];
  for (let turn = 0; turn < 60; turn++) {
    world.network.loss = chance(0.3) ? 0.3 : 0;
    world.network.duplication = chance(0.3) ? 0.3 : 0;
    const { house, pack } = pick(packs);
    if (chance(0.5) && world.manager.app !== undefined) {
      const id = `c-${sent.length}`;
      // Its power goes when the command was done and nobody heard of it.
      const isCut = house.live !== undefined && chance(0.4);
      house.isMute = isCut;
      const outcome = await world.during(world.app.commands.send(pack.host.id, { command: "identify", id }, operator));
      if (outcome.kind === "queued") sent.push(id);
      if (isCut) {
        await world.clock.advance(3_000);
        await house.off();
        await house.on();
      }
    }
    if (turn === 10) await world.during(world.app.updates.start("u-1", nodes, operator));
    if (chance(0.1)) await house.silence(pack, !pack.isSilent);
    if (chance(0.08)) {
      if (house.live === undefined) await house.on();
      else await house.off();
    }
    if (chance(0.06) && turn !== 9) {
      world.manager.kill();
      await world.clock.advance(5_000 + entropy.fraction() * 60_000);
      await world.start();
      watch();
    }
    await world.clock.advance(entropy.fraction() * 20_000);
  }

  world.network.loss = 0;
  world.network.duplication = 0;
  for (const house of houses) if (house.live === undefined) await house.on();
  for (const { house, pack } of packs) await house.silence(pack, false);
  await world.until(async () => {
    for (const node of nodes) if ((await world.view(node))?.presence.state !== "online") return false;
    return true;
  }, 1_800_000);
  // Liveness: whatever happened, an update that is started now reaches everybody, and nothing waits after it.
  for (const { pack } of packs) {
    const { id } = pack.host;
    if (pack.host.digest !== newDigest) await world.during(world.app.updates.start("u-1", [id], operator));
  }
  await world.until(() => packs.every(({ pack }) => pack.host.digest === newDigest), 1_800_000);
  await world.until(() => nodes.every((node) => world.app.desiredState.waiting(node).length === 0), 1_800_000);
  const commandIds = packs.flatMap(({ pack }) => pack.host.commandIds);
  await world.end();
  return { seed, commandIds };
}

const seeds = Array.from({ length: 12 }, (_, i) => i + 1);

test.each(seeds)(
  "seed %i: through lost power, silence and loss no command is done twice, no update succeeds early, and in the end all is done",
  async (seed) => {
    const { commandIds } = await weather(seed);
    expect(commandIds.filter((id, at) => commandIds.indexOf(id) !== at)).toEqual([]);
    expect(commandIds.length).toBeGreaterThan(5);
  },
  120_000,
);
