import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { defineFaults } from "../../../kernel/fault.ts";
import { type CertificatePlan, certificate } from "../../../kernel/x509/certificate.ts";
import { pem } from "../../../kernel/x509/pem.ts";
import { kidToBytes } from "../../domain/node-credential.ts";
import type {
  AuthorityDescription,
  CertificateAuthority,
  IssuedCertificate,
  NodeCertificate,
  Revocations,
} from "../../ports/certificate-authority.ts";
import type { SecretBox } from "../../ports/secret-box.ts";
import { certificateRequest } from "./certificate-request.ts";
import { revocationList } from "./revocation-list.ts";

export const authorityFaults = defineFaults({
  "authority.unreadable": {
    fault: "environment",
    message:
      "The CA for nodes in {file} can't be read ({reason}). Put the file and the key file of this data folder back in their place; without them nodes with certificates need new ones.",
  },
});

export interface OwnAuthorityOptions {
  /** Its certificate, and its key sealed. */
  readonly file: string;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Writes the file if there is none; false: somebody else did. */
  writeNew(file: string, text: string): boolean;
}

const dayMs = 86_400_000;
/** Nodes whose clock is a little behind shall take it at once. */
const backMs = 3_600_000;
const days = { ca: 7300, node: 1826, server: 825, operator: 365 } as const;
const sealedAs = "node-ca";

/** The manager's own CA for nodes: made at the first start, its key sealed like the keys of nodes. It signs what it is asked for and keeps no list. */
export class OwnAuthority implements CertificateAuthority {
  /** PEM of the CA's certificate. */
  readonly ca: string;
  readonly #key: KeyObject;
  readonly #subject: string;
  readonly #options: OwnAuthorityOptions;

  /** Throws `authority.unreadable`. */
  constructor(options: OwnAuthorityOptions) {
    this.#options = options;
    const { file, box } = options;
    let text = read(file);
    if (text === undefined) {
      const made = this.#made();
      text = options.writeNew(file, made) ? made : (read(file) ?? made);
    }
    try {
      const { ca, key } = JSON.parse(text) as { ca: string; key: string };
      const plain = box.open(Buffer.from(key, "base64"), sealedAs);
      this.ca = ca;
      this.#key = createPrivateKey({ key: Buffer.from(plain), format: "der", type: "pkcs8" });
      this.#subject = new X509Certificate(ca).subject.replace(/^CN=/, "");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw authorityFaults("authority.unreadable", { file, reason }, error);
    }
  }

  certify(node: string, kid: number, request?: string): NodeCertificate {
    const serial = Uint8Array.of(...kidToBytes(kid), ...this.#options.entropy.bytes(8));
    const uris = [`urn:coxswain:node:${node}`];
    return this.#issue({ role: "client", subject: node, serial, uris, days: days.node }, request);
  }

  certifyOperator(name: string, kid: string): IssuedCertificate {
    const serial = Uint8Array.of(...Buffer.from(kid, "hex"), ...this.#options.entropy.bytes(8));
    const uris = [`urn:coxswain:operator:${name}`];
    return this.#issue({ role: "client", subject: name, serial, uris, days: days.operator }, undefined);
  }

  serve(hosts: readonly string[], request?: string): IssuedCertificate {
    const serial = Uint8Array.of(1, ...this.#options.entropy.bytes(12));
    return this.#issue({ role: "server", subject: hosts[0] ?? "server", serial, hosts, days: days.server }, request);
  }

  revocations({ number, revoked, nextAtMs }: Revocations): { readonly der: Uint8Array; readonly pem: string } {
    const der = revocationList({
      ...{ number, nextAtMs, madeAtMs: this.#options.clock.wallMs() },
      revoked: revoked.map(({ serial, atMs }) => ({ serial: Uint8Array.from(Buffer.from(serial, "hex")), atMs })),
      issuer: this.#issuer(),
    });
    return { der, pem: pem("X509 CRL", der) };
  }

  describe(): AuthorityDescription {
    const { subject, fingerprint256, validToDate } = new X509Certificate(this.ca);
    return { certificate: this.ca, subject, fingerprint: fingerprint256, validUntilMs: validToDate.getTime() };
  }

  /** What the manager shows nodes that ask for one of these hosts; each start makes another. */
  serverCertificate(hosts: readonly string[]): { readonly cert: string; readonly key: string } {
    const { certificate: cert, key = "" } = this.serve(hosts);
    return { cert, key };
  }

  #issuer(): CertificatePlan["issuer"] {
    return { subject: this.#subject, publicKey: createPublicKey(this.#key), privateKey: this.#key };
  }

  /** Without a request the key is made here, and told once. */
  #issue(
    {
      days: validDays,
      ...plan
    }: Omit<CertificatePlan, "publicKey" | "issuer" | "validFromMs" | "validUntilMs"> & {
      readonly days: number;
    },
    request: string | undefined,
  ): NodeCertificate {
    const made = request === undefined ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : undefined;
    const publicKey = made?.publicKey ?? certificateRequest(request ?? "");
    const nowMs = this.#options.clock.wallMs();
    const validUntilMs = nowMs + validDays * dayMs;
    const issuer = this.#issuer();
    const signed = certificate({ ...plan, publicKey, validFromMs: nowMs - backMs, validUntilMs, issuer });
    const { serialNumber, fingerprint256 } = new X509Certificate(signed);
    return {
      certificate: signed,
      ...(made && { key: String(made.privateKey.export({ type: "pkcs8", format: "pem" })) }),
      ca: this.ca,
      ...{ serial: serialNumber.toLowerCase(), fingerprint: fingerprint256, validUntilMs },
    };
  }

  #made(): string {
    const { box, clock, entropy } = this.#options;
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const random = entropy.bytes(12);
    const subject = `Coxswain CA ${Buffer.from(random.subarray(0, 4)).toString("hex")}`;
    const nowMs = clock.wallMs();
    const ca = certificate({
      ...{ role: "ca", subject, publicKey, serial: Uint8Array.of(1, ...random) },
      ...{ validFromMs: nowMs - backMs, validUntilMs: nowMs + days.ca * dayMs },
      issuer: { subject, publicKey, privateKey },
    });
    const plain = privateKey.export({ type: "pkcs8", format: "der" });
    return `${JSON.stringify({ ca, key: Buffer.from(box.seal(plain, sealedAs)).toString("base64") }, null, 2)}\n`;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (code === "ENOENT") return undefined;
    throw authorityFaults("authority.unreadable", { file, reason: code }, error);
  }
}
