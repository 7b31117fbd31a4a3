import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { attemptReasons } from "../generated/attempt-reasons.ts";
import { readAttemptReasons } from "./emit-attempt-reasons.ts";

const root = `${import.meta.dirname}/../..`;
const { list } = readAttemptReasons(`${root}/schemas/attempt-reasons.json`);
const read = (path: string): string => readFileSync(`${root}/${path}`, "utf8");
const from = (who: string): string[] =>
  list
    .filter((each) => each.from === who)
    .map(({ word }) => word)
    .sort();

test("the updater says no reason that isn't of the enum", () => {
  const files = globSync(["firmware/lib/core/src/updater*.cpp", "firmware/lib/core/src/manager_manifest.cpp"], {
    cwd: root,
  });
  expect(files.length).toBeGreaterThan(4);
  for (const file of files) {
    const ends = [...read(file).matchAll(/\b(?:end|refuse|tryAgain|cancel|later)\([^;]*?"([a-z-]+)"/g)].map(
      ([, word]) => word,
    );
    expect(ends, file).toEqual([]);
  }
});

test("every reason of core is said somewhere in the firmware", () => {
  const sources = globSync("firmware/lib/**/*.{cpp,hpp}", { cwd: root }).map(read).join("");
  const camel = (word: string): string =>
    word === "short" ? "tooShort" : word.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  expect(
    from("node").filter((word) => !new RegExp(`(?:Attempt|Manifest)Reason::${camel(word)}\\b`).test(sources)),
  ).toEqual([]);
});

test("the boot loader's reasons are those of the list", () => {
  const body =
    /const char\* nameOf\(RollbackReason reason\) \{(.*?)\n\}/s.exec(read("firmware/lib/hal/src/hal/names.cpp"))?.[1] ??
    "";
  const words = [...body.matchAll(/return "([a-z-]+)"/g)].map(([, word]) => word);
  const own = words.filter((word) => word !== "none" && word !== "unknown");
  expect(new Set(own)).toEqual(new Set(from("boot")));
});

test("what TLS has against a server, and what ends a download, are in the list", () => {
  const faults = [...read("firmware/lib/dtls/src/dtls/tls_stream.cpp").matchAll(/"(tls-[a-z-]+)"/g)].map(
    ([, word]) => word,
  );
  const statuses = [...read("firmware/lib/core/src/status.cpp").matchAll(/return "([a-zA-Z]+)"/g)].map(
    ([, word]) => word,
  );
  const known = from("transport");
  expect(faults.filter((word) => !known.includes(word!))).toEqual([]);
  expect(known.filter((word) => !faults.includes(word) && !statuses.includes(word))).toEqual([]);
});

test("what the documentation calls a reason is one", () => {
  const table = /## When a node refuses\n(.*?)\n## /s.exec(read("docs/updates.md"))?.[1] ?? "";
  const words = [...table.matchAll(/^\| (.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word!),
  );
  expect(words.length).toBeGreaterThan(5);
  expect(words.filter((word) => !Object.hasOwn(attemptReasons, word))).toEqual([]);
});
