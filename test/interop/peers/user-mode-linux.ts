import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const kernel = "/usr/bin/linux.uml";
const modules = "/usr/lib/uml/modules";
const bootLimitMs = 90_000;

/** Why no Linux of its own can be booted here; undefined: it can be tried. */
export function whyNoLinux(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "there is no user-mode Linux for this machine";
  if (!existsSync(kernel)) return "user-mode-linux isn't installed";
  if (!existsSync(modules) || readdirSync(modules).length === 0) return "user-mode-linux has no modules";
  if (!existsSync("/sbin/insmod")) return "kmod isn't installed";
  return existsSync("/usr/bin/candump") ? undefined : "can-utils isn't installed";
}

/**
 * Runs a shell script as the first process of a kernel of its own, which sees this machine's files, has a vcan0 that is down, and may do
 * with its network what it likes. Resolves with what the script wrote to its standard output; undefined when the kernel didn't boot.
 */
export async function runInLinux(script: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "uml-"));
  const init = join(folder, "init");
  const output = join(folder, "output");
  writeFileSync(
    init,
    `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
for module in net/can/can net/can/can-raw drivers/net/can/dev/can-dev drivers/net/can/vcan; do
  insmod ${modules}/$(uname -r)/kernel/$module.ko
done
ip link set lo up
ip link add vcan0 type vcan
echo booted > ${output}
( ${script}
) >> ${output} 2>&1
sync
poweroff -f || halt -f
`,
  );
  chmodSync(init, 0o755);
  try {
    await new Promise<void>((resolve) => {
      const flags = [
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        "mem=512M",
        `init=${init}`,
        "con=null",
        "con0=null",
        "quiet",
      ];
      const child = spawn(kernel, ["root=/dev/root", ...flags], { stdio: "ignore", detached: true });
      const timer = setTimeout(() => child.kill("SIGKILL"), bootLimitMs);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      child.once("error", end);
      child.once("exit", end);
    });
    if (!existsSync(output)) return undefined;
    return readFileSync(output, "utf8").replace(/^booted\n/, "");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
