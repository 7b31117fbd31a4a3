import { readFileSync } from "node:fs";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { fileStamp } from "./file-stamp.ts";
import { RegularLook } from "./regular-look.ts";
import { revokedSerials } from "./revoked-serials.ts";

export interface GivenRevocationsOptions {
  /** PEM file with the lists of the CA that was given for nodes. */
  readonly file: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Uses other lists. Throws when they can't be used; then they are looked at again when the file changes. */
  changed(pem: string, revoked: ReadonlySet<string>): void;
}

/** Looks whether the file with revocation lists was replaced: whom the new ones name is gone at once, without a restart. */
export class GivenRevocations {
  readonly #options: GivenRevocationsOptions;
  #seen: string;
  readonly #looks: RegularLook;

  constructor(options: GivenRevocationsOptions) {
    this.#options = options;
    this.#looks = new RegularLook(options.clock, () => this.look());
    this.#seen = fileStamp(this.#options.file);
  }

  start(): void {
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  look(): void {
    const stamp = fileStamp(this.#options.file);
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    const { file, log, changed } = this.#options;
    try {
      const pem = readFileSync(file, "utf8");
      const revoked = revokedSerials(pem);
      changed(pem, revoked);
      log.info("revocations-loaded", { file, count: revoked.size });
    } catch (error) {
      // The old lists go on; they end by themselves when they are too old.
      log.error("revocations-unusable", { file, error });
    }
  }
}
