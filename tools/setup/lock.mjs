import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

const lockFile = join(root, ".setup/lock");
const lookAgainMs = 250;

/** Runs `work` while no other set-up of this checkout does: two at once would build into each other's folders. */
export async function withSetupLock(work) {
  let hasSaid = false;
  while (!take()) {
    if (!hasSaid) process.stderr.write(`  ...   another set-up runs here (process ${holder()}); waiting for it\n`);
    hasSaid = true;
    await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
  }
  const release = () => rmSync(lockFile, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    process.off("exit", release);
    release();
  }
}

function take() {
  mkdirSync(join(root, ".setup"), { recursive: true });
  try {
    writeFileSync(lockFile, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  // Whoever held it may have been killed.
  if (!isAlive(holder())) rmSync(lockFile, { force: true });
  return false;
}

function holder() {
  try {
    return Number(readFileSync(lockFile, "utf8")) || process.pid;
  } catch {
    return process.pid;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
