import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { CertificatePage, CertificateView } from "../app/api/certificates.ts";
import type { AuthorityDescription, IssuedCertificate } from "../ports/certificate-authority.ts";
import { readRequest, writeNewFile } from "./certificate-file.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { table } from "./table.ts";

type IssuedAnswer = IssuedCertificate & { readonly hosts: readonly string[] };

const caHelp = `
The manager makes a CA of its own at its first start. It signs the certificates of nodes (coxswain node add ID --x509), of the
manager's own listeners, which renew themselves, and of other servers, for example an MQTT broker beside the manager.

Examples:
  coxswain ca show --out ca.pem
  coxswain ca issue broker.example --out broker
  coxswain ca list --expiring 30
  coxswain ca crl --out ca.crl`;

/** `coxswain ca show|issue|renew|revoke|list|crl`. */
export function addCaCommands(program: Command, context: CommandContext): void {
  const ca = program.command("ca").description("The manager's own CA: certificates of servers, revocation list.");
  ca.addHelpText("after", caHelp);
  ca.command("show")
    .description("Show the CA and its fingerprint, by which other machines know the manager.")
    .option("--out <FILE>", "write its certificate there (PEM)")
    .action((flags: { out?: string }) => show(context, flags.out));
  ca.command("issue")
    .argument("<hosts...>", "names and IP addresses of the server")
    .description("Make a certificate for a server.")
    .option("--csr <FILE>", "sign this request (PKCS #10, PEM), so that the key never leaves the server")
    .option("--out <NAME>", "write NAME.pem, with the CA behind it, and NAME.key (default: the first host)")
    .action((hosts: string[], flags: IssueFlags) =>
      issue(context, "/ca/certificates", { hosts }, flags, hosts[0] ?? ""),
    );
  ca.command("renew")
    .argument("<serial>", "of the certificate, as `coxswain ca list` shows it")
    .description("Make another certificate for the same hosts; the old one stays good until it is too old or revoked.")
    .option("--csr <FILE>", "sign this request (PKCS #10, PEM)")
    .option("--out <NAME>", "write NAME.pem and NAME.key (default: the serial number)")
    .action((serial: string, flags: IssueFlags) =>
      issue(context, `/ca/certificates/${encodeURIComponent(serial)}/renew`, {}, flags, serial),
    );
  ca.command("revoke")
    .argument("<serial>", "of the certificate")
    .description("Revoke a server's certificate; a node's is revoked by `coxswain node revoke`.")
    .action(async (serial: string) => {
      await context.client().delete(`/ca/certificates/${encodeURIComponent(serial)}`);
      print(context, { serial, revoked: true }, `${serial} is on the revocation list from now on.`);
    });
  ca.command("list")
    .description("List what the CA made.")
    .option("--expiring <DAYS>", "only those that are too old so soon and weren't revoked")
    .action((flags: { expiring?: string }) => list(context, flags.expiring));
  ca.command("crl")
    .description("Get the revocation list.")
    .option("--pem", "as PEM, as OpenSSL, mosquitto and nginx read it (default: DER, RFC 5280)")
    .option("--out <FILE>", "write it there (default: to standard output)")
    .action((flags: { out?: string; pem?: boolean }) => crl(context, flags));
}

interface IssueFlags {
  readonly csr?: string;
  readonly out?: string;
}

async function show(context: CommandContext, out: string | undefined): Promise<void> {
  const found = await context.client().get<AuthorityDescription>("/ca");
  if (out !== undefined) writeNewFile(out, found.certificate);
  const words = [
    `${found.subject}, valid until ${dayOf(found.validUntilMs)}`,
    `SHA-256 fingerprint: ${found.fingerprint}`,
    ...(out === undefined ? [] : [`Its certificate is in ${out}.`]),
  ];
  print(context, { ...found, ...(out !== undefined && { file: out }) }, words.join("\n"));
}

async function issue(
  context: CommandContext,
  path: string,
  body: object,
  { csr, out }: IssueFlags,
  name: string,
): Promise<void> {
  const request = csr === undefined ? undefined : readRequest(csr);
  const stem = out ?? name.replace(/[^\w.-]/g, "_");
  const [certificateFile, keyFile] = [`${stem}.pem`, `${stem}.key`];
  // Before it is made: the key is told once, so there must be a place for it.
  for (const file of request === undefined ? [certificateFile, keyFile] : [certificateFile]) {
    if (existsSync(file)) {
      throw new CommandFailure("no-file", `There is a file ${file} already.`, "Name another with --out NAME.");
    }
  }
  const issued = await context.client().post<IssuedAnswer>(path, { ...body, request });
  const { key, ...told } = issued;
  if (key !== undefined) writeNewFile(keyFile, key);
  writeNewFile(certificateFile, `${issued.certificate}${issued.ca}`);
  const files = { certificate: certificateFile, ...(key !== undefined && { key: keyFile }) };
  const words = [
    `A certificate for ${issued.hosts.join(", ")} is in ${certificateFile}, with the CA behind it${key === undefined ? "" : `, its key in ${keyFile}`}.`,
    `It is valid until ${dayOf(issued.validUntilMs)}; its serial number is ${issued.serial}.`,
  ];
  print(context, { ...told, files }, words.join("\n"));
}

async function list(context: CommandContext, expiring: string | undefined): Promise<void> {
  if (expiring !== undefined && !/^\d{1,5}$/.test(expiring)) {
    const message = `--expiring ${expiring} is no whole number of days.`;
    throw new CommandFailure("usage", message, "`coxswain ca list --help` says how.", exitCodes.usage);
  }
  const untilMs = expiring === undefined ? Infinity : Date.now() + Number(expiring) * 86_400_000;
  const found: CertificateView[] = [];
  for (let after: string | undefined; ; ) {
    const query = new URLSearchParams({ limit: "1000", ...(after !== undefined && { after }) });
    const page = await context.client().get<CertificatePage>(`/ca/certificates?${query}`);
    found.push(
      ...page.certificates.filter(
        ({ validUntilMs, state }) => expiring === undefined || (validUntilMs < untilMs && state !== "revoked"),
      ),
    );
    after = page.next;
    if (after === undefined) break;
  }
  const rows = found.map(({ serial, role, node, hosts, state, validUntilMs }) => [
    role,
    node ?? (hosts ?? []).join(" "),
    state,
    dayOf(validUntilMs),
    serial,
  ]);
  print(
    context,
    { certificates: found },
    rows.length === 0 ? noneOf(expiring) : table(["OF A", "FOR", "STATE", "VALID UNTIL", "SERIAL NUMBER"], rows),
  );
}

function noneOf(expiring: string | undefined): string {
  return expiring === undefined
    ? "No certificates yet: `coxswain ca issue HOST` and `coxswain node add ID --x509` make them."
    : `No certificate runs out within ${expiring} ${expiring === "1" ? "day" : "days"}.`;
}

async function crl(context: CommandContext, { out, pem = false }: { out?: string; pem?: boolean }): Promise<void> {
  const response = await context.client().openPath("/ca.crl", {});
  const der = new Uint8Array(await response.arrayBuffer());
  const bytes = pem ? new TextEncoder().encode(pemOf(der)) : der;
  if (out === undefined || out === "-") {
    process.stdout.write(bytes);
    return;
  }
  writeNewFile(out, bytes);
  print(context, { file: out, bytes: bytes.length }, `The revocation list is in ${out} (${pem ? "PEM" : "DER"}).`);
}

/** RFC 7468, section 6. */
function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return ["-----BEGIN X509 CRL-----", ...lines, "-----END X509 CRL-----", ""].join("\n");
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
