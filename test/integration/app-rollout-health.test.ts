import { describe, expect, it } from "vitest";
import { digestA, digestB } from "./app-harness.ts";
import { type RolloutFleet, started } from "./rollout-fleet.ts";

const gate = { soakSeconds: 600, readableWithinSeconds: 600 };
const waves = ["1", "50%", "100%"];

/** Nodes with counters; what the new image does to them is added at each heartbeat. */
function counting(
  fleet: RolloutFleet,
  ofImage: (node: string) => { readonly resets?: number; readonly heap?: number; readonly status?: "unhealthy" },
): void {
  const boots = new Map<string, number>();
  fleet.tells = (node) => {
    const isNew = fleet.runs(node) === digestB;
    const { resets = 0, heap = 0, status } = isNew ? ofImage(node) : {};
    boots.set(node, (boots.get(node) ?? 10) + resets);
    return {
      ...{
        bootCount: Math.floor(boots.get(node)!),
        sensorErrors: 0,
        freeHeap: 40_000 + heap + (node.length % 2) * 500,
      },
      ...(status && { status }),
    };
  };
}

async function healthFleet(
  ofImage: Parameters<typeof counting>[1],
  over: Record<string, unknown> = {},
): Promise<RolloutFleet> {
  const fleet = await started(60, { gate, waves, ...over });
  counting(fleet, ofImage);
  return fleet;
}

describe("the health of updated nodes, as their heartbeats tell it", () => {
  it("opens the gates of an image that is no worse", async () => {
    const fleet = await healthFleet(() => ({}));
    const view = await fleet.until("completed", ({ status }) => status === "completed");
    expect(view.waves[1]?.verdict).toMatchObject({ kind: "open" });
    // Thirty nodes with the update and thirty without were compared, on each metric.
    const kinds = view.waves[1]?.verdict?.findings.filter(({ kind }) => kind === "good").map(({ what }) => what);
    expect(kinds).toEqual(expect.arrayContaining(["success", "resets", "errors", "lost", "unhealthy", "heap", "gap"]));
  });

  it("closes the canary's gate when it resets more than in its own 24 hours before", async () => {
    const fleet = await started(60, { gate, waves }, {}, async (each) => {
      counting(each, () => ({ resets: 0.2 }));
      for (let hour = 0; hour < 24; hour++) {
        await each.beat();
        await each.h.settle(3_600_000);
        await each.register();
      }
      await each.beat();
    });
    const view = await fleet.until("paused", ({ status }) => status === "paused");
    expect(view.pause?.why).toMatch(
      /^resets: \d+ on 1 nodes in 0\.\d h with the update, 0 on 1 nodes in 2\d(?:\.\d)? h/,
    );
    expect(view.counts).toMatchObject({ succeeded: 1, waiting: 59 });
  });

  it("closes it when the canary says that it is unhealthy", async () => {
    const fleet = await healthFleet(() => ({ status: "unhealthy" }));
    const view = await fleet.until("paused", ({ status }) => status === "paused");
    expect(view.pause?.why).toMatch(/^unhealthy/);
  });

  it("closes a later gate when updated nodes do worse than the others, and reverts all of them where the plan says so", async () => {
    let canary: string | undefined;
    const fleet = await healthFleet(
      (node) => {
        canary ??= node;
        return node === canary ? {} : { heap: -9_000 };
      },
      { revert: { update: "fw-1-again", automatic: true } },
    );
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view.revertWhy).toMatch(/^heap: median 31\d\d\d bytes with the update, 40\d\d\d without/);
    expect(view.counts).toMatchObject({ succeeded: 30, waiting: 30 });
    expect(fleet.ids.filter((id) => fleet.runs(id) !== digestA)).toEqual([]);
    const back = fleet.h.app.rollouts.find("r1-revert");
    expect(back?.waves.map(({ reaches }) => reaches)).toEqual([1, 6, 30]);
  });

  it("goes on over a restart in the middle of the soak", async () => {
    const fleet = await healthFleet((node) => (node === "n0" ? {} : {}));
    await fleet.until("soaking", ({ waves: [, second] }) => second?.settledAtMs !== undefined);
    fleet.h = await fleet.h.crash();
    await fleet.register();
    const view = await fleet.until("completed", ({ status }) => status === "completed");
    expect(view.waves[1]?.verdict?.findings.filter(({ kind }) => kind === "good").length).toBeGreaterThan(5);
  });

  it("that nobody tells before offers the canary nothing, and afterwards is a closed gate", async () => {
    const mute = await started(60, { gate, waves });
    for (let beats = 0; beats < 200; beats++) {
      await mute.beat();
      await mute.h.settle(20_000);
    }
    expect(mute.h.app.rollouts.find("r1")).toMatchObject({
      ...{ status: "running", counts: { waiting: 60 } },
      waitsFor: expect.stringMatching(
        /^more of the day of its canary n\d+: its reports are known for 0 s of the 150 s/,
      ),
    });
    const answers: Awaited<ReturnType<typeof mute.h.app.rollouts.why>>[] = [];
    for (const id of mute.ids) answers.push(await mute.h.wait(mute.h.app.rollouts.why("r1", id)));
    const reasons = answers.flatMap((each) => (typeof each === "string" ? [] : each.reasons));
    expect(reasons).toContainEqual({ why: "history-too-short", knownMs: 0, neededMs: 150_000 });
    const silent = await started(60, { gate, waves });
    counting(silent, () => ({}));
    const { tells } = silent;
    silent.tells = (node) => (silent.runs(node) === digestB ? {} : tells(node));
    const view = await silent.until("paused", ({ status }) => status === "paused");
    expect(view.pause?.why).toMatch(/^readable: 0 of 1/);
  });

  it("of which updated nodes stop telling a part is a closed gate, for a canary and for many", async () => {
    for (const [stops, why] of [
      [1, /^errors: the canary told it before/],
      [2, /^errors: told by 1 of 30 nodes with the update, by 30 of 30 without/],
    ] as const) {
      const fleet = await healthFleet(() => ({}));
      const { tells } = fleet;
      const updated: string[] = [];
      fleet.tells = (node) => {
        const report = tells(node);
        if (fleet.runs(node) !== digestB) return report;
        if (!updated.includes(node)) updated.push(node);
        const { sensorErrors: _, ...rest } = report;
        return updated.indexOf(node) + 1 >= stops ? rest : report;
      };
      const view = await fleet.until("paused", ({ status }) => status === "paused");
      expect(view.pause?.why).toMatch(why);
    }
  });

  it("of a canary is known from before a restart of the manager, by a stop or a crash", async () => {
    for (const end of ["stop", "crash"] as const) {
      const fleet = await started(60, { gate, waves }, {}, async (each) => {
        counting(each, () => ({ resets: 0.2 }));
        for (let hour = 0; hour < 24; hour++) {
          await each.beat();
          await each.h.settle(3_600_000);
          await each.register();
        }
        await each.beat();
        if (end === "stop") await each.h.wait(each.h.app.stop());
        each.h = await each.h.crash();
        await each.register();
        await each.beat();
        await each.h.settle(20_000);
      });
      const view = await fleet.until("paused", ({ status }) => status === "paused");
      expect(view.pause?.why).toMatch(/^resets: \d+ on 1 nodes in 0\.\d h with the update, 0 on 1 nodes in 2[1-4]/);
    }
  });
});
