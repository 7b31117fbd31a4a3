import { appendFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { stamp } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

type Way = "http" | "coap";
/** Of HTTP much is on its way in the kernel's buffers; the image must be larger than those for the cut to be felt. */
const plans: readonly { way: Way; padding: number; rate: number }[] = [
  { way: "http", padding: 7_000_000, rate: 1_200_000 },
  { way: "coap", padding: 0, rate: 40_000 },
];

const fleet = new RealFleet();
const digests = new Map<Way, string>();

beforeAll(async () => {
  for (const { way, padding } of plans) {
    const file = stamp(fleet.image, `1.1.0-${way}`, fleet.folder);
    appendFileSync(file, Buffer.alloc(padding, "padding"));
    digests.set(way, await fleet.manager.createUpdate({ id: way, model: "m", version: `1.1.0-${way}`, file }));
  }
});

it("kill -9 of the manager in the middle of an update: each node finishes it afterwards, and its success is seen", async () => {
  const { manager, nodes } = fleet;
  for (const { way, rate } of plans) await fleet.node(`m-${way}`, ["--prefer", way, "--download-rate", `${rate}`]);
  const attempts: (string | undefined)[] = [];
  for (const { way } of plans) await manager.startUpdate(way, [`m-${way}`]);
  for (const { way } of plans) {
    const isUnderWay = (event: LiveEvent) =>
      event.kind === "attempt" && event.node === `m-${way}` && (event.percent ?? 0) > 20;
    await manager.event(`m-${way} is at it`, isUnderWay, 0);
    attempts.push((await manager.attempt(way, `m-${way}`))?.attempt.id);
  }

  await manager.kill();
  // The connection of HTTP is cut, and that is felt; CoAP asks for its next block until somebody answers again.
  await nodes[0]?.line(/again in/);
  await manager.startAgain();

  for (const [index, { way }] of plans.entries()) {
    const seen = await manager.untilAttempt(way, `m-${way}`, ["succeeded"]);
    expect(seen.attempt.id).toBe(attempts[index]);
    expect(await manager.manifest(`m-${way}`)).toMatchObject({ digest: digests.get(way), confirmed: true });
  }
}, 120_000);
