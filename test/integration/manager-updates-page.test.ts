import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestManager, testManager } from "./manager-harness.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/updates.md"), "utf8");
const commands = [...page.matchAll(/^```sh\n([^`]*)\n```$/gm)].map(([, command = ""]) => command);
const folder = mkdtempSync(join(tmpdir(), "coxswain-updates-page-"));
const programs = join(folder, "bin");
let manager: TestManager;

beforeAll(async () => {
  mkdirSync(programs);
  const program = join(programs, "coxswain");
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(root, "manager/cli/coxswain.ts")}" "$@"\n`);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, "image.bin"), Buffer.alloc(10_000, "image"));
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

test("docs/updates.md has its commands", () => {
  expect(commands.length).toBeGreaterThan(7);
});

test.each(commands)("%s", async (command) => {
  const env = {
    ...process.env,
    ...{ COXSWAIN_URL: manager.urls.http, COXSWAIN_DATA_DIR: manager.folder },
    PATH: `${programs}:${process.env["PATH"]}`,
  };
  const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) => {
    execFile("sh", ["-c", command], { cwd: folder, env }, (error, _, text) =>
      resolve({ code: error?.code ?? 0, err: text }),
    );
  });
  expect([code, err]).toEqual([0, ""]);
});
