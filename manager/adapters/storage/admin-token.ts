import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Entropy } from "../../../kernel/entropy.ts";
import { Fault } from "../../../kernel/fault.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { OperatorName, OperatorTokens } from "../../ports/operator-tokens.ts";
import { writeOwnFile } from "./own-file.ts";
import { secretFaults } from "./secret-faults.ts";

const prefix = "cxa_";
const randomBytes = 32;
const shape = /^cxa_[0-9a-f]{64}$/;
const admin: OperatorName = { id: "admin" };

/**
 * The admin's token. The manager knows its SHA-256 (`admin-token.sha256`); the token itself stands in `admin-token` for the command line on this
 * machine, and may be taken away from there. A token that is in the file at the start is the one that counts, so a new one is made by
 * writing another into it.
 *
 * A plain hash is enough: the token has 256 random bits, so there is nothing to guess that a slow hash would slow down.
 */
export class AdminToken implements OperatorTokens {
  /** The file with the token; it may be gone. */
  readonly file: string;
  /** Made by this start. */
  readonly isNew: boolean;
  readonly #digest: Buffer;

  /** Throws the Fault `secret.admin-token` when a file can't be read, written, or holds something else. */
  constructor({ folder, entropy }: { readonly folder: string; readonly entropy: Entropy }) {
    this.file = join(folder, "admin-token");
    const digestFile = `${this.file}.sha256`;
    try {
      const told = read(this.file);
      const known = read(digestFile);
      if (told !== undefined && !shape.test(told)) throw unusable(this.file, "it holds no admin token");
      if (told === undefined && known !== undefined) {
        if (!/^[0-9a-f]{64}$/.test(known)) throw unusable(digestFile, "it holds no SHA-256");
        this.isNew = false;
        this.#digest = Buffer.from(known, "hex");
        return;
      }
      this.isNew = told === undefined;
      const token = told ?? newToken(entropy);
      this.#digest = digestOf(token);
      // The token first: a digest alone, after a crash, would be of a token that nobody was told.
      if (told === undefined) writeOwnFile(this.file, `${token}\n`);
      const digest = this.#digest.toString("hex");
      if (known !== digest) writeOwnFile(digestFile, `${digest}\n`);
    } catch (error) {
      if (error instanceof Fault) throw error;
      const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw unusable(this.file, reason, error);
    }
  }

  holder(token: string): OperatorName | undefined {
    return timingSafeEqual(digestOf(token), this.#digest) ? admin : undefined;
  }
}

/** A token that no manager knows yet. */
export function newToken(entropy: Entropy): string {
  return `${prefix}${toHex(entropy.bytes(randomBytes))}`;
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}

function read(file: string): string | undefined {
  try {
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0)
      throw unusable(file, `others may read it (mode ${mode.toString(8)}); close it: chmod 600`);
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function unusable(file: string, reason: string, cause?: unknown): Fault {
  return secretFaults("secret.admin-token", { file, reason }, cause);
}
