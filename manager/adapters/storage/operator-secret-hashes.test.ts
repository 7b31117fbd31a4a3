import { describe, expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { OperatorSecretHashes } from "./operator-secret-hashes.ts";

const made = (hasArgon = true) => new OperatorSecretHashes({ entropy: seededEntropy(1), hasArgon });

describe.each([
  [true, "$argon2id$v=19$m=19456,t=2,p=1$"],
  [false, "$scrypt$ln=15,r=8,p=1$"],
])("with argon2: %s", (hasArgon, prefix) => {
  test("what is stored isn't the password, and only the password is taken for it", async () => {
    const hashes = made(hasArgon);
    const stored = await hashes.hash("correct horse");
    expect(stored.startsWith(prefix)).toBe(true);
    expect(stored).not.toContain("correct");
    expect(await hashes.hash("correct horse")).not.toBe(stored);
    expect(await hashes.verify("correct hors", stored)).toBe(false);
    expect(await hashes.verify("", stored)).toBe(false);
    expect(await hashes.verify("correct horse", stored)).toBe(true);
  });

  test("nothing is the password where there is none, or something that is none of ours", async () => {
    const hashes = made(hasArgon);
    for (const stored of [undefined, "", "correct horse", `${prefix}AAAA`, `${prefix}$`, `${prefix}AAAA$AAAA`]) {
      expect(await hashes.verify("correct horse", stored), stored).toBe(false);
      expect(await hashes.verify("", stored), stored).toBe(false);
    }
  });
});

test("each reads what the other wrote, so a runtime may change", async () => {
  expect(await made(true).verify("correct horse", await made(false).hash("correct horse"))).toBe(true);
});

test("two ways to write one letter are one password", async () => {
  const hashes = made();
  expect(await hashes.verify("u\u0308ber alles hinaus", await hashes.hash("\u00fcber alles hinaus"))).toBe(true);
});

test("eighteen at a time and no more: each takes 19 MiB", async () => {
  const hashes = made();
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => hashes.verify("x", undefined)));
  expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(2);
  expect(outcomes.find((each) => each.status === "rejected")?.reason).toMatchObject({ code: "secret.busy" });
  expect(await hashes.verify("x", undefined)).toBe(false);
});

test("a token's digest is its SHA-256", () => {
  expect(made().digest("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
