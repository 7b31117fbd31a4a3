import { describe, expect, it } from "vitest";
import type { Credentials } from "../../../mqtt/credentials.ts";
import { PhoneLogins } from "./phone-logins.ts";

/** Logins over a broker that notes them, and hashes that count how often they are asked. */
function world() {
  const known = new Map<string, Credentials>();
  let asked = 0;
  const logins = new PhoneLogins({
    site: "home-1",
    broker: {
      setCredentials: (list) => {
        for (const each of list) known.set(each.clientId, each);
      },
      removeCredentials: async (ids) => {
        for (const id of ids) known.delete(id);
      },
    },
    hashing: {
      hash: async (password) => `hash of ${password}`,
      verify: async (password, stored) => {
        asked++;
        return stored === `hash of ${password}`;
      },
    },
  });
  const check = async (user: string, password: string): Promise<boolean> => {
    const kept = known.get(user)?.password;
    if (typeof kept !== "object" || !("check" in kept)) throw new Error("no check");
    return await kept.check(new TextEncoder().encode(password));
  };
  return { logins, known, check, asked: () => asked };
}

describe("a phone's login", () => {
  it("with another hash is good by the new password alone, though the old one was used", async () => {
    const { logins, check } = world();
    logins.set([{ user: "_home-1.anna", hash: "hash of old" }]);
    expect(await check("_home-1.anna", "old")).toBe(true);
    logins.set([{ user: "_home-1.anna", hash: "hash of new" }]);
    expect(await check("_home-1.anna", "old")).toBe(false);
    expect(await check("_home-1.anna", "new")).toBe(true);
    expect(await check("_home-1.anna", "old")).toBe(false);
  });

  it("is looked at slowly until it came in once, and quickly then, a wrong one too", async () => {
    const { logins, check, asked } = world();
    logins.set([{ user: "_home-1.anna", hash: "hash of right" }]);
    for (const password of ["wrong", "right"]) await check("_home-1.anna", password);
    expect(asked()).toBe(2);
    expect(await check("_home-1.anna", "right")).toBe(true);
    expect(await check("_home-1.anna", "wrong")).toBe(false);
    expect(asked()).toBe(2);
  });

  it("has the household's rights of a phone, and retains nothing", () => {
    const { logins, known } = world();
    logins.set([{ user: "_home-1.anna", hash: "" }]);
    expect(known.get("_home-1.anna")).toMatchObject({ subscribe: ["alfaspark/home-1/#"], retained: "refused" });
    expect(known.get("_home-1.anna")?.publish).toContain("alfaspark/home-1/commands/+");
    expect(known.get("_home-1.anna")?.publish).not.toContain("alfaspark/home-1/aggregate");
  });

  it("of nobody takes a slow look, which never lets anybody in", async () => {
    const { logins, asked } = world();
    expect(await logins.checkNobody(new TextEncoder().encode("x"))).toBe(false);
    expect(asked()).toBe(1);
  });
});
