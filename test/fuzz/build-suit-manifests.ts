import { execFileSync } from "node:child_process";
import { join } from "node:path";

const core = "firmware/lib/core/src";
const parts = [
  ...["suit_cursor", "suit_envelope", "suit_manifest", "suit_variants", "trust_anchor", "manifest_reason"],
  ...["p256", "sha256", "uuid5", "text", "decimal", "status"],
];

/** Compiles the firmware's reader of update manifests with the sanitizers; undefined, with a word, where that is impossible. */
export function buildSuitManifests(folder: string): string | undefined {
  const program = join(folder, "suit-manifests");
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"];
  const words = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti", ...sanitizers];
  const sources = parts.map((name) => `${core}/${name}.cpp`);
  try {
    execFileSync(
      "c++",
      [...words, `-I${core}`, "-Ifirmware/lib/hal/src", "test/fuzz/suit-manifests.cpp", ...sources, "-o", program],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    return program;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 5).join(" ") : String(error);
    console.warn(`The reader of update manifests is not fuzzed: it takes c++ with its sanitizers. ${why}`);
    return undefined;
  }
}
