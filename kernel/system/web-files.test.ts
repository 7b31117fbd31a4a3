import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { webFiles } from "./web-files.ts";

test("a page that wasn't built has no files", () => {
  expect(webFiles(join(tmpdir(), "there-is-no-such-folder"))).toEqual(new Map());
});

test("the files of a built page are a fixed list, and what isn't of a page is none of them", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-web-"));
  try {
    mkdirSync(join(folder, "assets"));
    for (const name of ["index.html", "assets/app-1a2b.js", "icon.png", "notes.txt", "key.pem"]) {
      writeFileSync(join(folder, name), "x");
    }
    const files = webFiles(folder);
    expect([...files.keys()].sort()).toEqual(["", "assets/app-1a2b.js", "icon.png"]);
    expect(files.get("")).toEqual({
      file: join(folder, "index.html"),
      type: "text/html; charset=utf-8",
      caching: "no-cache",
    });
    expect(files.get("assets/app-1a2b.js")?.caching).toContain("immutable");
    expect(files.get("../index.html")).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
