/** Runs inside a Node with the address sanitizer under it: `addon-fuzz.ts ADDON ROUNDS SEED`. See `fuzz-addon.ts`. */
import { createRequire } from "node:module";
import type { Addon } from "../../../coap/native/addon.ts";
import { Random } from "../endpoint/random.ts";
import { DtlsPair } from "./dtls-pair.ts";
import { UdpRows } from "./udp-rows.ts";

const [path, rounds, seed] = process.argv.slice(2);
const random = new Random(Number(seed));
const addon = createRequire(import.meta.url)(path!) as Addon;
const dtls = new DtlsPair(addon, random);
const udp = new UdpRows(addon, random);
const aead = addon.createAead(4096);
let opened = 0;
const residentMiB = (): number => process.memoryUsage.rss() / 1_048_576;
let beginMiB = 0;

for (let round = 0; round < Number(rounds); round++) {
  dtls.round();
  for (let i = 0; i < 20; i++) aeadRound();
  if (round % 20 === 0) await udp.round();
  if (round === Math.floor(Number(rounds) / 4)) beginMiB = residentMiB();
}
const memory = { beginMiB: Math.round(beginMiB), endMiB: Math.round(residentMiB()) };
console.log(
  JSON.stringify({ rounds: Number(rounds), seed: Number(seed), ...dtls.counts, ...udp.counts, opened, ...memory }),
);

/** Numbers that fit and such as don't; what was sealed opens, what was changed since doesn't. */
function aeadRound(): void {
  const cipher = random.below(7) - 1;
  const aad = random.pick([0, 1, 30, 112, 113, 4096, -1, 0x7fffffff]);
  const length = random.pick([0, 1, 16, 100, 4080, 4088, 4096, 4097, -1, 0x7fffffff]);
  for (let i = 0; i < 160; i++) aead.bytes[i] = random.below(256);
  const isSealed = aead.seal(cipher, aad, length);
  if (!isSealed) {
    aead.open(cipher, aad, length);
    return;
  }
  if (length < 1 || length > 4096 || aad < 0 || aad > 112) throw new Error(`sealed ${length} bytes with ${aad}`);
  const tag = cipher === 1 ? 8 : 16;
  const isSpoilt = random.once(2);
  if (isSpoilt) aead.bytes[160 + random.below(length + tag)]! ^= 1 + random.below(255);
  if (aead.open(cipher, aad, length + tag) === isSpoilt)
    throw new Error("a changed text was opened, or a good one refused");
  opened++;
}
