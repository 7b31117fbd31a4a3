import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { defineFaults } from "../../../kernel/fault.ts";
import { certificate, type PermittedNames } from "../../../kernel/x509/certificate.ts";

export const siteAuthorityFaults = defineFaults({
  "gateway.authority-unreadable": {
    fault: "environment",
    message:
      "The household's CA in the gateway's data folder can't be read ({reason}). Put site-ca.json back from a backup; without it the phones need another CA.",
  },
});

export interface SiteAuthorityOptions {
  readonly records: { load(name: string): Promise<unknown>; store(name: string, value: unknown): Promise<void> };
  /** What people call the household: it stands in the CA's name. */
  readonly title: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** PEM; the subject's common name beside it, since a certificate's text of it is escaped. */
interface StoredAuthority {
  readonly ca: string;
  readonly key: string;
  readonly subject: string;
}

const record = "site-ca";
const dayMs = 86_400_000;
/** Phones whose clock is a little behind shall take it at once. */
const backMs = 3_600_000;
/** Apple's systems take no server certificate that is good for longer. */
const days = { ca: 7300, server: 825 } as const;

/**
 * What a home can be called, and no more: phones that trust the household's CA shall not have to trust it for anything else, should somebody take the gateway
 * home with him.
 */
export const homeNames: PermittedNames = {
  dns: ["localhost", "local", "home.arpa", "lan", "internal", "home", "fritz.box"],
  subnets: [
    ...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8"],
    ...["fc00::/7", "fe80::/10", "::1/128"],
  ],
};

/** A household's own CA: made at the gateway's first start, its key there alone. It signs the gateway's certificate and nothing else. */
export class SiteAuthority {
  /** PEM, for phones. */
  readonly ca: string;
  /** `sha256:` and 64 hexadecimal digits, of the CA's certificate. */
  readonly fingerprint: string;
  readonly #key: KeyObject;
  readonly #subject: string;
  readonly #options: SiteAuthorityOptions;

  private constructor(options: SiteAuthorityOptions, { ca, key, subject }: StoredAuthority) {
    this.#options = options;
    this.ca = ca;
    this.#key = createPrivateKey(key);
    const { fingerprint256, publicKey } = new X509Certificate(ca);
    if (!publicKey.equals(createPublicKey(this.#key))) throw new Error("its key is of another certificate");
    this.#subject = subject;
    this.fingerprint = `sha256:${fingerprint256.replaceAll(":", "").toLowerCase()}`;
  }

  /** Durable when it resolves. Rejects with a Fault when there is one that can't be read: another would lock all phones out. */
  static async open(options: SiteAuthorityOptions): Promise<SiteAuthority> {
    const { records } = options;
    let stored: unknown;
    try {
      stored = await records.load(record);
    } catch (error) {
      throw siteAuthorityFaults("gateway.authority-unreadable", { reason: String(error) }, error);
    }
    if (stored === undefined) {
      stored = made(options);
      await records.store(record, stored);
    }
    try {
      return new SiteAuthority(options, stored as StoredAuthority);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw siteAuthorityFaults("gateway.authority-unreadable", { reason }, error);
    }
  }

  /** For the gateway's listeners at these names and addresses; the key is made anew each time and stays in memory. */
  serverCertificate(hosts: readonly string[]): {
    readonly cert: string;
    readonly key: string;
    readonly validUntilMs: number;
  } {
    const { clock, entropy } = this.#options;
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const nowMs = clock.wallMs();
    const validUntilMs = nowMs + days.server * dayMs;
    const leaf = certificate({
      // No name of a host: some check that against the CA's bounds as well.
      ...{ role: "server", subject: "Household gateway", publicKey, hosts },
      serial: Uint8Array.of(1, ...entropy.bytes(12)),
      ...{ validFromMs: nowMs - backMs, validUntilMs },
      issuer: { subject: this.#subject, publicKey: createPublicKey(this.#key), privateKey: this.#key },
    });
    return { cert: leaf + this.ca, key: String(privateKey.export({ type: "pkcs8", format: "pem" })), validUntilMs };
  }
}

function made({ clock, entropy, title }: SiteAuthorityOptions): StoredAuthority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const random = entropy.bytes(12);
  const subject = `${title.slice(0, 40)} household CA ${Buffer.from(random.subarray(0, 4)).toString("hex")}`;
  const nowMs = clock.wallMs();
  const ca = certificate({
    ...{ role: "ca", subject, publicKey, serial: Uint8Array.of(1, ...random), permitted: homeNames },
    ...{ validFromMs: nowMs - backMs, validUntilMs: nowMs + days.ca * dayMs },
    issuer: { subject, publicKey, privateKey },
  });
  return { ca, subject, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
}
