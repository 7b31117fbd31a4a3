import { expect, test } from "vitest";
import { childrenMax, ManagedSite } from "../../gateway/adapters/coap/managed-site.ts";
import { silentLog } from "../../kernel/log.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { FakePacks, sha256 } from "./gateway-fakes.ts";

test("packs that somebody invents on the bus become no more children than the limit", async () => {
  const packs = new FakePacks();
  const added: string[] = [];
  const site = new ManagedSite({
    ...{ gateway: nodeId("gw-1"), packs, log: silentLog, model: "energy-pack", presence: () => {} },
    commands: { send: () => Promise.resolve({ outcome: "done" }) },
    updates: { update: () => Promise.resolve({ outcome: "done" }) },
    agent: {
      ...{ start: async () => {}, stop: () => {}, changed: () => {}, registerAgain: () => {} },
      ...{ fellSilent: () => {}, returned: async () => {} },
      addChild: async ({ id }) => void added.push(id),
    },
  });
  await site.start();
  for (let i = 0; i < childrenMax + 50; i++)
    packs.add(`3000000${i.toString(16).padStart(5, "0")}` as HardwareNumber, sha256(Uint8Array.of(i & 255)));
  await site.stop();
  expect(added).toHaveLength(childrenMax);
  expect(site.childOf("300000000000" as HardwareNumber)).toBe("gw-1.300000000000");
});
