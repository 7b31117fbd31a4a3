import { randomFillSync } from "node:crypto";
import type { Entropy } from "../entropy.ts";

/** Small requests (tokens, message ids, jitter) are served from a pool: one call into the kernel for many of them. */
const pool = new Uint8Array(4096);
const poolView = new DataView(pool.buffer);
let used = pool.length;

function take(length: number): number {
  if (used + length > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const at = used;
  used += length;
  return at;
}

function uint32(): number {
  const at = take(4);
  const value = poolView.getUint32(at);
  pool.fill(0, at, at + 4);
  return value;
}

/** Unpredictable, fit for keys. What has been handed out is wiped from the pool. */
export const systemEntropy: Entropy = {
  uint32,
  fraction: () => uint32() / 2 ** 32,
  bytes(length) {
    if (length > 256) return randomFillSync(new Uint8Array(length));
    const at = take(length);
    const bytes = pool.slice(at, at + length);
    pool.fill(0, at, at + length);
    return bytes;
  },
};
