import { execFileSync } from "node:child_process";
import { join } from "node:path";

const core = "firmware/lib/core/src";
const parts = [
  "inflate_decoder",
  "delta_decoder",
  "heatshrink_reader",
  "encrypt0_decoder",
  "payload_chain",
  "ghash",
  "aes_pair",
];
const beneath = ["cbor_reader", "cbor_real", "cbor_writer", "decimal", "status", "text"];

/** Compiles the firmware's payload decoders with the sanitizers; undefined, with a word, where that is impossible. */
export function buildPayloadDecoders(folder: string): string | undefined {
  const program = join(folder, "payload-decoders");
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"];
  const words = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fno-exceptions", "-fno-rtti", ...sanitizers];
  const sources = [...parts, ...beneath].map((name) => `${core}/${name}.cpp`);
  try {
    execFileSync(
      "c++",
      [...words, `-I${core}`, "-Ifirmware/lib/hal/src", "test/fuzz/payload-decoders.cpp", ...sources, "-o", program],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    return program;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 5).join(" ") : String(error);
    console.warn(`Payload decoders are not fuzzed: it takes c++ with its sanitizers. ${why}`);
    return undefined;
  }
}
