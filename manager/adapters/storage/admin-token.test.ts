import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { systemEntropy as entropy } from "../../../kernel/system/system-entropy.ts";
import { AdminToken, newToken } from "./admin-token.ts";

const root = mkdtempSync(join(tmpdir(), "coxswain-token-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const folderOf = (name: string) => mkdtempSync(join(root, name));
const tokenIn = (folder: string) => readFileSync(join(folder, "admin-token"), "utf8").trim();
const unusable = expect.objectContaining({ code: "secret.admin-token" });

test("a token file that others may read, or that holds something else, stops the start", () => {
  const folder = folderOf("open");
  const file = join(folder, "admin-token");
  for (const text of ["", "sesame", `${newToken(entropy)}0`]) {
    writeFileSync(file, text, { mode: 0o600 });
    expect(() => new AdminToken({ folder, entropy }), text).toThrow(unusable);
  }
  writeFileSync(file, newToken(entropy));
  chmodSync(file, 0o644);
  expect(() => new AdminToken({ folder, entropy })).toThrow(unusable);
  expect(existsSync(`${file}.sha256`)).toBe(false);
});

test("a token is made once, for its owner alone, and only its digest is needed afterwards", () => {
  const folder = folderOf("first");
  const first = new AdminToken({ folder, entropy });
  const token = tokenIn(folder);
  expect([first.isNew, first.holder(token)]).toEqual([true, { id: "admin" }]);
  for (const wrong of ["", token.slice(0, -1), `${token}0`, newToken(entropy)])
    expect(first.holder(wrong)).toBeUndefined();
  for (const file of [first.file, `${first.file}.sha256`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${first.file}.sha256`, "utf8")).not.toContain(token.slice(4));
  rmSync(first.file);
  const second = new AdminToken({ folder, entropy });
  expect([second.isNew, second.holder(token), existsSync(first.file)]).toEqual([false, { id: "admin" }, false]);
});

test("another token in the file takes the place of the one before", () => {
  const folder = folderOf("other");
  const { file } = new AdminToken({ folder, entropy });
  const before = tokenIn(folder);
  const after = newToken(entropy);
  writeFileSync(file, `${after}\n`);
  const second = new AdminToken({ folder, entropy });
  expect([second.holder(after), second.holder(before)]).toEqual([{ id: "admin" }, undefined]);
  rmSync(file);
  expect(new AdminToken({ folder, entropy }).holder(before)).toBeUndefined();
});
