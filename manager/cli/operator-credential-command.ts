import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure } from "./command-failure.ts";

interface CredentialAnswer {
  readonly operator: string;
  readonly manager: string;
  readonly oscore?: Readonly<Record<"masterSecret" | "masterSalt" | "senderId" | "recipientId", string>>;
  readonly x509?: {
    readonly certificate: string;
    readonly key: string;
    readonly ca: string;
    readonly validUntilMs: number;
  };
}

/** `coxswain operator credential NAME`: an OSCORE context for CoAP, written as aiocoap reads it, or a certificate as libcoap does. */
export function addOperatorCredentialCommand(operator: Command, context: CommandContext): void {
  operator
    .command("credential")
    .argument("<name>", "the operator")
    .description(
      "Make what an operator steers with over CoAP: an OSCORE context in the files that aiocoap reads, or a certificate. He has one at a time.",
    )
    .option("--x509", "a certificate for CoAP over DTLS, good for a year")
    .option("--out <FOLDER>", "a new folder for the files, readable by you alone (default: NAME.oscore or NAME.x509)")
    .option("--revoke", "revoke what he has instead")
    .action(async (name: string, { out, x509, revoke }: { out?: string; x509?: boolean; revoke?: boolean }) => {
      const scheme = x509 === true ? "x509" : "oscore";
      const folder = out ?? `${name}.${scheme}`;
      const path = `/operators/${encodeURIComponent(name)}/credential`;
      if (revoke === true) {
        await context.client().delete(path);
        print(context, { operator: name, revoked: true }, `${name} is refused on CoAP from the next message on.`);
        return;
      }
      // Before the keys are made: they are told once, so there must be a place for them.
      makeFolder(folder);
      const answer = await issued(context, path, scheme, folder);
      const command = writeFiles(folder, answer);
      const words = [
        `What ${name} steers with over CoAP is in ${folder}, readable by you alone. It is told this once.`,
        scheme === "oscore"
          ? "One program at a time may use it, since its sequence numbers are counted there. For example:"
          : "For example, with libcoap:",
        "",
        `    ${command}`,
        "",
      ];
      print(context, { ...answer, folder, command }, words.join("\n"));
    });
}

async function issued(
  context: CommandContext,
  path: string,
  scheme: "oscore" | "x509",
  folder: string,
): Promise<CredentialAnswer> {
  try {
    return await context.client().post<CredentialAnswer>(path, { scheme });
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = code === "EEXIST" ? `There is ${folder} already.` : `${folder} can't be made (${code}).`;
    throw new CommandFailure("no-folder", message, "Name another with --out FOLDER.");
  }
}

function writeFiles(folder: string, { manager, oscore, x509 }: CredentialAnswer): string {
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  if (x509 !== undefined) {
    write("certificate.pem", x509.certificate);
    write("key.pem", x509.key);
    write("ca.pem", x509.ca);
    const files = `-c ${join(folder, "certificate.pem")} -j ${join(folder, "key.pem")} -R ${join(folder, "ca.pem")}`;
    return `coap-client-openssl ${files} ${manager}/nodes`;
  }
  const { masterSecret, masterSalt, senderId, recipientId } = oscore ?? {};
  const writeJson = (name: string, value: unknown): void => write(name, `${JSON.stringify(value, null, 2)}\n`);
  writeJson("secret.json", { secret_hex: masterSecret, salt_hex: masterSalt });
  writeJson("settings.json", {
    ...{ "sender-id_hex": senderId, "recipient-id_hex": recipientId },
    ...{ algorithm: "AES-CCM-16-64-128", "kdf-hashfun": "sha256" },
  });
  writeJson("aiocoap.json", { [`${manager}/*`]: { oscore: { basedir: `${resolve(folder)}/` } } });
  return `aiocoap-client --credentials ${join(folder, "aiocoap.json")} ${manager}/nodes`;
}
