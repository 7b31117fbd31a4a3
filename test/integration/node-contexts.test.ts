import { hkdfSync } from "node:crypto";
import { expect, test } from "vitest";
import { OscoreOption } from "../../coap/security/oscore/oscore-option.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { NodeContexts } from "../../manager/adapters/coap/node-contexts.ts";
import type { Keyring } from "../../manager/app/api/credentials.ts";
import type { EnrolmentKeyring } from "../../manager/app/api/enrolments.ts";
import { fromHex } from "../../schemas/wire/hex.ts";

const batch = "0a0b0c0d0e0f";
const batchContexts = 4;

function setUp(): { contexts: NodeContexts; revoke: () => void } {
  const listeners: ((kid: string) => void)[] = [];
  let isGood = true;
  const enrolments: EnrolmentKeyring = {
    find: (kid, idContext) => {
      if (!isGood || kid !== batch || idContext === undefined) return undefined;
      const bytes = new Uint8Array(hkdfSync("sha256", idContext, "", "", 24));
      const secrets = { masterSecret: bytes.subarray(0, 16), masterSalt: bytes.subarray(16) };
      return { kid, id: `${kid}/${Buffer.from(idContext).toString("latin1")}`, idContext, secrets, isFresh: false };
    },
    lease: () => Promise.resolve(0),
    onRevoked: (listener) => listeners.push(listener),
  };
  const keyring = { find: () => undefined, of: () => undefined, onRevoked: () => undefined } as unknown as Keyring;
  const contexts = new NodeContexts({ entropy: seededEntropy("contexts"), log: silentLog, nodes: 1, batchContexts });
  contexts.bind(keyring, undefined, enrolments);
  return {
    contexts,
    revoke: () => {
      isGood = false;
      for (const each of listeners) each(batch);
    },
  };
}

/** As a datagram asks for it. */
function ask(contexts: NodeContexts, hardware: string) {
  const kid = fromHex(batch);
  const bytes = Uint8Array.of(...kid, ...Buffer.from(hardware));
  const option = new OscoreOption();
  option.kidStart = 0;
  option.kidEnd = kid.length;
  option.kidContextStart = kid.length;
  option.kidContextEnd = bytes.length;
  return contexts.find(bytes, option);
}

test("who names hardware ids without their keys pushes out others of his kind, and no device that proved its key", () => {
  const { contexts } = setUp();
  const device = ask(contexts, "device");
  if (device === undefined) throw new Error("no context");
  contexts.verified(device);
  for (let i = 0; i < 1000; i++) expect(ask(contexts, `x${i}`)).toBeDefined();
  expect(contexts.size).toBe(batchContexts);
  expect(ask(contexts, "device")).toBe(device);
  expect(device.isRemoved).toBe(false);
});

test("of devices that all proved their keys the oldest makes room", () => {
  const { contexts } = setUp();
  const all = Array.from({ length: batchContexts + 1 }, (_, i) => {
    const context = ask(contexts, `d${i}`);
    if (context === undefined) throw new Error("no context");
    contexts.verified(context);
    return context;
  });
  expect(all.map(({ isRemoved }) => isRemoved)).toEqual([true, false, false, false, false]);
  expect(contexts.size).toBe(batchContexts);
});

test("every context of a batch goes in the turn in which it is revoked, and none comes back", () => {
  const { contexts, revoke } = setUp();
  const all = ["a", "b", "c"].map((each) => ask(contexts, each));
  revoke();
  expect(all.map((each) => each?.isRemoved)).toEqual([true, true, true]);
  expect(contexts.size).toBe(0);
  expect(ask(contexts, "a")).toBeUndefined();
});
