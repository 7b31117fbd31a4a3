import { describe, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import type { Update } from "../../schemas/generated/types.ts";
import { AppHarness, digestB, operator } from "./app-harness.ts";
import { ModelNode } from "./app-model-node.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const update = { id: "u", version: "2", size: 2000, digest: digestB, model: "sensor" } as Update;

/** What a person sees, without what moves by itself. */
async function visible(h: AppHarness, nodes: readonly ModelNode[]): Promise<unknown> {
  const views = [];
  for (const { id } of nodes) {
    const view = await h.wait(h.app.registry.find(id));
    const commands = await h.wait(h.app.commands.list(id));
    const attempt = h.app.attempts.find("u", id)?.attempt;
    views.push({
      id,
      rev: view?.rev,
      lastRev: view?.lastRev,
      waiting: h.app.desiredState.waiting(id),
      commands,
      attempt: attempt && { state: attempt.state, reason: attempt.reason, id: attempt.id },
    });
  }
  return { views, counts: h.app.updates.counts("u"), updates: h.app.updates.list().map(({ state }) => state) };
}

/** Does it until it is done: what an operator, or a node, does when the answer was an error. */
async function insist<Result>(h: AppHarness, work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await h.wait(work());
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

const envelope = await envelopeOf(update);

async function mainJob(h: AppHarness, nodes: readonly ModelNode[]): Promise<void> {
  for (const node of nodes) {
    for (let attempt = 0; !node.isRegistered && attempt < 5; attempt++) await node.register(h).catch(() => undefined);
    await insist(h, () => h.app.environments.build(node.id));
  }
  await insist(h, () => h.app.updates.create(update, operator));
  await insist(h, () => trustKey(h.app));
  await insist(h, () => h.app.updates.setManifest("u", envelope, operator));
  for (const { id } of nodes) {
    await insist(h, () => h.app.commands.send(id, { command: "identify", id: `lamp-${id}` }, operator));
    await insist(h, () => h.app.updates.start("u", [id], operator));
  }
  for (let round = 0; round < 12; round++) {
    for (const node of nodes) {
      if (!node.isRegistered) await node.register(h).catch(() => undefined);
      await node.beat(h);
    }
    await h.clock.advance(1000);
  }
}

describe("the main job with one commit that fails", () => {
  // 27 commits without a failure; the last few n fail nothing.
  const all = Array.from({ length: 44 }, (_, n) => n + 1);
  it.each(all)("ends as it should when it is the %i.", async (n) => {
    const h = await new AppHarness({ failsCommit: (each) => each === n, maxDelayMs: 3 }).start();
    const nodes = [new ModelNode("n1"), new ModelNode("n2")];
    nodes[1]!.refusesDigest = digestB;
    for (const node of nodes) node.watch(h);
    await mainJob(h, nodes);
    for (const node of nodes) {
      expect(node.violations).toEqual([]);
      expect(node.done).toEqual([`lamp-${node.id}`]);
    }
    expect(h.app.attempts.find("u", "n1")?.attempt.state).toBe("succeeded");
    expect(h.app.attempts.find("u", "n2")?.attempt).toMatchObject({ state: "rolled-back", reason: "self-test" });
    expect(h.app.updates.find("u")?.state).toBe("ready");
    // Memory and storage say the same.
    const before = await visible(h, nodes);
    expect(await visible(await h.crash(), nodes)).toEqual(before);
  });
});

describe("whatever happens, in whatever order", () => {
  const seeds = Array.from({ length: 40 }, (_, n) => n + 1);
  it.each(seeds)("no action is done twice, no success is false, memory is storage (seed %i)", async (seed) => {
    const entropy = seededEntropy(seed);
    const pick = (count: number): number => entropy.uint32() % count;
    let isFailing = false;
    let h = await new AppHarness({
      seed,
      maxDelayMs: 10,
      failsCommit: () => isFailing && pick(3) === 0,
      limits: { attemptBudget: 1000 },
    }).start();
    isFailing = true;
    const nodes = [new ModelNode("n1"), new ModelNode("n2"), new ModelNode("n3")];
    for (const node of nodes) node.watch(h);
    let sent = 0;
    const images = [digestB, `sha256:${"a".repeat(64)}`];
    await h.wait(h.app.updates.create(update, operator)).catch(() => undefined);

    for (let step = 0; step < 150; step++) {
      const node = nodes[pick(nodes.length)]!;
      const ignore = (): undefined => undefined;
      switch (pick(12)) {
        case 0:
        case 1:
        case 2:
        case 3:
          if (node.isRegistered) await node.beat(h);
          else await node.register(h).catch(ignore);
          break;
        case 4:
          await h.wait(h.app.commands.send(node.id, { command: "identify", id: `c${sent++}` }, operator)).catch(ignore);
          break;
        case 5:
          await h.wait(h.app.environments.configure(node.id, { poll: 1 + pick(100) }, operator)).catch(ignore);
          break;
        case 6:
          await h.wait(h.app.updates.create(update, operator)).catch(ignore);
          await h.wait(h.app.updates.start("u", [node.id], operator)).catch(ignore);
          break;
        case 7: {
          const waiting = h.app.desiredState.waiting(node.id);
          const entry = waiting[pick(Math.max(waiting.length, 1))];
          if (entry !== undefined) await h.wait(h.app.desiredState.cancel(node.id, entry.rev, operator)).catch(ignore);
          break;
        }
        case 8:
          await h.clock.advance(pick(20_000));
          break;
        case 9:
          if (pick(4) === 0) node.digest = images[pick(2)]!;
          await node.register(h).catch(ignore);
          break;
        case 10:
          await h.wait(h.app.attempts.cancel(node.id, operator)).catch(ignore);
          break;
        case 11:
          if (pick(3) > 0) break;
          isFailing = false;
          h = await h.crash();
          isFailing = true;
          for (const each of nodes) {
            each.isRegistered = h.app.registry.isRegistered(each.id);
            each.watch(h);
          }
          break;
      }
      for (const { violations, done } of nodes) {
        expect(violations, `step ${step}`).toEqual([]);
        expect(done, `step ${step}`).toEqual([...new Set(done)]);
      }
    }
    isFailing = false;
    await h.settle();
    for (let round = 0; round < 30; round++) {
      for (const node of nodes) {
        if (!node.isRegistered) await node.register(h);
        await node.beat(h);
      }
      await h.settle();
    }
    for (const { id } of nodes) expect(h.app.desiredState.waiting(id), id).toEqual([]);
    const before = await visible(h, nodes);
    expect(await visible(await h.crash(), nodes)).toEqual(before);
  });
});
