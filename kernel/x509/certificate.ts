import { createHash, type KeyObject, sign } from "node:crypto";
import { isIP } from "node:net";
import { der } from "./der.ts";
import { pem } from "./pem.ts";

export interface CertificatePlan {
  readonly role: "ca" | "server" | "client";
  /** Common name; nobody is known by it. */
  readonly subject: string;
  readonly publicKey: KeyObject;
  /** Big-endian, positive, at most 20 bytes. */
  readonly serial: Uint8Array;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** URIs, DNS names and IP addresses of the subjectAltName. */
  readonly uris?: readonly string[];
  readonly hosts?: readonly string[];
  /** Of a CA: the only names and addresses that it may certify, subdomains and subnets included; absent: any. */
  readonly permitted?: PermittedNames;
  readonly issuer: { readonly subject: string; readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

export interface PermittedNames {
  readonly dns: readonly string[];
  /** `192.168.0.0/16` */
  readonly subnets: readonly string[];
}

export const ecdsaWithSha256 = "1.2.840.10045.4.3.2";

const oids = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  nameConstraints: "2.5.29.30",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Bits from the left (RFC 5280 section 4.2.1.3). */
const keyUsages = {
  /** keyCertSign, cRLSign */
  ca: der.bits(Uint8Array.of(0x06), 1),
  /** digitalSignature */
  leaf: der.bits(Uint8Array.of(0x80), 7),
};

/** A certificate of X.509 version 3 (RFC 5280), signed by ECDSA with SHA-256: PEM. Keys are of P-256. */
export function certificate(plan: CertificatePlan): string {
  const { subject, issuer, serial, publicKey, validFromMs, validUntilMs } = plan;
  const algorithm = der.sequence(der.oid(ecdsaWithSha256));
  const content = der.sequence(
    der.context(0, true, der.integer(Uint8Array.of(2))),
    der.integer(serial),
    algorithm,
    nameOf(issuer.subject),
    der.sequence(der.time(validFromMs), der.time(validUntilMs)),
    nameOf(subject),
    spkiOf(publicKey),
    der.context(3, true, der.sequence(...extensions(plan))),
  );
  const signature = sign("sha256", content, { key: issuer.privateKey, dsaEncoding: "der" });
  return pem("CERTIFICATE", der.sequence(content, algorithm, der.bits(signature)));
}

function extensions({ role, publicKey, issuer, permitted, uris = [], hosts = [] }: CertificatePlan): Uint8Array[] {
  const isCa = role === "ca";
  const purpose = role === "server" ? oids.serverAuth : oids.clientAuth;
  const names = [
    ...uris.map((uri) => der.context(6, false, ascii(uri))),
    ...hosts.map((host) => (isIP(host) === 0 ? der.context(2, false, ascii(host)) : der.context(7, false, ip(host)))),
  ];
  const constraints = isCa ? der.sequence(der.boolean(true), der.integer(Uint8Array.of(0))) : der.sequence();
  return [
    extension(oids.basicConstraints, constraints, true),
    extension(oids.keyUsage, isCa ? keyUsages.ca : keyUsages.leaf, true),
    ...(permitted === undefined ? [] : [extension(oids.nameConstraints, constraintsOf(permitted), true)]),
    ...(isCa ? [] : [extension(oids.extendedKeyUsage, der.sequence(der.oid(purpose)))]),
    extension(oids.subjectKeyIdentifier, der.octets(keyIdOf(publicKey))),
    authorityKeyId(issuer.publicKey),
    ...(names.length === 0 ? [] : [extension(oids.subjectAltName, der.sequence(...names))]),
  ];
}

/** RFC 5280 section 4.2.1.10: a subnet is its address and its mask. */
function constraintsOf({ dns, subnets }: PermittedNames): Uint8Array {
  const masked = (subnet: string): Uint8Array => {
    const [address = "", bits = ""] = subnet.split("/");
    const bytes = ip(address);
    const mask = bytes.map((_, i) => 0xff00 >> Math.min(8, Math.max(0, Number(bits) - 8 * i)));
    return Uint8Array.of(...bytes, ...mask);
  };
  const bases = [
    ...dns.map((name) => der.context(2, false, ascii(name))),
    ...subnets.map((subnet) => der.context(7, false, masked(subnet))),
  ];
  return der.sequence(der.context(0, true, ...bases.map((base) => der.sequence(base))));
}

/** Whose key signed it. */
export function authorityKeyId(publicKey: KeyObject): Uint8Array {
  return extension(oids.authorityKeyIdentifier, der.sequence(der.context(0, false, keyIdOf(publicKey))));
}

export function extension(oid: string, value: Uint8Array, isCritical = false): Uint8Array {
  return der.sequence(der.oid(oid), ...(isCritical ? [der.boolean(true)] : []), der.octets(value));
}

export function nameOf(commonName: string): Uint8Array {
  return der.sequence(der.set(der.sequence(der.oid(oids.commonName), der.text(commonName))));
}

function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: "spki", format: "der" });
}

/** SHA-1 of the public key, as a name for it (RFC 5280 section 4.2.1.2). The point of P-256 is the last 65 bytes. */
function keyIdOf(key: KeyObject): Uint8Array {
  return createHash("sha1").update(spkiOf(key).subarray(-65)).digest();
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** 4 or 16 bytes. */
function ip(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number);
  const [head = "", tail] = new URL(`http://[${address.split("%", 1)[0]}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((each) => Number.parseInt(each, 16));
  const [front, back] = [groups(head), groups(tail ?? "")];
  const all = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
