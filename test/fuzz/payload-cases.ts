import { readFileSync } from "node:fs";
import { join } from "node:path";
import { constants, deflateRawSync } from "node:zlib";
import { deltaPatch } from "../../manager/variants/delta-patch.ts";
import { encryptPayload, payloadCiphers } from "../../manager/variants/payload-encryption.ts";
import { Random } from "./endpoint/random.ts";
import type { DecoderCase } from "./payload-decoders.ts";

const sources = readFileSync(join(import.meta.dirname, "../../firmware/lib/core/src/inflate_decoder.cpp"));

/** Images, payloads of them and spoilt ones, from a seed. */
export class PayloadCases {
  readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  encrypted(given: DecoderCase): DecoderCase {
    const randomBytes = (size: number): Uint8Array => Uint8Array.from({ length: size }, () => this.random.below(256));
    const key = randomBytes(16);
    const { bytes, encryptionInfo } = encryptPayload(given.payload, key, this.random.pick(payloadCiphers), randomBytes);
    return { ...given, payload: bytes, parameters: encryptionInfo, key };
  }

  /** Text, noise, runs and repeats, as images have them. */
  anyBytes(sizeMax: number): Uint8Array {
    const bytes = new Uint8Array(1 + this.random.below(sizeMax));
    for (let at = 0; at < bytes.length; ) {
      const size = Math.min(1 + this.random.below(this.random.once(4) ? 3000 : 60), bytes.length - at);
      const part = bytes.subarray(at, at + size);
      const kind = this.random.below(4);
      if (kind === 0) for (let i = 0; i < size; i++) part[i] = this.random.below(256);
      else if (kind === 1) part.fill(this.random.below(256));
      else if (kind === 2) part.set(sources.subarray(this.random.below(sources.length - size)).subarray(0, size));
      else if (at > 0) for (let i = 0, from = this.random.below(at); i < size; i++) part[i] = bytes[from + i]!;
      at += size;
    }
    return bytes;
  }

  deflated(plain: Uint8Array, windowBits: number): { plain: Uint8Array; given: DecoderCase } {
    const strategies = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
    const payload = deflateRawSync(plain, {
      windowBits,
      level: this.random.below(10),
      memLevel: 1 + this.random.below(9),
      strategy: this.random.once(2) ? constants.Z_DEFAULT_STRATEGY : this.random.pick(strategies),
    });
    return { plain, given: { kind: "deflate", imageSize: plain.length, payload } };
  }

  patched(base: Uint8Array, image: Uint8Array): DecoderCase {
    return { kind: "delta", imageSize: image.length, payload: deltaPatch(base, image), base };
  }

  /** A few bytes changed, put in, taken out and moved. */
  edited(base: Uint8Array): Uint8Array {
    let image = base.slice();
    for (let edits = this.random.below(8); edits > 0; edits--) {
      const at = this.random.below(image.length);
      const kind = this.random.below(3);
      if (kind === 0) image[at] = this.random.below(256);
      else if (kind === 1) image = Buffer.concat([image.subarray(0, at), this.anyBytes(300), image.subarray(at)]);
      else image = Buffer.concat([image.subarray(0, at), image.subarray(at + this.random.below(2000))]);
      if (image.length === 0) image = Uint8Array.of(7);
    }
    return image;
  }

  spoil(given: DecoderCase): DecoderCase {
    let payload = given.payload.slice();
    if (this.random.once(4)) payload = payload.subarray(0, this.random.below(payload.length));
    else if (this.random.once(6)) payload = Buffer.concat([payload, Uint8Array.of(this.random.below(256))]);
    else
      for (let i = 1 + this.random.below(3); i > 0; i--)
        payload[this.random.below(payload.length)]! ^= 1 << this.random.below(8);
    const imageSize = this.random.once(8) ? this.random.below(given.imageSize + 1) : given.imageSize;
    return { ...given, payload, imageSize };
  }
}
