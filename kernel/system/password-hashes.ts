import { type Argon2Parameters, argon2, scrypt, timingSafeEqual } from "node:crypto";
import type { Entropy } from "../entropy.ts";
import { defineFaults } from "../fault.ts";

export const passwordFaults = defineFaults({
  "secret.busy": {
    fault: "environment",
    message: "Too many passwords are being checked; {limit} wait already. Try again in a moment.",
  },
});

/** OWASP's minimum for argon2id: 19 MiB, two passes, one lane. About 30 ms here, which a person doesn't notice and a guesser does. */
const argon = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const scryptCost = { N: 2 ** 15, r: 8, p: 1 } as const;
const saltBytes = 16;
const hashBytes = 32;
/** Each takes 19 MiB and a thread while it runs. */
const maxAtOnce = 2;
const maxWaiting = 16;

/** Hashes of passwords that people chose: argon2id, or scrypt where the OpenSSL of the runtime has no argon2. */
export class PasswordHashes {
  readonly #entropy: Entropy;
  readonly #hasArgon: boolean;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** `hasArgon`: for tests of what happens without it. */
  constructor({ entropy, hasArgon = typeof argon2 === "function" }: { entropy: Entropy; hasArgon?: boolean }) {
    this.#entropy = entropy;
    this.#hasArgon = hasArgon;
  }

  /** What is stored of a password: algorithm, parameters, salt and hash in one text. Rejects with the Fault `secret.busy` when too many wait. */
  async hash(password: string): Promise<string> {
    const salt = this.#entropy.bytes(saltBytes);
    return await this.#inTurn(async () => {
      const kind = this.#hasArgon ? "argon2id" : "scrypt";
      return textOf(kind, salt, await derive(kind, password, salt));
    });
  }

  /** Whether it is the password of that text. Takes as long where there is none, and where it is none of ours; rejects as `hash`. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const parsed = stored === undefined ? undefined : parse(stored);
    const kind = parsed?.kind ?? (this.#hasArgon ? "argon2id" : "scrypt");
    const salt = parsed?.salt ?? new Uint8Array(saltBytes);
    const hash = await this.#inTurn(() => derive(kind, password, salt));
    return parsed !== undefined && timingSafeEqual(hash, parsed.hash);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= maxAtOnce) {
      if (this.#waiting.length >= maxWaiting) throw passwordFaults("secret.busy", { limit: maxWaiting });
      // Whoever ends hands its place on, so none is taken in between.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

type Kind = "argon2id" | "scrypt";

function derive(kind: Kind, password: string, salt: Uint8Array): Promise<Uint8Array> {
  // Two keyboards may write one password in two ways.
  const message = password.normalize("NFC");
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, hash: Buffer): void => (error === null ? resolve(hash) : reject(error));
    if (kind === "scrypt") {
      scrypt(message, salt, hashBytes, { ...scryptCost, maxmem: 64 * 2 ** 20 }, done);
      return;
    }
    const parameters: Argon2Parameters = { ...argon, message, nonce: salt, tagLength: hashBytes };
    argon2(kind, parameters, done);
  });
}

/** `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, as password hashes are written. */
function textOf(kind: Kind, salt: Uint8Array, hash: Uint8Array): string {
  return `${prefixOf(kind)}$${base64(salt)}$${base64(hash)}`;
}

function prefixOf(kind: Kind): string {
  return kind === "argon2id"
    ? `$argon2id$v=19$m=${argon.memory},t=${argon.passes},p=${argon.parallelism}`
    : `$scrypt$ln=${Math.log2(scryptCost.N)},r=${scryptCost.r},p=${scryptCost.p}`;
}

/** Undefined for what these parameters didn't make: nobody has such a password. */
function parse(stored: string): { kind: Kind; salt: Uint8Array; hash: Uint8Array } | undefined {
  for (const kind of ["argon2id", "scrypt"] as const) {
    const [salt, hash, ...rest] = stored.startsWith(`${prefixOf(kind)}$`)
      ? stored.slice(prefixOf(kind).length + 1).split("$")
      : [];
    if (salt === undefined || hash === undefined || rest.length > 0) continue;
    const bytes = { salt: Buffer.from(salt, "base64"), hash: Buffer.from(hash, "base64") };
    if (bytes.salt.length === saltBytes && bytes.hash.length === hashBytes) return { kind, ...bytes };
  }
  return undefined;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}
