import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** Compiles the fuzzer of DTLS records and hellos with the sanitizers; undefined, with a word, where that is impossible. */
export function buildDtlsRecords(folder: string): string | undefined {
  const program = join(folder, "dtls-records");
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g"];
  const headers = `-Inode_modules/node-linux-${process.arch}/include/node`;
  const sources = ["test/fuzz/dtls-records.c", "coap/native/dtls_record.c", "coap/native/aead.c"];
  try {
    const words = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", ...sanitizers, headers, "-o", program];
    execFileSync("cc", [...words, ...sources, "-l:libcrypto.so.3"], { stdio: ["ignore", "ignore", "pipe"] });
    return program;
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error);
    console.warn(`DTLS records are not fuzzed: it takes cc with its sanitizers and libcrypto.so.3. ${why}`);
    return undefined;
  }
}
