import { expect, test } from "vitest";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";
import { AesSecretBox } from "./aes-secret-box.ts";

const box = (byte: number) => new AesSecretBox({ key: new Uint8Array(32).fill(byte), entropy: systemEntropy });
const secret = Uint8Array.of(1, 2, 3);

test("a secret that was moved, changed, cut or sealed with another key isn't opened", () => {
  const sealed = box(1).seal(secret, "porch/a");
  const faults: [string, () => unknown][] = [
    ["moved", () => box(1).open(sealed, "garden/a")],
    ["cut", () => box(1).open(sealed.subarray(0, 20), "porch/a")],
    ["other key", () => box(2).open(sealed, "porch/a")],
  ];
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed);
    changed[at]! ^= 1;
    faults.push([`byte ${at}`, () => box(1).open(changed, "porch/a")]);
  }
  for (const [name, open] of faults) expect(open, name).toThrow(expect.objectContaining({ code: "secret.unreadable" }));
});

test("a sealed secret opens again, is longer by the overhead, and never looks the same twice", () => {
  const one = box(1);
  const sealed = one.seal(secret, "porch/a");
  expect(one.open(sealed, "porch/a")).toEqual(secret);
  expect(sealed.length).toBe(secret.length + one.overhead);
  expect(one.seal(secret, "porch/a")).not.toEqual(sealed);
  expect([one.isOurs(sealed), box(2).isOurs(sealed)]).toEqual([true, false]);
});
