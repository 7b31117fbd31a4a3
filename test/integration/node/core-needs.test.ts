import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { buildFolder, requireBuild } from "../supervisor/supervised-node.ts";

/** Everything else that compiled core calls would be a heap, a lock, a file: nothing that a small board has to offer. */
const allowed = new Set(["memcmp", "memcpy", "memmove", "memset", "strlen"]);

const core = ["libcore.a", "libprofiles.a"];

function symbols(): { name: string; type: string; archive: string }[] {
  const folders = readdirSync(buildFolder).filter((name) => name.startsWith("lib"));
  return folders.flatMap((folder) =>
    core
      .filter((archive) => readdirSync(join(buildFolder, folder)).includes(archive))
      .flatMap((archive) =>
        execFileSync("nm", [join(buildFolder, folder, archive)], { encoding: "utf8", maxBuffer: 1 << 26 })
          .split("\n")
          .map((line) => /^[0-9a-f ]{16} ([A-Za-z]) (\S+)$/.exec(line))
          .filter((match) => match !== null)
          .map((match) => ({ name: match[2] ?? "", type: match[1] ?? "", archive })),
      ),
  );
}

beforeAll(requireBuild);

test("core and profiles call nothing outside themselves but five functions on bytes", () => {
  const all = symbols();
  expect(new Set(all.map((one) => one.archive))).toEqual(new Set(core));
  const outside = all.filter((one) => one.type === "U" && !/^_Z[A-Z]*2cx/.test(one.name));
  expect(new Set(outside.map((one) => one.name).filter((name) => !allowed.has(name)))).toEqual(new Set());
});

test("core and profiles have no writable globals", () => {
  expect(symbols().filter((one) => /^[bBC]$/.test(one.type))).toEqual([]);
});
