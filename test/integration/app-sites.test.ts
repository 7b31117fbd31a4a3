import { describe, expect, test } from "vitest";
import type { InviteOutcome, SiteWish } from "../../manager/app/api/sites.ts";
import { phonesOfSite } from "../../manager/domain/site.ts";
import { gatewayUser, phoneUser } from "../../schemas/wire/site-users.ts";
import { AppHarness, operator } from "./app-harness.ts";

const wish: SiteWish = { title: "Linden Street 7", timeZone: "Europe/Berlin", retains: false };
type Invited = Extract<InviteOutcome, { kind: "invited" }>;

async function started(options: ConstructorParameters<typeof AppHarness>[0] = {}): Promise<AppHarness> {
  return await new AppHarness(options).start();
}

/** As the harness's, for what takes real time too: passwords are hashed in a thread. */
async function slowly<T>(h: AppHarness, work: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = work.finally(() => {
    isSettled = true;
  });
  settled.catch(() => undefined);
  for (let i = 0; i < 20_000 && !isSettled; i++) {
    await h.settle(2);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return await settled;
}

async function invited(h: AppHarness, site: string, name: string): Promise<Invited> {
  const outcome = await slowly(h, h.app.sites.invite(site, name, operator));
  if (outcome.kind !== "invited") throw new Error(outcome.kind);
  return outcome;
}

async function linked(h: AppHarness, site: string): Promise<string> {
  const outcome = await h.wait(h.app.sites.link(site, operator));
  if (outcome.kind !== "linked") throw new Error(outcome.kind);
  return outcome.link.secret;
}

const accounts = (h: AppHarness): string[] => [...h.broker.siteAccounts.keys()].sort();

describe("a household whose storage fails", () => {
  test("at whichever commit: what was refused isn't there after a crash, and a removed phone is off the broker all the same", async () => {
    for (const failing of [0, 1, 2, 3]) {
      let count = Number.NaN;
      const h = await started({ failsCommit: () => count++ === failing });
      count = 0;
      const ends: boolean[] = [];
      const attempt = async (work: Promise<unknown>): Promise<void> => {
        const isDone = (outcome: unknown): boolean => !JSON.stringify(outcome).includes("unknown-");
        ends.push(await slowly(h, work).then(isDone, () => false));
      };
      await attempt(h.app.sites.add("home-1", wish, operator));
      await attempt(h.app.sites.invite("home-1", "Anna", operator));
      await attempt(h.app.sites.link("home-1", operator));
      const phone = h.app.sites.find("home-1")?.phones[0]?.phone;
      await attempt(h.app.sites.removePhone("home-1", "Anna", operator));
      expect(ends[failing], `commit ${failing}`).toBe(false);
      if (phone !== undefined) expect(accounts(h)).not.toContain(phoneUser("home-1", phone));
      count = Number.NaN;
      const after = await h.crash();
      const found = after.app.sites.find("home-1");
      expect(found !== undefined, `commit ${failing}`).toBe(failing !== 0);
      expect(accounts(after).includes(gatewayUser("home-1"))).toBe(failing !== 0 && failing !== 2);
      // It was said to have failed, so it may be tried again.
      expect(found?.phones.length ?? 0).toBe(failing === 3 ? 1 : 0);
    }
  });
});

describe("a household", () => {
  test("isn't made twice, and there are as many as the limit says", async () => {
    const h = await started({ limits: { sites: 1 } });
    await h.wait(h.app.sites.add("home-1", wish, operator));
    expect(await h.wait(h.app.sites.add("home-1", wish, operator))).toBe("exists");
    expect(await h.wait(h.app.sites.add("home-2", wish, operator))).toBe("full");
    expect(await h.wait(h.app.sites.invite("home-2", "Anna", operator))).toEqual({ kind: "unknown-site" });
  });

  test("has no two phones of one name, and no more than it may have", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", wish, operator));
    await invited(h, "home-1", "Anna");
    expect(await h.wait(h.app.sites.invite("home-1", "Anna", operator))).toEqual({ kind: "name-taken" });
    for (let i = 1; i < phonesOfSite; i++) await invited(h, "home-1", `phone ${i}`);
    expect(await h.wait(h.app.sites.invite("home-1", "one more", operator))).toEqual({ kind: "full" });
  });

  test("is the same after a restart, without a password in storage or in the audit", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", { ...wish, gateway: "gw-1" }, operator));
    const { invitation } = await invited(h, "home-1", "Anna");
    const secret = await linked(h, "home-1");
    const before = h.app.sites.find("home-1");
    const after = await h.crash();
    expect(after.app.sites.find("home-1")).toEqual(before);
    expect(accounts(after)).toEqual(accounts(h));
    const written = JSON.stringify([
      await after.wait(after.storage.list("site")),
      await after.wait(after.storage.events("audit", {})),
    ]);
    expect(written).toContain("phone-invited");
    for (const each of [invitation.serverPassword, invitation.homePassword, secret]) {
      expect(each?.length).toBeGreaterThanOrEqual(22);
      expect(written).not.toContain(each);
    }
    expect(invitation.serverPassword).not.toBe(invitation.homePassword);
  });

  test("loses what is taken away from it, and keeps what isn't named", async () => {
    const h = await started();
    const broker = { phones: "wss://mq.example.net/mqtt", gateway: "mqtts://mq.example.net:8883" };
    await h.wait(h.app.sites.add("home-1", { ...wish, gateway: "gw-1", broker }, operator));
    await invited(h, "home-1", "Anna");
    await h.wait(h.app.sites.change("home-1", { gateway: undefined, broker: undefined }, operator));
    const view = h.app.sites.find("home-1");
    expect(view).toMatchObject({ title: wish.title, phones: [{ name: "Anna" }] });
    expect(view).not.toHaveProperty("gateway");
    expect(view).not.toHaveProperty("broker");
  });
});

