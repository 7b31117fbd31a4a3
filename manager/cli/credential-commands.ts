import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { readRequest } from "./certificate-file.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";

interface IssuedAnswer {
  readonly id: string;
  readonly scheme: "oscore" | "psk" | "x509";
  readonly manager: string;
  readonly kid: string;
  /** Null: the node's certificate is made by a CA that isn't the manager's. */
  readonly credentials: unknown;
  /** What the certificate must have. */
  readonly subjectAltName?: string;
}

interface AddOptions {
  readonly id?: string;
  readonly out?: string;
  readonly oscore?: boolean;
  readonly psk?: boolean;
  readonly x509?: boolean;
  readonly csr?: string;
}

const addHelp = `
How the node proves itself, one of:
  --oscore  CoAP on port 5683, protected by OSCORE: any node, any network. Image cxnode-node, small.
  --psk     CoAP over DTLS on port 5684 with a pre-shared key whose identity is the node's id. Image cxnode-node-dtls.
  --x509    The same with certificates on both sides. Where the manager has a CA of its own it makes the node's; with coaps.ca
            set it lets in the node's certificate of that CA, with SAN URI urn:coxswain:node:ID.

Examples:
  coxswain node add porch
  coxswain node add porch --psk --out porch.json`;

/** `coxswain node add` and `coxswain node revoke ID`. */
export function addCredentialCommands(node: Command, context: CommandContext): void {
  node
    .command("add")
    .argument("[id]", "the node's id (default: a new one)")
    .description("Make credentials for a node, and say how to start it with them.")
    .option("--id <ID>", "the same as the argument")
    .option("--oscore", "keys for OSCORE (default)")
    .option("--psk", "a pre-shared key for DTLS")
    .option("--x509", "a certificate for DTLS and MQTT over TLS")
    .option("--csr <FILE>", "with --x509: sign this request (PKCS #10, PEM), so that the key never leaves the node")
    .option(
      "--out <FILE>",
      "write the credentials there, readable by you alone (default: ID.credentials.json; - prints them)",
    )
    .addHelpText("after", addHelp)
    .action(async (named: string | undefined, options: AddOptions) => {
      const { out } = options;
      const id = idOf(named, options);
      const scheme = schemeOf(options);
      const request = options.csr === undefined ? undefined : readRequest(options.csr);
      const file = out ?? (context.isJson() ? undefined : `${id}.credentials.json`);
      // Before the keys are made: they are told once, so there must be a place for them.
      const descriptor = file === undefined || file === "-" ? undefined : reserve(file);
      const issued = await issue(context, id, { scheme, request }, descriptor === undefined ? undefined : file);
      if (issued.credentials === null) {
        if (descriptor !== undefined) {
          closeSync(descriptor);
          await discard(file ?? "");
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
      if (file === "-" && !context.isJson()) process.stdout.write(text);
      else
        print(
          context,
          { ...issued, ...(descriptor === undefined ? {} : { file }), command },
          wordsOf(issued, file ?? "", command),
        );
    });

  node
    .command("revoke")
    .argument("<id>", "the node")
    .description("Revoke a node's credentials: it is refused from its next message on.")
    .action(async (id: string) => {
      await context.client().delete(`/nodes/${encodeURIComponent(id)}/credentials`);
      print(
        context,
        { id, revoked: true },
        `${id} has no credentials any more. \`coxswain node add --id ${id}\` makes new ones.`,
      );
    });
}

function idOf(named: string | undefined, { id }: AddOptions): string {
  if (named !== undefined && id !== undefined && named !== id) {
    throw new CommandFailure("two-ids", `Both ${named} and --id ${id} were given.`, "Give one id.", exitCodes.usage);
  }
  return named ?? id ?? newId();
}

function schemeOf({ oscore, psk, x509, csr }: AddOptions): IssuedAnswer["scheme"] {
  const asked = Object.entries({ oscore, psk, x509 }).filter(([, is]) => is === true);
  if (csr !== undefined && asked[0]?.[0] !== "x509") {
    throw new CommandFailure("no-x509", "--csr is for a certificate alone.", "Give --x509 too.", exitCodes.usage);
  }
  if (asked.length > 1) {
    const words = asked.map(([name]) => `--${name}`).join(" and ");
    throw new CommandFailure("two-schemes", `${words} exclude each other.`, "Give one of them.", exitCodes.usage);
  }
  return (asked[0]?.[0] ?? "oscore") as IssuedAnswer["scheme"];
}

async function issue(
  context: CommandContext,
  id: string,
  body: { readonly scheme: IssuedAnswer["scheme"]; readonly request: string | undefined },
  file: string | undefined,
): Promise<IssuedAnswer> {
  try {
    return await context.client().post<IssuedAnswer>(`/nodes/${encodeURIComponent(id)}/credentials`, body);
  } catch (error) {
    if (file !== undefined) await discard(file);
    throw error;
  }
}

async function discard(file: string): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(file, { force: true });
}

function reserve(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = code === "EEXIST" ? `There is a file ${file} already.` : `${file} can't be written (${code}).`;
    throw new CommandFailure("no-file", message, "Name another with --out FILE.", exitCodes.failed);
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

/** `node-5f3a9c`: short enough to say, and not taken. */
function newId(): string {
  return `node-${randomBytes(3).toString("hex")}`;
}
