import { expect, test } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { AesSecretBox } from "../../manager/adapters/storage/aes-secret-box.ts";
import type { IssueOutcome } from "../../manager/app/api/credentials.ts";
import { partitionOf } from "../../manager/domain/partition.ts";
import { AppHarness, operator } from "./app-harness.ts";

type Issued = Extract<IssueOutcome, { kind: "issued" }>;

async function issue(h: AppHarness, node: string): Promise<Issued> {
  const outcome = await h.wait(h.app.credentials.issue(node, operator));
  if (outcome.kind !== "issued") throw new Error(outcome.kind);
  return outcome;
}
const states = async (h: AppHarness, node: string) =>
  (await h.wait(h.app.credentials.list(node))).map(({ state, revokedBy }) => [state, revokedBy]);

test("a failed write issues nothing, and revokes nothing", async () => {
  let isFailing = false;
  const h = await new AppHarness({ failsCommit: () => isFailing }).start();
  const { kid } = await issue(h, "porch");
  isFailing = true;
  await expect(h.wait(h.app.credentials.issue("garden", operator))).rejects.toThrow();
  await expect(h.wait(h.app.credentials.revoke("porch", operator))).rejects.toThrow();
  isFailing = false;
  expect(h.app.credentials.has("garden")).toBe(false);
  expect(await states(h, "garden")).toEqual([]);
  expect(h.app.credentials.keyring.find(kid)?.node).toBe("porch");
  expect(await h.wait(h.app.credentials.revoke("garden", operator))).toBe("none");
});

test("no room for another node's keys is said, and the others stay", async () => {
  const h = await new AppHarness({ limits: { nodes: 2 } }).start();
  await issue(h, "a");
  await issue(h, "b");
  expect(await h.wait(h.app.credentials.issue("c", operator))).toEqual({ kind: "full" });
  await issue(h, "b");
  await h.wait(h.app.credentials.revoke("a", operator));
  await issue(h, "c");
});

test("keys asked for at once get no more places than there are", async () => {
  const h = await new AppHarness({ limits: { nodes: 2 } }).start();
  const outcomes = await h.wait(Promise.all(["a", "b", "c"].map((node) => h.app.credentials.issue(node, operator))));
  expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["full", "issued", "issued"]);
  for (const outcome of outcomes) {
    if (outcome.kind === "issued") expect(h.app.credentials.keyring.find(outcome.kid)?.node).toBe(outcome.node);
  }
});

test("a burst of issues is served in turns up to what may wait, refused beyond, and a stop in its midst ends", async () => {
  const h = await new AppHarness({ limits: { nodes: 64, issuesAtOnce: 4, waitingIssues: 10 } }).start();
  const burst = () =>
    Promise.allSettled(Array.from({ length: 20 }, (_, at) => h.app.credentials.issue(`node-${at}`, operator)));
  const outcomes = await h.wait(burst());
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(14);
  for (const { reason } of outcomes.filter((each) => each.status === "rejected")) {
    expect(reason).toMatchObject({ code: "credentials.busy" });
  }
  expect(h.app.credentials.counters().issued).toBe(14);
  const last = burst();
  await h.wait(h.app.stop());
  await h.wait(last);
});

const sealedOf = [
  ["every node", (h: AppHarness) => issue(h, "porch")],
  [
    "operators on CoAP",
    async (h: AppHarness) => {
      await h.wait(h.app.operators.add("ann", "viewer", [], operator));
      await h.wait(h.app.operators.issueKey("ann", operator));
    },
  ],
  ["who has a claim code", (h: AppHarness) => h.wait(h.app.enrolments.createClaim("porch", 60_000, operator))],
] as const;

test.each(sealedOf)(
  "a database with another key file stops the start instead of locking %s out",
  async (_whom, prepare) => {
    const h = await new AppHarness().start();
    await prepare(h);
    const box = new AesSecretBox({ key: new Uint8Array(32).fill(9), entropy: seededEntropy(1) });
    const other = new AppHarness({ secretBox: box }, h.survivors());
    await expect(other.wait(other.app.start())).rejects.toMatchObject({ code: "credentials.other-key-file" });
  },
);

