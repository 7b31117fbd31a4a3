import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { systemEntropy } from "../../../kernel/system/system-entropy.ts";
import { keyFromFile } from "./key-file.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-key-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a key file that others may read, or that holds something else, is refused and left as it is", () => {
  const file = join(folder, "open");
  const text = `${"ab".repeat(32)}\n`;
  writeFileSync(file, text);
  chmodSync(file, 0o640);
  expect(() => keyFromFile(file, systemEntropy)).toThrow(expect.objectContaining({ code: "secret.key-file-open" }));
  chmodSync(file, 0o600);
  expect(keyFromFile(file, systemEntropy)).toEqual(new Uint8Array(32).fill(0xab));
  for (const wrong of ["", "short", `${"zz".repeat(32)}`, `${"ab".repeat(33)}`]) {
    writeFileSync(file, wrong);
    expect(() => keyFromFile(file, systemEntropy)).toThrow(expect.objectContaining({ code: "secret.key-file" }));
    expect(readFileSync(file, "utf8")).toBe(wrong);
  }
});

test("a folder that doesn't exist is an environment fault that names the file", () => {
  const file = join(folder, "nowhere", "key");
  expect(() => keyFromFile(file, systemEntropy)).toThrow(file);
});

test("a missing key file is made for its owner alone, and read from then on", () => {
  const file = join(folder, "key");
  const key = keyFromFile(file, systemEntropy);
  expect(key).toHaveLength(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(keyFromFile(file, systemEntropy)).toEqual(key);
  expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
});
