import { closeSync, existsSync, fsyncSync, writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type CommandContext, print } from "./command-context.ts";
import { qrCode } from "./qr-code.ts";
import { reserveFile } from "./secret-file.ts";

export interface IssuedAnswer {
  readonly id: string;
  readonly scheme: "oscore" | "psk" | "x509";
  readonly manager: string;
  readonly kid: string;
  /** Null: the node's certificate is made by a CA that isn't the manager's. */
  readonly credentials: unknown;
  /** What the certificate must have. */
  readonly subjectAltName?: string;
}

/** Where new credentials go. */
export interface CredentialPlace {
  /** `-`: standard output. */
  readonly out?: string | undefined;
  /** Undefined: if standard output is a terminal, since a log that keeps it keeps the keys. */
  readonly qr?: boolean | undefined;
}

/** Asks the manager for credentials, and writes and prints what the node needs of them. */
export async function issueCredentials(
  context: CommandContext,
  id: string,
  body: Readonly<Record<string, unknown>>,
  { out, qr }: CredentialPlace,
): Promise<void> {
  const file = out ?? (context.isJson() ? undefined : `${id}.credentials.json`);
  // Before the keys are made: they are told once, so there must be a place for them.
  const descriptor = file === undefined || file === "-" ? undefined : reserveFile(file).descriptor;
  const issued = await issue(context, id, body, descriptor === undefined ? undefined : file);
  if (issued.credentials === null) {
    if (descriptor !== undefined) {
      closeSync(descriptor);
      await rm(file ?? "", { force: true });
    }
    print(context, issued, wordsWithoutFile(issued));
    return;
  }
  const text = `${JSON.stringify(issued.credentials, null, 2)}\n`;
  if (descriptor !== undefined) {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
    closeSync(descriptor);
  }
  const command = startCommand(issued, descriptor === undefined ? `${id}.credentials.json` : (file ?? ""));
  if (context.isJson()) {
    print(context, { ...issued, ...(descriptor === undefined ? {} : { file }), command }, "");
    return;
  }
  if (file === "-") {
    process.stdout.write(text);
    return;
  }
  if (qr ?? process.stdout.isTTY) console.log(await qrWords(issued));
  if (body["rotate"] === true) {
    console.log(`On trial: what ${id} uses now stays good until it used these once.`);
  }
  console.log(wordsOf(issued, file ?? "", command));
}

/** What a node needs, in one text: docs/reference/node.md describes it. */
async function qrWords({ manager, credentials }: IssuedAnswer): Promise<string> {
  // The CA isn't secret, and too long for a code that a camera reads off a terminal: `/ca.pem` and `coxswain ca show` have it.
  const { ca: _, ...keys } = credentials as Readonly<Record<string, unknown>>;
  const code = await qrCode(JSON.stringify({ manager, credentials: keys }));
  return code === undefined
    ? "A certificate and its key are more than a QR code in a terminal holds: take the file.\n"
    : `${code}\n\nThe code holds the keys: whoever photographs it is the node.\n`;
}

async function issue(
  context: CommandContext,
  id: string,
  body: Readonly<Record<string, unknown>>,
  file: string | undefined,
): Promise<IssuedAnswer> {
  try {
    return await context.client().post<IssuedAnswer>(`/nodes/${encodeURIComponent(id)}/credentials`, body);
  } catch (error) {
    if (file !== undefined) await rm(file, { force: true });
    throw error;
  }
}

/** The supervisor takes the image that fits the credentials from beside itself. */
function startCommand({ id, manager }: IssuedAnswer, file: string): string {
  return `${quoted(nodeProgram())} --id ${id} --manager ${manager} --credentials ${quoted(file)} --state ${id}`;
}

const schemeWords = { oscore: "OSCORE", psk: "DTLS with a pre-shared key", x509: "DTLS with a certificate" } as const;

function wordsWithoutFile({ id, kid, manager, subjectAltName = "" }: IssuedAnswer): string {
  return [
    `${id} (kid ${kid}) may come with a certificate of the CA that this manager was given (coaps.ca). It needs`,
    "",
    `    subjectAltName = ${subjectAltName}`,
    "",
    "and an ECDSA key on P-256. Put certificate, key and the CA of the manager's certificate as PEM texts into a file, readable by you alone:",
    "",
    `    {"id": "${id}", "dtls": {"certificate": "...", "key": "...", "ca": "..."}}`,
    "",
    `and start the node with --manager ${manager} --credentials FILE and the image cxnode-node-dtls.`,
  ].join("\n");
}

function wordsOf({ id, kid, scheme }: IssuedAnswer, file: string, command: string): string {
  return [
    `Credentials for ${id} (${schemeWords[scheme]}, kid ${kid}) are in ${file}, readable by you alone. They are told this once.`,
    "Take the file to the node and start it with",
    "",
    `    ${command}`,
    "",
  ].join("\n");
}

/** The one that a checkout built, if there is one; else that of the path. */
function nodeProgram(): string {
  const built = fileURLToPath(new URL("../../.pio/build/native/cxnode", import.meta.url));
  return existsSync(built) ? relative(process.cwd(), built) : "cxnode";
}

function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replace(/'/g, "'\\''")}'`;
}