test("keys survive a crash, and neither they nor the password at the broker can be read in the database", async () => {
  const h = await new AppHarness().start();
  const { kid, secrets } = await issue(h, "porch");
  if (secrets.scheme !== "oscore") throw new Error(secrets.scheme);
  await h.register("porch");
  const password = (await h.wait(h.app.environments.build("porch")))?.mqtt?.password ?? "";
  const stored = JSON.stringify([...h.storage.content.tables].map(([name, rows]) => [name, [...rows]]));
  const forms = (bytes: Uint8Array) => [Buffer.from(bytes).toString("hex"), Buffer.from(bytes).toString("base64")];
  for (const secret of [...forms(secrets.masterSecret), ...forms(secrets.masterSalt), password]) {
    expect(stored).not.toContain(secret.replace(/=+$/, ""));
  }
  const after = await h.crash();
  expect(after.app.credentials.keyring.find(kid)).toEqual({ node: "porch", kid, secrets, isFresh: false });
  expect((await after.wait(after.app.environments.build("porch")))?.mqtt?.password).toBe(password);
});

test("RFC 8613 3.3: no kid is given twice, and each begins with its node's partition", async () => {
  const h = await new AppHarness().start();
  const kids = new Set<number>();
  for (let i = 0; i < 40; i++) {
    const node = `node-${i % 8}`;
    const { kid } = await issue(h, node);
    expect(kid >>> 24).toBe(partitionOf(node));
    expect(h.app.credentials.keyring.find(kid)?.node).toBe(node);
    kids.add(kid);
  }
  expect(kids.size).toBe(40);
});

test("new keys are on trial until they were used once, and the old ones die then", async () => {
  const h = await new AppHarness().start();
  const { keyring } = h.app.credentials;
  const gone: number[] = [];
  keyring.onRevoked((kid) => gone.push(kid));
  const first = await issue(h, "porch");
  expect(keyring.of("porch")).toBeUndefined();
  keyring.used(first.kid);
  await h.settle();
  const second = await issue(h, "porch");
  expect(keyring.of("porch")?.kid).toBe(first.kid);
  expect(keyring.find(first.kid)).toBeDefined();
  keyring.used(second.kid);
  expect(gone).toEqual([first.kid]);
  expect([keyring.find(first.kid), keyring.of("porch")?.kid]).toEqual([undefined, second.kid]);
  await h.settle();
  expect(await states(h, "porch")).toEqual([
    ["active", undefined],
    ["revoked", "rotation"],
  ]);
  const after = await h.crash();
  expect(after.app.credentials.keyring.find(first.kid)).toBeUndefined();
  expect(after.app.credentials.keyring.of("porch")?.kid).toBe(second.kid);
});

test("there is nothing to rotate for a node that used no keys yet: nothing is issued, and what it was given stays good", async () => {
  const h = await new AppHarness().start();
  expect(await h.wait(h.app.credentials.rotate("porch", operator))).toEqual({ kind: "none" });
  const { kid } = await issue(h, "porch");
  expect(await h.wait(h.app.credentials.rotate("porch", operator))).toEqual({ kind: "none" });
  h.app.credentials.keyring.used(kid);
  await h.settle();
  await h.wait(h.app.credentials.revoke("porch", operator));
  expect(await h.wait(h.app.credentials.rotate("porch", operator))).toEqual({ kind: "none" });
  expect(await states(h, "porch")).toEqual([["revoked", "test"]]);
});

