import { describe, expect, test } from "vitest";
import { groupedClaimCode, newClaimCode } from "../../manager/domain/claim-code.ts";
import { SecretSearch } from "./secret-search.ts";

const secret = Buffer.from(Array.from({ length: 24 }, (_, i) => (i * 89 + 251) % 256));
const around = (text: string): string => `first line\n{"level":"info","what":"${text}","more":1}\nlast line`;

describe("a secret is found", () => {
  const search = new SecretSearch();
  search.add(secret);
  const within = Buffer.concat([Buffer.from([7]), secret, Buffer.from("behind")]);

  test.each([
    ["hex", secret.toString("hex")],
    ["upper-case hex", secret.toString("hex").toUpperCase()],
    ["its first half", secret.toString("hex", 0, 12)],
    ["hex in a longer text", `cxt_${secret.toString("hex")}ff`],
    ["base64", secret.toString("base64")],
    ["base64url", secret.toString("base64url")],
    ["base64 of something larger, a byte further on", within.toString("base64")],
    [
      "base64url of something larger, two bytes further on",
      Buffer.concat([Buffer.from([1]), within]).toString("base64url"),
    ],
    ["an inspected Buffer", `<Buffer ${secret.toString("hex").replace(/(..)(?=.)/g, "$1 ")}>`],
    ["a fingerprint's colons", secret.toString("hex").replace(/(..)(?=.)/g, "$1:")],
    ["a list of bytes", JSON.stringify([...secret])],
    ["a typed array as JSON", JSON.stringify(new Uint8Array(secret))],
    ["an inspected typed array", `Uint8Array(24) [\n  ${[...secret].join(",   ")}\n]`],
  ])("as %s", (_what, text) => {
    const [found] = search.find(around(text));
    expect([2, 3]).toContain(found?.line);
    expect(found?.words).not.toContain(text);
  });

  test("as the text of a password or a claim code, and their bytes", () => {
    const own = new SecretSearch();
    own.addText("sesame");
    own.addText("correct horse battery");
    const random = Buffer.from(Array.from({ length: 19 }, (_, i) => i * 7));
    own.add(random);
    const code = newClaimCode(random);
    for (const text of ["sesame", "correct horse battery", code, groupedClaimCode(code)]) {
      expect(own.find(around(text)), text).not.toEqual([]);
      for (const form of ["hex", "base64", "base64url"] as const) {
        expect(own.find(around(Buffer.from(text).toString(form))), `${text} ${form}`).not.toEqual([]);
      }
    }
  });

  test("in a private key, whosever it is", () => {
    expect(search.find("-----BEGIN EC PRIVATE KEY-----")).toHaveLength(1);
  });

  test("and nothing is found where there is none", () => {
    expect(search.find(around(Buffer.from(secret).reverse().toString("hex")))).toEqual([]);
    expect(search.find(around(secret.toString("hex", 0, 11)))).toEqual([]);
    expect(search.find(around(secret.toString("base64").slice(0, 12)))).toEqual([]);
    expect(search.find("")).toEqual([]);
  });
});
