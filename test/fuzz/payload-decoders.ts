import { spawnSync } from "node:child_process";

export interface DecoderCase {
  readonly kind: (typeof kinds)[number];
  readonly windowBits?: number;
  readonly imageSize: number;
  readonly payload: Uint8Array;
  readonly base?: Uint8Array;
  readonly parameters?: Uint8Array;
  readonly key?: Uint8Array;
}

/** What came of a case. `image` is what a run without power cuts made, also of a payload that turned out to be bad. */
export interface DecoderOutcome {
  readonly status: "ok" | "tooLarge" | "malformed" | "unsupported" | "mismatch" | string;
  /** Power cuts of the second run, and the bytes of the payload that it took in all. */
  readonly resumes: number;
  readonly moved: number;
  readonly image: Uint8Array;
}

const kinds = ["deflate", "delta", "encrypt0", "deflate within encrypt0", "delta within encrypt0"] as const;
/** Status of firmware/lib/core/src/status.hpp, by its number. */
const statuses = ["ok", "again", "full", "tooLarge", "malformed", "unsupported", "invalid", "", "", "", "mismatch"];

/** Hands all cases to one run of `program` (test/fuzz/payload-decoders.cpp). Throws what it says when it finds a contract broken. */
export function decodePayloads(program: string, cases: readonly DecoderCase[], seed: number): DecoderOutcome[] {
  const input: Uint8Array[] = [];
  for (const [index, each] of cases.entries()) {
    input.push(Uint8Array.of(kinds.indexOf(each.kind), each.windowBits ?? 15));
    input.push(u32((seed + index) >>> 0), u32(each.imageSize), each.key ?? new Uint8Array(16));
    for (const part of [each.base, each.parameters, each.payload])
      input.push(u32(part?.length ?? 0), part ?? new Uint8Array());
  }
  const { status, stdout, stderr, error } = spawnSync(program, { input: Buffer.concat(input), maxBuffer: 1 << 30 });
  // It ends at the first broken case, and the rest of its input then meets a closed pipe.
  if (status !== 0) throw new Error(`seed ${seed}: ${stderr?.toString().slice(0, 3000)}`, { cause: error });
  let at = 0;
  const number = (size: number): number => {
    at += size;
    return stdout.readUIntBE(at - size, size);
  };
  return cases.map(() => {
    const code = number(1);
    const resumes = number(2);
    const moved = number(4);
    const size = number(4);
    at += size;
    return { status: statuses[code] ?? String(code), resumes, moved, image: stdout.subarray(at - size, at) };
  });
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}
