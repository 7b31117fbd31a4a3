import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAddon } from "../../coap/native/addon.ts";
import type { PeerIdentity } from "../../coap/route.ts";
import type { DtlsCredential, DtlsOptions } from "../../coap/security/dtls-options.ts";

/** Builds the addon when it isn't; false, with a word, where there is no compiler. */
export function hasDtls(): boolean {
  try {
    execFileSync(process.execPath, ["coap/native/build.mjs"], { stdio: "ignore" });
  } catch {
    console.warn("The tests of DTLS are left out: there is no C compiler for the native addon.");
  }
  return loadAddon().isThere;
}

export const goodKey = new TextEncoder().encode("secretPSK");

export const keys: Readonly<Record<string, Uint8Array>> = { n1: goodKey, n2: new TextEncoder().encode("another") };

/** Node ids as the manager names them: the PSK identity, or the URI in a certificate. */
export function identityOf(credential: DtlsCredential): PeerIdentity | undefined {
  if (credential.scheme === "psk") return { kind: "node", id: credential.identity, scheme: "psk" };
  const id = credential.uris.map((uri) => /^urn:coxswain:node:([a-z0-9-]+)$/.exec(uri)?.[1]).find(Boolean);
  return id === undefined ? undefined : { kind: "node", id, scheme: "x509" };
}

export const pskServer: NonNullable<DtlsOptions["server"]> = {
  pskOf: (identity) => (Object.hasOwn(keys, identity) ? keys[identity] : undefined),
  identityOf,
};

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A CA for tests, in a folder of its own, made with the openssl program. */
export class TestCa {
  readonly #folder = mkdtempSync(join(tmpdir(), "coxswain-ca-"));
  readonly ca: string;
  readonly caFile: string;
  #serial = 1;

  constructor() {
    writeFileSync(join(this.#folder, "index.txt"), "");
    writeFileSync(join(this.#folder, "crlnumber"), "01\n");
    writeFileSync(
      join(this.#folder, "ca.cnf"),
      `[ca]\ndefault_ca=x\n[x]\ndatabase=${this.#folder}/index.txt\ncrlnumber=${this.#folder}/crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n`,
    );
    this.#openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ca.key"]);
    const subject = ["-subj", "/CN=test CA", "-days", "30", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
    this.#openssl(["req", "-x509", "-new", "-key", "ca.key", "-sha256", "-out", "ca.pem", ...subject]);
    this.caFile = join(this.#folder, "ca.pem");
    this.ca = readFileSync(this.caFile, "utf8");
  }

  /** `names` in openssl's form: `URI:urn:coxswain:node:n1`, empty for none but the common name. Dates as YYYYMMDDHHMMSSZ. */
  issue(
    names: string,
    dates: { readonly from?: string; readonly to?: string; readonly commonName?: string } = {},
  ): Certificate {
    const name = `c${this.#serial++}`;
    const { from, to, commonName = name } = dates;
    writeFileSync(join(this.#folder, `${name}.ext`), names === "" ? "" : `subjectAltName=${names}\n`);
    this.#openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.raw`]);
    this.#openssl(["pkcs8", "-topk8", "-nocrypt", "-in", `${name}.raw`, "-out", `${name}.key`]);
    this.#openssl(["req", "-new", "-key", `${name}.key`, "-subj", `/CN=${commonName}`, "-out", `${name}.csr`]);
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", `${this.#serial + 100}`, "-sha256"];
    if (from === undefined && to === undefined) {
      const made = ["-days", "10", "-extfile", `${name}.ext`, "-out", `${name}.pem`];
      this.#openssl(["x509", "-req", "-in", `${name}.csr`, ...signed, ...made]);
    } else {
      const policy = "[p]\ncommonName=supplied\n";
      const config = `${readFileSync(join(this.#folder, "ca.cnf"), "utf8")}policy=p\nnew_certs_dir=${this.#folder}\nrand_serial=yes\n${policy}`;
      writeFileSync(join(this.#folder, "dated.cnf"), config);
      const range = ["-startdate", from ?? "20200101000000Z", "-enddate", to ?? "20400101000000Z"];
      const files = ["-in", `${name}.csr`, "-cert", "ca.pem", "-keyfile", "ca.key", "-extfile", `${name}.ext`];
      this.#openssl(["ca", "-batch", "-notext", "-config", "dated.cnf", ...files, ...range, "-out", `${name}.pem`]);
    }
    const certFile = join(this.#folder, `${name}.pem`);
    const keyFile = join(this.#folder, `${name}.key`);
    return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8"), certFile, keyFile };
  }

  /** A revocation list with what was revoked so far and `certificate`. */
  revoke(certificate?: Certificate): string {
    const by = ["-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"];
    if (certificate !== undefined) this.#openssl(["ca", ...by, "-revoke", certificate.certFile]);
    this.#openssl(["ca", ...by, "-gencrl", "-out", "crl.pem"]);
    return readFileSync(join(this.#folder, "crl.pem"), "utf8");
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openssl(words: readonly string[]): void {
    execFileSync("openssl", words, { cwd: this.#folder, stdio: ["ignore", "ignore", "pipe"] });
  }
}
