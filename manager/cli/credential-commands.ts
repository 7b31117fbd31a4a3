import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { readRequest } from "./certificate-file.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { type CredentialPlace, type IssuedAnswer, issueCredentials } from "./issue-credentials.ts";

interface AddOptions extends CredentialPlace {
  readonly id?: string;
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

const rotateHelp = `
The node's credentials stay good until it used the new ones once; then they are revoked, and so is its password at the broker, of which
the node gets another one. New credentials that were not used yet are revoked by the next ones.

Start cxnode anew with --credentials FILE, which takes them into its state folder.`;

/** `coxswain node add`, `coxswain node rotate ID` and `coxswain node revoke ID`. */
export function addCredentialCommands(node: Command, context: CommandContext): void {
  const add = node
    .command("add")
    .argument("[id]", "the node's id (default: a new one)")
    .description("Make credentials for a node, and say how to start it with them.")
    .option("--id <ID>", "the same as the argument")
    .option("--oscore", "keys for OSCORE (default)")
    .option("--psk", "a pre-shared key for DTLS");
  addPlaceOptions(addCertificateOptions(add))
    .addHelpText("after", addHelp)
    .action(async (named: string | undefined, options: AddOptions) => {
      const id = idOf(named, options);
      await issueCredentials(context, id, { scheme: "oscore", ...askedOf(options) }, options);
    });

  const rotate = node
    .command("rotate")
    .argument("<id>", "the node")
    .description(
      "Make new credentials for a node that uses some: on trial until it used them, and the old ones end then.",
    )
    .option("--oscore", "keys for OSCORE (default: what the node uses)")
    .option("--psk", "a pre-shared key for DTLS");
  addPlaceOptions(addCertificateOptions(rotate))
    .addHelpText("after", rotateHelp)
    .action(async (id: string, options: AddOptions) => {
      await issueCredentials(context, id, { ...askedOf(options), rotate: true }, options);
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

function addCertificateOptions(command: Command): Command {
  return command
    .option("--x509", "a certificate for DTLS and MQTT over TLS")
    .option("--csr <FILE>", "with --x509: sign this request (PKCS #10, PEM), so that the key never leaves the node");
}

function addPlaceOptions(command: Command): Command {
  return command
    .option(
      "--out <FILE>",
      "write the credentials there, readable by you alone (default: ID.credentials.json; - prints them)",
    )
    .option("--qr", "show them as a QR code too (default: in a terminal)")
    .option("--no-qr", "show no QR code");
}

function idOf(named: string | undefined, { id }: AddOptions): string {
  if (named !== undefined && id !== undefined && named !== id) {
    throw new CommandFailure("two-ids", `Both ${named} and --id ${id} were given.`, "Give one id.", exitCodes.usage);
  }
  return named ?? id ?? newId();
}

/** The kind of credentials that was asked for, if one was, and the request that `--csr` names. */
function askedOf(options: AddOptions): { readonly scheme?: IssuedAnswer["scheme"]; readonly request?: string } {
  const scheme = schemeOf(options);
  const request = options.csr === undefined ? undefined : readRequest(options.csr);
  return { ...(scheme !== undefined && { scheme }), ...(request !== undefined && { request }) };
}

/** Undefined: none was asked for. */
function schemeOf({ oscore, psk, x509, csr }: AddOptions): IssuedAnswer["scheme"] | undefined {
  const asked = Object.entries({ oscore, psk, x509 }).filter(([, is]) => is === true);
  if (csr !== undefined && asked[0]?.[0] !== "x509") {
    throw new CommandFailure("no-x509", "--csr is for a certificate alone.", "Give --x509 too.", exitCodes.usage);
  }
  if (asked.length > 1) {
    const words = asked.map(([name]) => `--${name}`).join(" and ");
    throw new CommandFailure("two-schemes", `${words} exclude each other.`, "Give one of them.", exitCodes.usage);
  }
  return asked[0]?.[0] as IssuedAnswer["scheme"] | undefined;
}

/** `node-5f3a9c`: short enough to say, and not taken. */
function newId(): string {
  return `node-${randomBytes(3).toString("hex")}`;
}
