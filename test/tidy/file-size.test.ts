import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const longestFile = 600;
const houses = ["kernel", "schemas", "coap", "mqtt", "agent", "manager", "gateway", "firmware", "tools", "test"];
const source = /\.(ts|tsx|mjs|cpp|hpp|c|h|py|html)$/;

it(`no hand-written file is longer than ${longestFile} lines`, () => {
  const files = houses
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)))
    .filter((file) => source.test(file) && !file.includes("generated/"));
  const tooLong = files.filter((file) => readFileSync(file, "utf8").split("\n").length > longestFile);
  expect(files.length).toBeGreaterThan(50);
  expect(tooLong).toEqual([]);
});
