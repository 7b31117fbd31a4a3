import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunLogFolder } from "../../tools/run-logs/run-log-folder.ts";
import { tappedEnvironment } from "../../tools/run-logs/tapped-environment.ts";

const root = join(import.meta.dirname, "../..");
const own = (path: string): string => JSON.stringify(pathToFileURL(join(root, path)).href);

/** What a program does with its secret, and the words of the program. */
const ways = [
  ["logged in hex", `log.info("made", { what: secret.toString("hex") });`],
  ["logged in base64url, in a text", `log.warn("made", { what: "it is " + secret.toString("base64url") });`],
  [
    "logged by a name that is redacted, and once by another",
    `log.info("x", { key: "k", note: secret.toString("base64") });`,
  ],
  ["on the console", `console.error("the bytes are", secret);`],
  ["in an error that nobody caught", `throw new Error("bad token " + secret.toString("hex"));`],
  ["as a private key", `console.error(key.export({ type: "sec1", format: "pem" }));`],
  [
    "as a private key's number",
    `console.error(Buffer.from(key.export({ format: "jwk" }).d, "base64url").toString("hex"));`,
  ],
  ["as a password", `log.info("sign-in", { with: "correct horse" });`],
] as const;

describe("the search through the logs of a test run", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "coxswain-run-logs-"));
    new RunLogFolder(folder).empty();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** A program of the run: it has a log, a secret that it drew, a key that it made and a password that it was given. */
  function runProgram(words: string): { readonly code: number | null; readonly out: string; readonly err: string } {
    const file = join(folder, "program.ts");
    writeFileSync(
      file,
      `import { generateKeyPairSync, scrypt } from "node:crypto";
       import { systemEntropy } from ${own("kernel/system/system-entropy.ts")};
       import { createSystemLog } from ${own("kernel/system/system-log.ts")};
       const log = createSystemLog({ level: "info" });
       const secret = Buffer.from(systemEntropy.bytes(32));
       const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
       scrypt("correct horse", "salt", 16, () => {});
       log.info("started", { id: Buffer.from(systemEntropy.bytes(8)).toString("hex") });
       ${words}`,
    );
    const env = { ...process.env, ...tappedEnvironment(folder) };
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8", env });
    return { code: status, out: stdout, err: stderr };
  }

  function search(...least: string[]): { readonly code: number | null; readonly said: string } {
    const words = [join(root, "tools/run-logs/search-run-logs.ts"), folder, ...least];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: "utf8" });
    return { code: status, said: stdout + stderr };
  }

  test.each(ways)("finds one %s, and says where without it", (_what, words) => {
    runProgram(words);
    const { code, said } = search();
    expect([code, said]).toEqual([1, expect.stringMatching(/program\.ts-\d+-0-\d+\.log:\d+: a secret, as /)]);
    expect(said).toMatch(/[1-9]\d* found/);
  });

  test("finds nothing where nothing is, and leaves the program as it was", () => {
    const { code, out, err } = runProgram(`console.log(secret.length); log.info("done", { key: secret });`);
    expect([code, out]).toEqual([0, "32\n"]);
    expect(err.trim().split("\n")).toHaveLength(2);
    expect(search()).toMatchObject({ code: 0, said: expect.stringMatching(/^1 logs .* for 3 secrets: 0 found/) });
  });

  test("finds one that another program of the run logs", () => {
    runProgram("");
    const { bytes } = new RunLogFolder(folder).secrets();
    new RunLogFolder(folder).newLog("other").write(`heard ${Buffer.from(bytes[0] ?? []).toString("hex")}\n`);
    expect(search()).toMatchObject({ code: 1, said: expect.stringContaining("other-") });
  });

  test("fails where there is nothing to search, or less than there should be", () => {
    expect(search()).toMatchObject({ code: 1, said: expect.stringContaining("0 logs and 0 secrets") });
    runProgram("");
    expect(search("2", "1").code).toBe(1);
    expect(search("1", "100").code).toBe(1);
  });
});
