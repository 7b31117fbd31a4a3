import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { installSystemPackages, javaPackages } from "./system-packages.mjs";

/** Where the peers that are no system packages are put. */
export const pythonPeer = ".setup/peers/python";
export const javaPeer = ".setup/peers/californium";
export const suitPeer = ".setup/peers/suit-validator";

/** Our program on the crate suit_validator, which reads and verifies update manifests. */
export async function installSuitPeer(command) {
  const manifest = ["--manifest-path", "test/interop/peers/suit-validator/Cargo.toml"];
  await command("cargo", ["build", "--release", "--locked", "--quiet", ...manifest, "--target-dir", suitPeer]);
}

/** aiocoap in an environment of its own, and its source, which alone has the OSCORE plugtest programs. */
export async function installPythonPeer(command) {
  await command("python3", ["-m", "venv", "--clear", pythonPeer]);
  const pip = join(pythonPeer, "bin/pip");
  const hashed = ["--disable-pip-version-check", "--require-hashes", "-r"];
  await command(pip, ["install", ...hashed, "test/interop/peers/requirements.txt"]);
  const source = join(pythonPeer, "source");
  mkdirSync(join(root, source), { recursive: true });
  const only = ["--no-deps", "--no-binary", "aiocoap", "-d", source];
  await command(pip, ["download", ...only, ...hashed, "test/interop/peers/requirements-source.txt"]);
  const archive = readdirSync(join(root, source)).find((name) => name.endsWith(".tar.gz"));
  await command("tar", ["-xzf", join(source, archive), "--strip-components=1", "-C", source]);
}

/** Californium from Maven's registry, and our program on it, compiled. Maven's own cache is the user's. */
export async function installJavaPeer(command) {
  await installSystemPackages(javaPackages, command);
  rmSync(join(root, javaPeer), { recursive: true, force: true });
  mkdirSync(join(root, javaPeer, "classes"), { recursive: true });
  const pom = ["-q", "-B", "-f", "test/interop/peers/californium/pom.xml"];
  await command("mvn", [...pom, "dependency:copy-dependencies", `-DoutputDirectory=${join(root, javaPeer)}`]);
  const sources = "test/interop/peers/californium/CaliforniumPeer.java";
  await command("javac", ["-d", join(javaPeer, "classes"), "-cp", `${javaPeer}/*`, sources]);
}
