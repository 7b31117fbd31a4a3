import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const room = new URL("../../coap/", import.meta.url);
const readme = readFileSync(new URL("README.md", room), "utf8");
const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);

describe("the README of coap/", () => {
  it("has examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(2);
  });
  for (const [i, code] of examples.entries()) {
    it(`has an example ${i + 1} that prints what it says`, () => {
      const folder = mkdtempSync(join(tmpdir(), "coap-readme-"));
      try {
        const file = join(folder, "example.ts");
        const absolute = code.replace(
          /from "(\.[^"]+)"/g,
          (_all, path: string) => `from "${new URL(path, room).href}"`,
        );
        writeFileSync(file, absolute);
        const printed = execFileSync(process.execPath, [file], { encoding: "utf8", timeout: 20_000 });
        const expected = /\/\/ prints: (.*)/.exec(code)![1];
        expect(printed.trim().split("\n").join(" | ")).toBe(expected);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});
