import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const readmeFile = new URL("../../mqtt/README.md", import.meta.url);
const exampleFile = new URL("mqtt-example.ts", import.meta.url);

test("the example in mqtt/README.md is the one that runs, and prints what it says", async () => {
  const readme = await readFile(readmeFile, "utf8");
  const example = await readFile(exampleFile, "utf8");
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``);
  const { stdout } = await promisify(execFile)(process.execPath, [exampleFile.pathname], {
    timeout: 20_000,
  });
  const printed = stdout.trim().split("\n");
  const promised = readme.split("```\n")[2]?.trim().split("\n") ?? [];
  expect(new Set(printed)).toEqual(new Set(promised));
  expect(promised.length).toBeGreaterThan(3);
});
