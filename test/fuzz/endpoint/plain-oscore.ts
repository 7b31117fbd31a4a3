import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import type { PlainMessage } from "./plain-message.ts";

const tagLength = 8;
const nonceLength = 13;
/** COSE's number of AES-CCM-16-64-128. */
const algorithm = 10;
const nothing = new Uint8Array(0);
const encrypt0 = Uint8Array.of(0x83, 0x68, ...Buffer.from("Encrypt0"), 0x40);

/**
 * The client's half of a security context (RFC 8613 section 3), over node:crypto and written from the text; it shares nothing with the engine's, so that
 * the two have to agree.
 */
export class PlainOscore {
  readonly kid: Uint8Array;
  readonly #clientKey: Uint8Array;
  readonly #serverKey: Uint8Array;
  readonly #commonIv: Uint8Array;
  readonly #serverId: Uint8Array;

  constructor(masterSecret: Uint8Array, kid: Uint8Array, serverId: Uint8Array) {
    const derive = (id: Uint8Array, type: string, length: number): Uint8Array => {
      const info = Uint8Array.of(
        0x85,
        ...string(id),
        0xf6,
        algorithm,
        0x60 | type.length,
        ...Buffer.from(type),
        length,
      );
      return new Uint8Array(hkdfSync("sha256", masterSecret, nothing, info, length));
    };
    this.kid = kid;
    this.#serverId = serverId;
    this.#clientKey = derive(kid, "Key", 16);
    this.#serverKey = derive(serverId, "Key", 16);
    this.#commonIv = derive(nothing, "IV", nonceLength);
  }

  /** Value of the option, and ciphertext. */
  sealRequest(plaintext: Uint8Array, sequence: number): { option: Uint8Array; ciphertext: Uint8Array } {
    const iv = partialIvOf(sequence);
    const cipher = createCipheriv("aes-128-ccm", this.#clientKey, this.#nonce(this.kid, iv), {
      authTagLength: tagLength,
    });
    cipher.setAAD(this.#aad(iv), { plaintextLength: plaintext.length });
    const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
    return { option: Uint8Array.of(0x08 | iv.length, ...iv, ...this.kid), ciphertext };
  }

  /** Plaintext and number of a request that this client made; undefined for everything else. */
  openRequest(message: PlainMessage): { plaintext: Uint8Array; sequence: number } | undefined {
    const option = optionOf(message);
    if (option === undefined || option.kid === undefined || option.iv.length === 0) return undefined;
    if (Buffer.compare(option.kid, this.kid) !== 0 || option.hasKidContext) return undefined;
    const { iv } = option;
    // A number has one shortest form; another form of it is another nonce and doesn't verify.
    const plaintext = open(this.#clientKey, this.#nonce(this.kid, iv), this.#aad(iv), message.payload());
    return plaintext && { plaintext, sequence: iv.reduce((value, byte) => value * 256 + byte, 0) };
  }

  /** Plaintext of an answer to the request with that number. */
  openReply(message: PlainMessage, sequence: number): Uint8Array | undefined {
    const option = optionOf(message);
    if (option === undefined) return undefined;
    const requestIv = partialIvOf(sequence);
    const nonce = option.iv.length > 0 ? this.#nonce(this.#serverId, option.iv) : this.#nonce(this.kid, requestIv);
    return open(this.#serverKey, nonce, this.#aad(requestIv), message.payload());
  }

  /** Section 5.2. */
  #nonce(id: Uint8Array, iv: Uint8Array): Uint8Array {
    const nonce = this.#commonIv.slice();
    nonce[0]! ^= id.length;
    const idAt = nonceLength - 5 - id.length;
    for (let i = 0; i < id.length; i++) nonce[idAt + i]! ^= id[i]!;
    for (let i = 0; i < iv.length; i++) nonce[nonceLength - iv.length + i]! ^= iv[i]!;
    return nonce;
  }

  /** Section 5.4: all of these arrays and strings are shorter than 24. */
  #aad(iv: Uint8Array): Uint8Array {
    const external = [0x85, 1, 0x81, algorithm, ...string(this.kid), ...string(iv), 0x40];
    return Uint8Array.of(...encrypt0, 0x40 | external.length, ...external);
  }
}

const string = (bytes: Uint8Array): number[] => [0x40 | bytes.length, ...bytes];

function partialIvOf(sequence: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = sequence; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.from(bytes.length === 0 ? [0] : bytes);
}

interface PlainOption {
  readonly iv: Uint8Array;
  readonly kid: Uint8Array | undefined;
  readonly hasKidContext: boolean;
}

/** Section 6.1; undefined when there is none or it breaks the form. */
function optionOf(message: PlainMessage): PlainOption | undefined {
  const at = message.find(9);
  if (at < 0) return undefined;
  const value = message.bytes.subarray(message.starts[at], message.ends[at]);
  if (value.length === 0) return { iv: nothing, kid: undefined, hasKidContext: false };
  const flags = value[0]!;
  const ivEnd = 1 + (flags & 7);
  if (flags >= 0x20 || (flags & 7) > 5 || ivEnd > value.length) return undefined;
  const hasKidContext = (flags & 0x10) !== 0;
  const kid = (flags & 8) !== 0 && !hasKidContext ? value.subarray(ivEnd) : undefined;
  if ((flags & 0x18) === 0 && value.length > ivEnd) return undefined;
  return { iv: value.subarray(1, ivEnd), kid, hasKidContext };
}

function open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  const length = sealed.length - tagLength;
  if (length < 1) return undefined;
  const decipher = createDecipheriv("aes-128-ccm", key, nonce, { authTagLength: tagLength });
  decipher.setAuthTag(sealed.subarray(length));
  decipher.setAAD(aad, { plaintextLength: length });
  try {
    const plaintext = decipher.update(sealed.subarray(0, length));
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}
