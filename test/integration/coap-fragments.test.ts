import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { loadAddon } from "../../coap/native/addon.ts";

const program = fileURLToPath(new URL("coap-fragments-program.ts", import.meta.url));
const narrow = "ip link set lo mtu 1280 && ip link set lo up";
const canMakeOne = spawnSync("unshare", ["--net", "sh", "-c", narrow]).status === 0 && loadAddon().isThere;

it.skipIf(!canMakeOne).each([
  ["127.0.0.1", "127.0.0.1"],
  ["0.0.0.0", "127.0.0.1"],
  ["::", "127.0.0.1"],
  ["::", "::1"],
])("a datagram longer than the path's MTU leaves in fragments: from %s to %s (needs root)", async (address, to) => {
  const command = `${narrow} && exec "$0" "$@"`;
  const run = promisify(execFile);
  const words = ["--net", "sh", "-c", command, process.execPath, program, address, to];
  const { stdout } = await run("unshare", words, { timeout: 10_000, killSignal: "SIGKILL" });
  expect(stdout).toBe("came 4000\nfailed 0\n");
});
