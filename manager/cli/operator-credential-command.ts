import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure } from "./command-failure.ts";

interface CredentialAnswer {
  readonly operator: string;
  readonly manager: string;
  readonly oscore: Readonly<Record<"masterSecret" | "masterSalt" | "senderId" | "recipientId", string>>;
}

/** `coxswain operator credential NAME`: an OSCORE context for CoAP, written as aiocoap reads it. */
export function addOperatorCredentialCommand(operator: Command, context: CommandContext): void {
  operator
    .command("credential")
    .argument("<name>", "the operator")
    .description("Make an OSCORE context by which an operator steers over CoAP, in the files that aiocoap reads.")
    .option("--out <FOLDER>", "a new folder for them, readable by you alone (default: NAME.oscore)")
    .option("--revoke", "revoke the one that he has instead")
    .action(async (name: string, { out = `${name}.oscore`, revoke }: { out?: string; revoke?: boolean }) => {
      const path = `/operators/${encodeURIComponent(name)}/credential`;
      if (revoke === true) {
        await context.client().delete(path);
        print(context, { operator: name, revoked: true }, `${name} is refused on CoAP from the next message on.`);
        return;
      }
      // Before the keys are made: they are told once, so there must be a place for them.
      makeFolder(out);
      const answer = await context.client().post<CredentialAnswer>(path, {});
      const command = writeFiles(out, answer);
      const words = [
        `The context of ${name} (kid ${answer.oscore.senderId}) is in ${out}, readable by you alone. It is told this once.`,
        "One program at a time may use it, since its sequence numbers are counted there. For example:",
        "",
        `    ${command}`,
        "",
      ];
      print(context, { ...answer, folder: out, command }, words.join("\n"));
    });
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

function writeFiles(folder: string, { manager, oscore }: CredentialAnswer): string {
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  write("secret.json", { secret_hex: oscore.masterSecret, salt_hex: oscore.masterSalt });
  write("settings.json", {
    ...{ "sender-id_hex": oscore.senderId, "recipient-id_hex": oscore.recipientId },
    ...{ algorithm: "AES-CCM-16-64-128", "kdf-hashfun": "sha256" },
  });
  write("aiocoap.json", { [`${manager}/*`]: { oscore: { basedir: `${resolve(folder)}/` } } });
  return `aiocoap-client --credentials ${join(folder, "aiocoap.json")} ${manager}/nodes`;
}
