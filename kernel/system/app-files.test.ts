import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readAppFiles } from "./app-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-web-"));
  mkdirSync(join(folder, "assets"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("an app that wasn't built has no files, nor has a folder without its page", () => {
  expect(readAppFiles(join(folder, "nowhere"))).toEqual(new Map());
  writeFileSync(join(folder, "icon.png"), "x");
  expect(readAppFiles(folder)).toEqual(new Map());
});

test("the files of a built app are a fixed list, and what isn't of an app is none of them", () => {
  for (const name of ["index.html", "assets/app-1a2b.js", "icon.png", "notes.txt", "key.pem"]) {
    writeFileSync(join(folder, name), name);
  }
  const files = readAppFiles(folder);
  expect([...files.keys()].sort()).toEqual(["assets/app-1a2b.js", "icon.png", "index.html"]);
  expect(files.get("index.html")).toMatchObject({ type: "text/html; charset=utf-8", isImmutable: false });
  expect(files.get("assets/app-1a2b.js")).toMatchObject({ isImmutable: true });
  expect(files.get("index.html")?.etag).not.toBe(files.get("icon.png")?.etag);
  expect(files.get("../index.html")).toBeUndefined();
});

test("a folder that is too large to be the app is refused", () => {
  writeFileSync(join(folder, "index.html"), new Uint8Array(16_777_217));
  expect(() => readAppFiles(folder)).toThrow(RangeError);
});
