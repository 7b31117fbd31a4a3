import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../../kernel/clock.ts";
import { defineFaults } from "../../../kernel/fault.ts";
import type { Log } from "../../../kernel/log.ts";
import { fileStamp } from "./file-stamp.ts";
import { RegularLook } from "./regular-look.ts";

export const tlsFaults = defineFaults({
  "tls.bad-certificate": {
    fault: "caller",
    message:
      "The certificate {certificate} with the key {key} can't be used for TLS ({reason}). Name PEM files that belong together with tls.certificate and tls.key.",
  },
  "coaps.bad-certificate": {
    fault: "caller",
    message:
      "The certificate {certificate} with the key {key} can't be used for DTLS ({reason}). Name PEM files that belong together with coaps.certificate and coaps.key.",
  },
});

/** What listeners show: PEM. */
export interface ServerMaterial {
  /** The certificate and its chain. */
  readonly cert: string;
  readonly key: string;
}

export interface ServerCertificatesOptions {
  /** Whose they are; it is the name of their settings too. */
  readonly door: "tls" | "coaps";
  /** Files of an operator, or what the manager's own CA makes. */
  readonly source:
    | { readonly kind: "given"; readonly certificate: string; readonly key: string }
    | { readonly kind: "made"; make(): ServerMaterial };
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The certificate of HTTPS, MQTT over TLS and WebSocket, or that of CoAP over DTLS, while it changes: files that were replaced are used without a restart, one that was made is made
 * anew in time. What can't be used is said in the log, and the old one goes on.
 */
export class ServerCertificates {
  readonly #options: ServerCertificatesOptions;
  readonly #listeners = new Set<(material: ServerMaterial) => void>();
  #material: ServerMaterial;
  #seen = "";
  readonly #looks: RegularLook;

  /** Throws `tls.bad-certificate`, `coaps.bad-certificate`. */
  constructor(options: ServerCertificatesOptions) {
    this.#options = options;
    this.#looks = new RegularLook(options.clock, () => this.look());
    this.#seen = this.#stamp();
    this.#material = this.#load();
  }

  get current(): ServerMaterial {
    return this.#material;
  }

  /** A listener that throws can't use it: then the old one stays. */
  onChange(listener: (material: ServerMaterial) => void): void {
    this.#listeners.add(listener);
  }

  start(): void {
    this.#looks.start();
  }

  stop(): void {
    this.#looks.stop();
  }

  /** Looks whether there is another one by now. */
  look(): void {
    const { source, clock } = this.#options;
    if (source.kind === "made") {
      const { validFromDate, validToDate } = new X509Certificate(this.#material.cert);
      const leftMs = validToDate.getTime() - clock.wallMs();
      // A third of its time is left.
      if (leftMs * 3 < validToDate.getTime() - validFromDate.getTime()) this.reload();
      return;
    }
    const stamp = this.#stamp();
    if (stamp === this.#seen) return;
    // Two files are replaced one after the other: what doesn't belong together yet is looked at again.
    if (this.reload()) this.#seen = stamp;
  }

  /** Reads or makes it now. False: it can't be used, and the old one stays. */
  reload(): boolean {
    const { door, log } = this.#options;
    try {
      const material = this.#load();
      for (const listener of this.#listeners) listener(material);
      this.#material = material;
    } catch (error) {
      log.error(`${door}-certificate-unusable`, { error });
      return false;
    }
    const { fingerprint256, validTo } = new X509Certificate(this.#material.cert);
    log.info(`${door}-certificate-loaded`, { fingerprint256, validTo });
    return true;
  }

  #load(): ServerMaterial {
    const { door, source } = this.#options;
    if (source.kind === "made") return source.make();
    const { certificate, key } = source;
    try {
      const material = { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
      if (!new X509Certificate(material.cert).checkPrivateKey(createPrivateKey(material.key))) {
        throw new Error("the key is another certificate's");
      }
      createSecureContext(material);
      return material;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw tlsFaults(`${door}.bad-certificate`, { certificate, key, reason }, error);
    }
  }

  #stamp(): string {
    const { source } = this.#options;
    if (source.kind === "made") return "";
    return fileStamp(source.certificate, source.key);
  }
}
