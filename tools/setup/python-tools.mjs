import { join } from "node:path";

/** Where detools and pycose are put: each an environment of their own, since detools is compiled and no other peer should wait for it. */
export const updateTools = ".setup/peers/update-tools";
/** Where cantools is put. */
export const canTools = ".setup/peers/can-tools";
/** Where pymodbus is put. */
export const modbusPeer = ".setup/peers/modbus";

/** What `requirements` pins by hash, in an environment of its own at `folder`. */
export async function installPythonTools(folder, requirements, command) {
  await command("python3", ["-m", "venv", "--clear", folder]);
  const hashed = ["--disable-pip-version-check", "--require-hashes", "-r", requirements];
  await command(join(folder, "bin/pip"), ["install", ...hashed]);
}