describe("a gateway that follows its household", () => {
  const follow = (h: AppHarness, secret: string, revision: number, waitSeconds = 0) =>
    h.app.sites.follow("home-1", secret, { revision, waitSeconds }, {});

  test("is refused with another secret, that of before included, and for a site that isn't there", async () => {
    const h = await started();
    expect(await follow(h, "x", 0)).toEqual({ kind: "refused" });
    await h.wait(h.app.sites.add("home-1", wish, operator));
    expect(await follow(h, "", 0)).toEqual({ kind: "refused" });
    const [first, second] = [await linked(h, "home-1"), await linked(h, "home-1")];
    expect(await follow(h, first, 0)).toEqual({ kind: "refused" });
    expect(await follow(h, second, 0)).toMatchObject({ kind: "access" });
    await h.wait(h.app.sites.add("home-2", wish, operator));
    expect(await h.app.sites.follow("home-2", second, { revision: 0 }, {})).toEqual({ kind: "refused" });
  });

  test("hears of a removed phone in the turn in which it is gone, and of nothing else meanwhile", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", wish, operator));
    const { view } = await invited(h, "home-1", "Anna");
    const secret = await linked(h, "home-1");
    const first = await follow(h, secret, 0);
    if (first.kind !== "access") throw new Error(first.kind);
    expect(first.access.phones).toMatchObject([{ phone: view.phone, name: "Anna" }]);
    expect(first.access.phones[0]?.hash).toMatch(/^\$argon2id\$|^\$scrypt\$/);
    let heard: unknown;
    void follow(h, secret, first.access.revision, 60).then((outcome) => {
      heard = outcome;
    });
    await h.settle(1000);
    expect(heard).toBeUndefined();
    await h.wait(h.app.sites.removePhone("home-1", "Anna", operator));
    expect(heard).toMatchObject({ kind: "access", access: { phones: [] } });
    expect(accounts(h)).toEqual([gatewayUser("home-1")]);
  });

  test("is let go when its time is over, when it asks anew, and when it goes", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", wish, operator));
    const secret = await linked(h, "home-1");
    const first = await follow(h, secret, 0);
    if (first.kind !== "access") throw new Error(first.kind);
    const { revision } = first.access;
    expect(await h.wait(follow(h, secret, revision, 5))).toEqual({ kind: "same" });
    const waiting = follow(h, secret, revision, 60);
    await h.settle(10);
    const gone = new AbortController();
    const other = h.app.sites.follow("home-1", secret, { revision, waitSeconds: 60 }, { signal: gone.signal });
    expect(await waiting).toEqual({ kind: "same" });
    await h.settle(10);
    gone.abort();
    expect(await other).toEqual({ kind: "same" });
  });

  test("is told that nobody may come in when its site is removed, and a new site of that name has a newer list", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", wish, operator));
    await invited(h, "home-1", "Anna");
    const secret = await linked(h, "home-1");
    const first = await follow(h, secret, 0);
    if (first.kind !== "access") throw new Error(first.kind);
    const waiting = follow(h, secret, first.access.revision, 60);
    await h.settle(10);
    await h.wait(h.app.sites.remove("home-1", operator));
    expect(await waiting).toMatchObject({ kind: "access", access: { phones: [] } });
    expect(accounts(h)).toEqual([]);
    expect(await follow(h, secret, 0)).toEqual({ kind: "refused" });
    await h.wait(h.app.sites.add("home-1", wish, operator));
    const again = await follow(h, await linked(h, "home-1"), 0);
    if (again.kind !== "access") throw new Error(again.kind);
    expect(again.access.revision).toBeGreaterThan(first.access.revision + 1);
  });

  test("says where it is at home and which CA it has, which invitations have from then on, and not more often than is written down", async () => {
    const h = await started();
    await h.wait(h.app.sites.add("home-1", { ...wish, gateway: "gw-1" }, operator));
    const secret = await linked(h, "home-1");
    const ca = `sha256:${"a".repeat(64)}` as never;
    const tell = (home: string[]) =>
      h.wait(h.app.sites.follow("home-1", secret, { revision: 0, home, ca }, { address: "192.0.2.7" }));
    await tell(["https://192.168.1.5:8443"]);
    await tell(["https://192.168.1.6:8443"]);
    expect(h.app.sites.find("home-1")?.home).toEqual(["https://192.168.1.5:8443"]);
    await h.settle(11_000);
    await tell(["https://192.168.1.7:8443"]);
    expect((await invited(h, "home-1", "Anna")).invitation).toMatchObject({ home: ["https://192.168.1.7:8443"], ca });
    const entries = await h.wait(h.app.audit.list({ subject: "site/home-1" }));
    const tellings = entries?.entries.filter(({ entry }) => entry.what === "site-home-told") ?? [];
    expect(tellings).toHaveLength(2);
    expect(tellings[0]).toMatchObject({ entry: { by: { kind: "node", id: "gw-1" }, from: "192.0.2.7" } });
  });
});
