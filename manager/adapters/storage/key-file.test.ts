import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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
  expect(() => keyFromFile(file, systemEntropy, true)).toThrow(
    expect.objectContaining({ code: "secret.key-file-open" }),
  );
  chmodSync(file, 0o600);
  expect(keyFromFile(file, systemEntropy, true)).toEqual(new Uint8Array(32).fill(0xab));
  for (const wrong of ["", "short", `${"zz".repeat(32)}`, `${"ab".repeat(33)}`]) {
    writeFileSync(file, wrong);
    expect(() => keyFromFile(file, systemEntropy, true)).toThrow(expect.objectContaining({ code: "secret.key-file" }));
    expect(readFileSync(file, "utf8")).toBe(wrong);
  }
});

test("one that is missing where secrets are is a fault, and none is made in its place", () => {
  const file = join(folder, "lost");
  expect(() => keyFromFile(file, systemEntropy, false)).toThrow(
    expect.objectContaining({ code: "secret.key-file-missing" }),
  );
  expect(existsSync(file)).toBe(false);
});

test("a folder that doesn't exist is an environment fault that names the file", () => {
  const file = join(folder, "nowhere", "key");
  expect(() => keyFromFile(file, systemEntropy, true)).toThrow(file);
});

test("a missing key file is made for its owner alone, and read from then on", () => {
  const file = join(folder, "key");
  const key = keyFromFile(file, systemEntropy, true);
  expect(key).toHaveLength(32);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(keyFromFile(file, systemEntropy, true)).toEqual(key);
  expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
});
