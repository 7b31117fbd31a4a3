import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";

interface IssuedAnswer {
  readonly id: string;
  readonly manager: string;
  readonly kid: string;
  readonly credentials: unknown;
}

/** `coxswain node add` and `coxswain node revoke ID`. */
export function addCredentialCommands(node: Command, context: CommandContext): void {
  node
    .command("add")
    .description("Make credentials for a node, and say how to start it with them.")
    .option("--id <ID>", "the node's id (default: a new one)")
    .option(
      "--out <FILE>",
      "write the credentials there, readable by you alone (default: ID.credentials.json; - prints them)",
    )
    .action(async ({ id = newId(), out }: { id?: string; out?: string }) => {
      const file = out ?? (context.isJson() ? undefined : `${id}.credentials.json`);
      // Before the keys are made: they are told once, so there must be a place for them.
      const descriptor = file === undefined || file === "-" ? undefined : reserve(file);
      const issued = await issue(context, id, descriptor === undefined ? undefined : file);
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

async function issue(context: CommandContext, id: string, file: string | undefined): Promise<IssuedAnswer> {
  try {
    return await context.client().post<IssuedAnswer>(`/nodes/${encodeURIComponent(id)}/credentials`, {});
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

function startCommand({ id, manager }: IssuedAnswer, file: string): string {
  return `${quoted(nodeProgram())} --id ${id} --manager ${manager} --credentials ${quoted(file)} --state ${id}`;
}

function wordsOf({ id, kid }: IssuedAnswer, file: string, command: string): string {
  return [
    `Credentials for ${id} (kid ${kid}) are in ${file}, readable by you alone. They are told this once.`,
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
