import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generate, staleFiles } from "../../schemas/generate.ts";

const root = new URL("../../", import.meta.url).pathname;

describe("generated files", () => {
  it("are what the generator writes; if not, run `npm run generate`", async () => {
    expect(await staleFiles()).toEqual([]);
  });

  it("say in their first line that they are generated", async () => {
    const files = [...(await generate()).keys()].filter((path) => !path.endsWith(".json"));
    expect(files.length).toBeGreaterThan(4);
    for (const path of files)
      expect(readFileSync(root + path, "utf8").split("\n", 1)[0], path).toMatch(
        /[Gg]enerated by schemas\/generate\.ts/,
      );
  });

  it("are all of their folder: nothing else lies there, nothing old is left", async () => {
    const made = new Set((await generate()).keys());
    const found = readdirSync(`${root}schemas/generated`, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length));
    expect(found.filter((path) => !made.has(path))).toEqual([]);
  });

  it("include the golden vectors as C++ headers; if stale, run `python3 test/firmware/vectors.py`", () => {
    const { status, stdout } = spawnSync("python3", [`${root}test/firmware/vectors.py`, "--check"], {
      encoding: "utf8",
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  });

  it("import nothing of a vendor when the program runs", async () => {
    let imports = 0;
    for (const [path, content] of await generate()) {
      for (const [, from] of content.matchAll(/^(?:import|export)\b[^;]*?\bfrom "([^"]+)";/gms)) {
        imports++;
        expect(from, path).toMatch(/^\.\.?\//);
      }
      expect(content, path).not.toMatch(/(?<!")\brequire\(/);
    }
    expect(imports).toBeGreaterThan(3);
  });
});
