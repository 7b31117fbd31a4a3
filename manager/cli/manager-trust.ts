import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, getCACertificates, type PeerCertificate, setDefaultCACertificates } from "node:tls";
import { CommandFailure, exitCodes } from "./command-failure.ts";

/** By what the manager's certificate is told from a stranger's. */
export interface TrustOptions {
  /** `--ca` or COXSWAIN_CA: a PEM file with the CA; nobody else's certificate is taken then. */
  readonly ca: string | undefined;
  /** `--fingerprint` or COXSWAIN_FINGERPRINT: SHA-256 of the CA's certificate, as `coxswain ca show` prints it. */
  readonly fingerprint: string | undefined;
  /** Where a manager of this machine keeps its CA. */
  readonly dataDir: string;
}

const handshakeMs = 10_000;

/** Makes this process trust the manager at `url` when it shows the right certificate. Throws a CommandFailure. */
export async function trustManager(url: URL, { ca, fingerprint, dataDir }: TrustOptions): Promise<void> {
  if (url.protocol !== "https:") return;
  if (fingerprint !== undefined) {
    setDefaultCACertificates([await pinned(url, fingerprint)]);
    return;
  }
  if (ca !== undefined) {
    setDefaultCACertificates([read(ca)]);
    return;
  }
  const own = join(dataDir, "ca.pem");
  try {
    setDefaultCACertificates([...getCACertificates("default"), readFileSync(own, "utf8")]);
  } catch {
    // There is none, or it isn't ours to read: a certificate of a public CA may do.
  }
}

function read(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure(
      "no-ca",
      `The CA ${file} can't be read (${code}).`,
      "Name the ca.pem of the manager's data folder.",
    );
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new CommandFailure("no-ca", `${file} holds no certificate.`, "Name the ca.pem of the manager's data folder.");
}

/** The certificate of the chain that has the fingerprint: everything else is then checked against it. */
async function pinned(url: URL, fingerprint: string): Promise<string> {
  const wanted = fingerprint
    .replace(/^sha256:/i, "")
    .replace(/:/g, "")
    .toUpperCase();
  if (!/^[0-9A-F]{64}$/.test(wanted)) {
    const message = `${fingerprint} is no fingerprint: it has 64 hexadecimal digits, with or without colons.`;
    throw new CommandFailure(
      "bad-fingerprint",
      message,
      "`coxswain ca show` on the manager's machine prints it.",
      exitCodes.usage,
    );
  }
  const shown = await chainOf(url);
  const found = shown.find(({ fingerprint256 }) => fingerprint256.replace(/:/g, "") === wanted);
  if (found === undefined) {
    const message = `The manager at ${url.origin} shows other certificates than the one with this fingerprint.`;
    throw new CommandFailure(
      "untrusted",
      message,
      "Don't go on before you know why. `coxswain ca show` on the manager's machine prints the right one.",
    );
  }
  if (found.ca !== true) {
    const message = "This is the fingerprint of the manager's own certificate, which changes.";
    throw new CommandFailure(
      "bad-fingerprint",
      message,
      "Give the one of its CA: `coxswain ca show` on the manager's machine prints it.",
    );
  }
  return pem(found.raw);
}

/** The certificates that a server shows, unchecked. */
async function chainOf({ hostname, port, origin }: URL): Promise<readonly PeerCertificate[]> {
  const host = hostname.replace(/^\[|\]$/g, "");
  return await new Promise((resolve, reject) => {
    const failed = (reason: string): void => {
      const message = `No manager answers at ${origin} (${reason}).`;
      reject(new CommandFailure("unreachable", message, "Check --url.", exitCodes.unreachable));
    };
    const socket = connect({ host, port: Number(port || 443), rejectUnauthorized: false, timeout: handshakeMs }, () => {
      const chain: PeerCertificate[] = [];
      for (let at = socket.getPeerCertificate(true); ; at = at.issuerCertificate) {
        chain.push(at);
        if (at.issuerCertificate === undefined || at.issuerCertificate === at || chain.length > 10) break;
      }
      socket.destroy();
      resolve(chain);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => failed(error.code ?? error.message));
    socket.once("timeout", () => {
      failed("no answer");
      socket.destroy();
    });
  });
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

const unknownCa = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
]);

/** What is wrong with a certificate, in words with a next step; undefined: the error is about something else. */
export function untrusted(url: string, code: string): CommandFailure | undefined {
  const failure = (message: string, next: string): CommandFailure => new CommandFailure("untrusted", message, next);
  if (unknownCa.has(code)) {
    return failure(
      `The manager at ${url} shows a certificate of a CA that isn't known here.`,
      "Copy ca.pem from its data folder and name it with --ca FILE (COXSWAIN_CA), or give the CA's fingerprint with --fingerprint: `coxswain ca show` on its machine prints it.",
    );
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return failure(
      `The certificate of the manager at ${url} is for other names.`,
      "Use a name that is in it, or set publicHost of the manager to this one.",
    );
  }
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
    return failure(
      `The certificate of the manager at ${url} is ${code === "CERT_HAS_EXPIRED" ? "too old" : "not valid yet"}.`,
      "Check the clocks of both machines; a given certificate (tls.certificate) is replaced in its file.",
    );
  }
  if (code.startsWith("ERR_SSL_")) {
    return failure(
      `What listens at ${url} speaks no TLS of today (${code}).`,
      "Check --url: the open port is asked by http.",
    );
  }
  return undefined;
}
