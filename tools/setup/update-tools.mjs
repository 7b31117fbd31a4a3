import { join } from "node:path";

/** Where detools and pycose are put: an environment of their own, since detools is compiled and no other peer should wait for it. */
export const updateTools = ".setup/peers/update-tools";

export async function installUpdateTools(command) {
  await command("python3", ["-m", "venv", "--clear", updateTools]);
  const hashed = [
    "--disable-pip-version-check",
    "--require-hashes",
    "-r",
    "test/interop/peers/requirements-updates.txt",
  ];
  await command(join(updateTools, "bin/pip"), ["install", ...hashed]);
}
