import { describe, expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { SiteAccess } from "../../schemas/generated/types.ts";
import { admit } from "../../schemas/wire/codec.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";
import type { HouseLogin } from "../ports/house-logins.ts";
import { type AddedPhone, PhoneBook } from "./phone-book.ts";

class World {
  readonly stored = new Map<string, unknown>();
  readonly logins = new Map<string, string>();
  readonly told: string[] = [];
  isFull: boolean = false;

  async book(site = "home-1"): Promise<PhoneBook> {
    const book = new PhoneBook({
      ...{ site, clock: new VirtualClock(), entropy: seededEntropy(this.told.length + 1), log: silentLog },
      records: {
        load: async (name) => structuredClone(this.stored.get(name)),
        store: async (name, value) => {
          if (this.isFull) throw new Error("ENOSPC");
          this.stored.set(name, structuredClone(value));
        },
      },
      logins: {
        set: (logins: readonly HouseLogin[]) => {
          for (const { user, hash } of logins) this.logins.set(user, hash);
        },
        remove: async (users) => {
          for (const user of users) this.logins.delete(user);
        },
      },
      hashing: { hash: async (password) => `$hash$of$${password.length}$characters`, verify: async () => false },
      tookAway: () => void this.told.push("took away"),
    });
    this.logins.clear();
    await book.load();
    return book;
  }
}

const anna = "annaannaanna";
const ben = "benbenbenben";

function access(revision: number, phones: readonly string[], site = "home-1"): SiteAccess {
  const list = phones.map((phone) => ({ phone, name: `${phone}'s`, hash: "$argon2id$v=19$m=19456$c2FsdA$aGFzaA" }));
  const admitted = admit("site-access", { site, title: "Home", timeZone: "UTC", revision, phones: list });
  if (!admitted.ok) throw new Error(admitted.fault.rule);
  return admitted.value;
}

async function added(book: PhoneBook, name: string): Promise<AddedPhone> {
  const outcome = await book.add(name);
  if (typeof outcome === "string") throw new Error(outcome);
  return outcome;
}

describe("the gateway's list of phones", () => {
  it("that can't be read lets the gateway not start, rather than let nobody or anybody in", async () => {
    const world = new World();
    await added(await world.book(), "Cleo's phone");
    const good = world.stored.get("phones") as object;
    for (const bad of [
      null,
      [],
      "x",
      { ...good, version: 2 },
      { ...good, own: [{}] },
      { ...good, access: {} },
      { ...good, removed: [1] },
    ]) {
      world.stored.set("phones", bad);
      await expect(world.book(), JSON.stringify(bad)).rejects.toMatchObject({ code: "gateway.phones-unreadable" });
    }
  });

  it("with a full disk takes nobody in, and takes away all the same whom it is told to, until the next start", async () => {
    const world = new World();
    const book = await world.book();
    await book.replace(access(1, [anna, ben]));
    world.isFull = true;
    await expect(book.add("Cleo's phone")).rejects.toThrow("ENOSPC");
    expect(book.list().map(({ phone }) => phone)).toEqual([anna, ben]);
    expect(world.logins.size).toBe(2);
    await expect(book.remove(anna)).rejects.toThrow("ENOSPC");
    await expect(book.replace(access(2, []))).rejects.toThrow("ENOSPC");
    expect([book.list(), [...world.logins]]).toEqual([[], []]);
  });

  it("keeps nobody of another household", async () => {
    const world = new World();
    const book = await world.book();
    await book.replace(access(1, [anna]));
    await added(book, "Cleo's phone");
    const other = await world.book("home-2");
    expect([other.list(), [...world.logins], other.access]).toEqual([[], [], undefined]);
  });

  it("has no two phones of one name, and sixty-four at most", async () => {
    const book = await new World().book();
    for (let i = 0; i < 64; i++) await added(book, `phone ${i}`);
    expect(await book.add("phone 0")).toBe("name-taken");
    expect(await book.add("one more")).toBe("full");
  });

  it("is the same after a restart, without a password in it", async () => {
    const world = new World();
    const book = await world.book();
    await book.replace(access(1, [anna]));
    const { phone, password } = await added(book, "Cleo's phone");
    const again = await world.book();
    expect(again.list()).toEqual(book.list());
    expect([...world.logins.keys()].sort()).toEqual([phoneUser("home-1", anna), phoneUser("home-1", phone)].sort());
    expect(JSON.stringify([...world.stored])).not.toContain(password);
  });

  it("doesn't let a phone back in that was taken away here, however often the manager lists it, and tells the manager", async () => {
    const world = new World();
    const book = await world.book();
    await book.replace(access(1, [anna, ben]));
    await book.remove(anna);
    await book.replace(access(2, [anna, ben]));
    expect(world.logins.has(phoneUser("home-1", anna))).toBe(false);
    const again = await world.book();
    expect([again.removed, world.logins.has(phoneUser("home-1", anna)), world.told]).toEqual([
      [anna],
      false,
      ["took away"],
    ]);
    await again.replace(access(3, [ben]));
    expect(again.removed).toEqual([]);
  });

  it("keeps phones that were invited here whatever the manager says, and doesn't tell it of them", async () => {
    const world = new World();
    const book = await world.book();
    const { phone } = await added(book, "Cleo's phone");
    await book.replace(access(1, []));
    expect(world.logins.has(phoneUser("home-1", phone))).toBe(true);
    expect(await book.remove("Cleo's phone")).toMatchObject({ phone, from: "here" });
    expect([book.removed, world.told]).toEqual([[], []]);
    expect(await book.remove("Cleo's phone")).toBe("unknown-phone");
  });
});
