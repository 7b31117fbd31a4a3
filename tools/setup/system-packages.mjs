import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const hasCommand = (name) => () => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
const hasHeader = (name) => () =>
  spawnSync("g++", ["-E", "-x", "c++", "-"], { input: `#include <${name}>` }).status === 0;
const hasPythonModules = () => spawnSync("python3", ["-c", "import venv, ensurepip"]).status === 0;

/** What the node program is built with: Debian's package, and how to tell that it is there. */
export const compilerPackages = [
  { package: "g++", isThere: hasCommand("g++") },
  { package: "python3", isThere: hasCommand("python3") },
  { package: "python3-venv", isThere: hasPythonModules },
  { package: "libmbedtls-dev", isThere: hasHeader("mbedtls/ssl.h") },
];

/** The outside programs that the tests and benchmarks run against. */
export const peerPackages = [
  { package: "libcoap3-bin", isThere: hasCommand("coap-client-notls") },
  { package: "mosquitto-clients", isThere: hasCommand("mosquitto_sub") },
  // Its plug-in for access rules comes with the broker.
  { package: "mosquitto", isThere: () => existsSync("/usr/sbin/mosquitto") },
  { package: "curl", isThere: hasCommand("curl") },
  { package: "chromium", isThere: hasCommand("chromium") },
];

/** A kernel of its own, in which a test has a real vcan, and the tools of SocketCAN. */
export const linuxPackages = [
  { package: "user-mode-linux", isThere: hasCommand("linux.uml") },
  { package: "can-utils", isThere: hasCommand("candump") },
  { package: "iproute2", isThere: hasCommand("ip") },
  { package: "kmod", isThere: hasCommand("insmod") },
];

/** What the peer in Java is compiled and run with. */
export const javaPackages = [
  { package: "default-jdk-headless", isThere: hasCommand("javac") },
  { package: "maven", isThere: hasCommand("mvn") },
];

const here = {
  isDebian: existsSync("/etc/debian_version") && hasCommand("apt-get")(),
  isRoot: process.getuid?.() === 0,
};

/** Installs what is missing when that is possible here; otherwise throws one message that names all of it. */
export async function installSystemPackages(packages, command, { isDebian, isRoot } = here) {
  const missing = packages.filter((each) => !each.isThere()).map((each) => each.package);
  if (missing.length === 0) return;
  if (!isDebian || !isRoot) {
    const how = isDebian
      ? `sudo apt-get install ${missing.join(" ")}`
      : "install them with this system's package manager";
    throw new Error(`These system packages are missing: ${missing.join(", ")}.\nNext: ${how}, then run this again.`);
  }
  await command("apt-get", ["update"]);
  await command("apt-get", ["install", "-y", "--no-install-recommends", ...missing]);
}
