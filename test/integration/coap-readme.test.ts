import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasDtls } from "./dtls-harness.ts";

const face = new URL("../../coap/package/coap.ts", import.meta.url);
const readme = readFileSync(new URL("../../coap/README.md", import.meta.url), "utf8");
const examples = [...readme.matchAll(/^## (.*)\n(?:(?!^## )[\s\S])*?```ts\n([\s\S]*?)```/gm)];
const canDtls = hasDtls();

describe("the README of the package", () => {
  it("has an example in each of its main parts", () => {
    const parts = ["A server", "A client", "Observe", "Bodies in blocks", "Q-Block", "DTLS", "OSCORE", "Discovery"];
    expect(examples.map(([, title]) => title)).toEqual(parts);
    expect(readme.split("```ts").length).toBe(parts.length + 1);
  });
  for (const [, title, code] of examples) {
    it.runIf(title !== "DTLS" || canDtls)(`prints what it says: ${title}`, () => {
      const folder = mkdtempSync(join(tmpdir(), "coap-readme-"));
      try {
        const file = join(folder, "example.ts");
        writeFileSync(file, code!.replaceAll('"coxswain/coap"', `"${face.href}"`));
        const printed = execFileSync(process.execPath, [file], { encoding: "utf8", timeout: 60_000 });
        const expected = /\/\/ prints: (.*)/.exec(code!)![1];
        expect(printed.trim().split("\n").join(" | ")).toBe(expected);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