test("a rotation is of the scheme that the node uses, and on trial, unless it is the first", async () => {
  const h = await new AppHarness().start();
  const outcome = await h.wait(h.app.credentials.issue("porch", operator, "psk"));
  if (outcome.kind !== "issued") throw new Error(outcome.kind);
  expect(await states(h, "porch")).toEqual([["issued", undefined]]);
  h.app.credentials.keyring.used(outcome.kid);
  await h.settle();
  const rotated = await h.wait(h.app.credentials.rotate("porch", operator));
  expect(rotated).toMatchObject({ kind: "issued", secrets: { scheme: "psk" }, identity: expect.stringMatching(/^\//) });
  expect((await states(h, "porch")).map(([state]) => state).sort()).toEqual(["active", "on-trial"]);
});

test("keys on trial that are used while they are being replaced don't end those before them, nor begin a session", async () => {
  const h = await new AppHarness().start();
  const { keyring } = h.app.credentials;
  const first = await issue(h, "porch");
  keyring.used(first.kid);
  await h.settle();
  const second = await issue(h, "porch");
  const replacing = h.app.credentials.issue("porch", operator);
  expect(keyring.used(second.kid)).toBe(false);
  expect(keyring.used(first.kid)).toBe(true);
  const third = await h.wait(replacing);
  await h.settle();
  expect(keyring.find(second.kid)).toBeUndefined();
  expect(keyring.used(second.kid)).toBe(false);
  expect(keyring.of("porch")?.kid).toBe(first.kid);
  expect(keyring.find((third as Issued).kid)).toBeDefined();
  const after = await h.crash();
  expect(after.app.credentials.keyring.of("porch")?.kid).toBe(first.kid);
});

test("a first use that couldn't be written is written with the next keys, so that a crash doesn't lose them", async () => {
  let isFailing = false;
  const h = await new AppHarness({ failsCommit: () => isFailing }).start();
  const { keyring } = h.app.credentials;
  const first = await issue(h, "porch");
  keyring.used(first.kid);
  await h.settle();
  const second = await issue(h, "porch");
  isFailing = true;
  keyring.used(second.kid);
  await h.settle();
  isFailing = false;
  const third = await issue(h, "porch");
  const after = await h.crash();
  expect(after.app.credentials.keyring.of("porch")?.kid).toBe(second.kid);
  expect(after.app.credentials.keyring.find(third.kid)).toBeDefined();
  expect(after.app.credentials.keyring.find(first.kid)).toBeUndefined();
});

test("whichever commit of issue and rotation is the last before a crash, a node that was answered has keys that are taken", async () => {
  let commits = 0;
  for (let last = 0; ; last++) {
    let isStarted = false;
    commits = 0;
    const h = await new AppHarness({ failsCommit: () => isStarted && commits++ >= last }).start();
    isStarted = true;
    // What the node was answered with, as long as it needs it: the old ones go when the new ones were answered.
    let held: number[] = [];
    const step = async (work: () => Promise<void>): Promise<void> => await work().catch(() => undefined);
    await step(async () => {
      for (let round = 0; round < 3; round++) {
        const { kid } = await issue(h, "porch");
        held = [...held, kid];
        h.app.credentials.keyring.used(kid);
        held = [kid];
        if (round === 0) await h.register("porch", {}, { identity: "credential" });
        await h.wait(h.app.environments.build("porch"));
        await h.settle();
      }
    });
    const isOver = commits <= last;
    const after = await h.crash();
    const { credentials, environments } = after.app;
    for (const kid of held) expect(credentials.keyring.find(kid)?.node, `crash after commit ${last}`).toBe("porch");
    const password = after.broker.accounts.get("porch")?.password;
    if (password !== undefined) expect((await after.wait(environments.build("porch")))?.mqtt?.password).toBe(password);
    if (isOver) break;
  }
  // Each round has an issue, a renewal and an activation at least.
  expect(commits).toBeGreaterThan(8);
});

test("with the old keys their password at the broker goes: the environment that is asked for then has the new one", async () => {
  let isFailing = false;
  const h = await new AppHarness({ failsCommit: () => isFailing }).start();
  const { keyring } = h.app.credentials;
  const first = await issue(h, "porch");
  keyring.used(first.kid);
  await h.register("porch", {}, { identity: "credential" });
  const before = (await h.wait(h.app.environments.build("porch")))?.mqtt?.password;
  const second = await issue(h, "porch");
  expect((await h.wait(h.app.environments.build("porch")))?.mqtt?.password).toBe(before);
  isFailing = true;
  keyring.used(second.kid);
  await h.settle();
  expect((await h.wait(h.app.environments.build("porch")))?.mqtt?.password).toBe(before);
  isFailing = false;
  const third = await issue(h, "porch");
  keyring.used(third.kid);
  const renewed = (await h.wait(h.app.environments.build("porch")))?.mqtt?.password;
  expect(renewed).toMatch(/.{20}/);
  expect(renewed).not.toBe(before);
  expect(h.broker.accounts.get("porch")?.password).toBe(renewed);
  await h.settle();
  const after = await h.crash();
  expect(after.broker.accounts.get("porch")?.password).toBe(renewed);
});

test("revoking takes the account at the broker in the same commit: a crash behind it brings neither back", async () => {
  let left = Number.POSITIVE_INFINITY;
  const h = await new AppHarness({ failsCommit: () => left-- <= 0 }).start();
  const { kid } = await issue(h, "porch");
  h.app.credentials.keyring.used(kid);
  await h.register("porch", {}, { identity: "credential" });
  await h.wait(h.app.environments.build("porch"));
  await h.settle();
  left = 1;
  await h.wait(h.app.credentials.revoke("porch", operator)).catch(() => undefined);
  expect(h.broker.accounts.has("porch")).toBe(false);
  left = Number.POSITIVE_INFINITY;
  const after = await h.crash();
  expect(after.app.credentials.has("porch")).toBe(false);
  expect(after.broker.accounts.has("porch")).toBe(false);
});

test("a node that asks for its environment while it is being revoked gets no new account at the broker", async () => {
  for (const hasAccount of [true, false]) {
    const h = await new AppHarness().start();
    h.app.credentials.keyring.used((await issue(h, "porch")).kid);
    await h.settle();
    await h.register("porch", {}, { identity: "credential" });
    if (hasAccount) await h.wait(h.app.environments.build("porch"));
    const revoked = h.app.credentials.revoke("porch", operator);
    // Its keys are good until the revocation is written.
    const asked = h.app.environments.build("porch");
    expect(await h.wait(revoked)).toBe("revoked");
    expect((await h.wait(asked))?.mqtt?.password).toBeUndefined();
    expect(h.broker.accounts.has("porch")).toBe(false);
    expect((await h.crash()).broker.accounts.has("porch")).toBe(false);
  }
});

test("keys that nobody used are replaced by the next ones", async () => {
  const h = await new AppHarness().start();
  const first = await issue(h, "porch");
  const second = await issue(h, "porch");
  expect(first.kid >>> 24).toBe(partitionOf("porch"));
  expect(h.app.credentials.keyring.find(first.kid)).toBeUndefined();
  expect(h.app.credentials.keyring.find(second.kid)).toBeDefined();
  expect(await states(h, "porch")).toContainEqual(["revoked", "replaced"]);
});

test("however often a node got new keys, the old ones are revoked in storage too, and only so many are remembered", async () => {
  const limits = { credentialHistory: 3 };
  const before = await new AppHarness({ limits }).start();
  const [lease] = await before.wait(before.storage.claim([partitionOf("porch")]));
  if (lease === undefined) throw new Error("no lease");
  // More than storage tells in one answer.
  for (let at = 0; at < 1200; at += 100) {
    const changes = Array.from({ length: 100 }, (_, each) => ({
      ...({ kind: "put", table: "node-credential", expectedRevision: 0 } as const),
      key: `porch/00${(at + each).toString(16).padStart(6, "0")}`,
      value: { scheme: "oscore", state: "revoked", issuedAtMs: 1, issuedBy: "test", revokedAtMs: at + each },
    }));
    await before.wait(before.storage.commit(changes, lease));
  }
  const h = await before.crash();
  await h.register("porch", {}, { identity: "credential" });
  const kids: number[] = [];
  for (let i = 0; i < 2; i++) {
    kids.push((await issue(h, "porch")).kid);
    h.app.credentials.keyring.used(kids[i] ?? 0);
    await h.settle();
  }
  const after = await h.crash();
  expect(after.app.credentials.keyring.find(kids[0] ?? 0)).toBeUndefined();
  expect(after.app.credentials.keyring.of("porch")?.kid).toBe(kids[1]);
  for (let i = 0; i < 4; i++) await issue(after, "porch");
  // Active, on trial, three that are remembered, and the one that the last issue revoked.
  expect(await states(after, "porch")).toHaveLength(6);
  await after.wait(after.app.registry.remove("porch", operator));
  expect(await after.wait(after.storage.list("node-credential", { prefix: "porch/" }))).toEqual([]);
});

test("a revoked node has no context, no account at the broker, and nothing that is observed on it, after a crash too", async () => {
  const h = await new AppHarness().start();
  const { kid } = await issue(h, "porch");
  h.app.credentials.keyring.used(kid);
  await h.register("porch", {}, { identity: "credential" });
  await h.wait(h.app.environments.build("porch"));
  await h.settle();
  expect(h.broker.accounts.has("porch")).toBe(true);
  expect(h.nodes.open().map(({ target }) => target.credential)).toEqual(["porch"]);
  expect(await h.wait(h.app.credentials.revoke("porch", operator))).toBe("revoked");
  expect(h.app.credentials.keyring.find(kid)).toBeUndefined();
  expect(h.broker.accounts.has("porch")).toBe(false);
  expect(h.nodes.open()).toEqual([]);
  expect(await states(h, "porch")).toEqual([["revoked", "test"]]);
  const after = await h.crash();
  expect(after.app.credentials.keyring.find(kid)).toBeUndefined();
  expect(after.app.credentials.has("porch")).toBe(false);
});

test("RFC 8613 7.5: sender sequence numbers are never leased twice, though the database becomes an older copy of itself", async () => {
  const h = await new AppHarness().start();
  const { kid } = await issue(h, "porch");
  const lease = (on: AppHarness) => on.wait(on.app.credentials.keyring.lease(kid, 1024));
  const survivors = h.survivors();
  const backup = structuredClone(survivors.content);
  let used = 0;
  for (let i = 0; i < 8; i++) used = (await lease(h))! + 1024;
  await h.settle(600_000);
  const restored = await new AppHarness({}, { ...survivors, content: backup, wallMs: h.survivors().wallMs }).start();
  const first = await lease(restored);
  expect(first).toBeGreaterThanOrEqual(used);
  expect(await lease(restored)).toBe(first! + 1024);
});

test("sender sequence numbers are never leased twice, whatever fails and whoever crashes", async () => {
  let fails = 0;
  const h = await new AppHarness({ failsCommit: () => fails-- > 0 }).start();
  const { kid } = await issue(h, "porch");
  const lease = (on: AppHarness) => on.wait(on.app.credentials.keyring.lease(kid, 1024));
  expect(await lease(h)).toBe(0);
  const { keyring } = h.app.credentials;
  const both = Promise.all([keyring.lease(kid, 1024), keyring.lease(kid, 1024)]);
  expect(await h.wait(both)).toEqual([1024, 2048]);
  fails = 1;
  await expect(lease(h)).rejects.toThrow();
  expect(await lease(h)).toBe(3072);
  const after = await h.crash();
  expect(await lease(after)).toBe(4096);
  await after.wait(after.app.credentials.revoke("porch", operator));
  expect(await lease(after)).toBeUndefined();
});

test("a node that acts as another is recorded once a minute, with how often", async () => {
  const h = await new AppHarness().start();
  await h.register("porch");
  for (let i = 0; i < 50; i++) h.app.identities.claimedAnother("porch", "garden");
  await h.settle(60_000);
  h.app.identities.claimedAnother("porch", "garden");
  await h.settle();
  const entries = (await h.wait(h.app.timeline.list("porch"))).filter(({ what }) => what === "claimed-another");
  expect(entries.map(({ data }) => data)).toEqual([
    { claimed: "garden", count: 50 },
    { claimed: "garden", count: 1 },
  ]);
  expect(h.app.credentials.counters().otherIdentities).toBe(51);
});

test("an operator who removes a node takes its keys; a node that leaves by itself keeps them", async () => {
  const h = await new AppHarness().start();
  await issue(h, "porch");
  await h.register("porch", {}, { identity: "credential" });
  await h.wait(h.app.registry.remove("porch", { kind: "node", id: "porch" }));
  expect(h.app.credentials.has("porch")).toBe(true);
  await h.register("porch", {}, { identity: "credential" });
  await h.wait(h.app.registry.remove("porch", operator));
  expect(h.app.credentials.has("porch")).toBe(false);
  expect(await states(h, "porch")).toEqual([]);
});
