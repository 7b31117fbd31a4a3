import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { Command } from "commander";
import type { AuditEntry, AuditPage, AuditVerdict } from "../app/api/audit.ts";
import type { AuditProblem, ChainHead } from "../audit/audit-verifier.ts";
import { type AuditExport, checkExport } from "./audit-export.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { clockTime, day, members, table } from "./table.ts";

/** `coxswain audit list|verify|export`. */
export function addAuditCommands(program: Command, context: CommandContext): void {
  const audit = program.command("audit").description("Who did what, and whether the record of it is whole.");
  audit
    .command("list")
    .description("Show the newest entries.")
    .option("--subject <SUBJECT>", "only what was done to it: node/ID, update/ID, settings...")
    .option("--limit <N>", "at most so many, up to 1000", "50")
    .action((flags: { subject?: string; limit: string }) => list(context, flags));
  audit
    .command("verify")
    .description("Check every entry, and name those that were altered, moved or removed.")
    .option("--against <FILE>", "an older export: what stands in it must still be there")
    .option("--file <FILE>", "check this export instead of asking a manager")
    .action((flags: { against?: string; file?: string }) => verify(context, flags));
  audit
    .command("export")
    .description("Write every entry with its hash, one JSON object a line. Keep it on another machine.")
    .option("--out <FILE>", "write it there, readable by you alone (default: to standard output)")
    .action((flags: { out?: string }) => exportTo(context, flags));
}

async function list(context: CommandContext, { subject, limit }: { subject?: string; limit: string }): Promise<void> {
  const query = new URLSearchParams({ limit, ...(subject !== undefined && { subject }) });
  const page = await context.client().get<AuditPage>(`/audit?${query}`);
  const rows = page.entries.map(({ wallMs, subject: about, entry }: AuditEntry) => [
    `${day(wallMs)} ${clockTime(wallMs)}`,
    entry.by.kind === "operator" ? entry.by.id : `${entry.by.kind} ${entry.by.id}`,
    entry.from ?? "",
    entry.what,
    shortDigests(about),
    [asText("from", entry.before), asText("to", entry.after)].filter((each) => each !== "").join(" "),
  ]);
  const headings = ["TIME", "WHO", "FROM", "WHAT", "TO WHAT", "CHANGE"];
  print(context, page, rows.length === 0 ? "There are no entries." : cutToTerminal(table(headings, rows)));
}

/** The first 12 digits tell one from another, for people; `--json` has all. */
function shortDigests(text: string): string {
  return text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1...");
}

/** A line that wraps can't be read as a row. Where no terminal says its width, nothing is cut. */
function cutToTerminal(text: string): string {
  const columns = process.stdout.isTTY ? process.stdout.columns : undefined;
  if (columns === undefined || columns < 40) return text;
  return text
    .split("\n")
    .map((line) => (line.length > columns ? `${line.slice(0, columns - 3)}...` : line))
    .join("\n");
}

function asText(word: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = shortDigests(typeof value === "object" ? members(value as Record<string, unknown>) : String(value));
  return `${word} {${text.length > 100 ? `${text.slice(0, 100)}...` : text}}`;
}

async function verify(context: CommandContext, flags: { against?: string; file?: string }): Promise<void> {
  const older = flags.against === undefined ? undefined : await readExport(flags.against);
  const verdict = flags.file === undefined ? await ask(context, older) : await checkFile(flags.file, older);
  if (!verdict.isWhole) process.exitCode = exitCodes.failed;
  print(context, verdict, wordsOf(verdict));
}

/** The manager's own verdict, and where an older export is at hand, ours over what it exports now. */
async function ask(context: CommandContext, older: AuditExport | undefined): Promise<AuditVerdict> {
  const verdict = await context.client().get<AuditVerdict>("/audit/verify");
  if (older === undefined) return verdict;
  const response = await context.client().open("/audit/export", {});
  const lines = createInterface({ input: Readable.fromWeb(response.body as never), crlfDelay: Infinity });
  const found = (await checkExport(lines, older.heads)).problems;
  const known = new Set(verdict.problems.map((each) => JSON.stringify(each)));
  const problems = [...verdict.problems, ...found.filter((each) => !known.has(JSON.stringify(each)))];
  return { ...verdict, problems, isWhole: verdict.isWhole && problems.length === 0 };
}

async function checkFile(file: string, older: AuditExport | undefined): Promise<AuditVerdict> {
  const { entries, problems } = await readExport(file, older?.heads);
  return { isWhole: problems.length === 0, entries, problems, copy: "missing" };
}

async function readExport(file: string, heads: readonly ChainHead[] = []): Promise<AuditExport> {
  try {
    return await checkExport(createInterface({ input: createReadStream(file), crlfDelay: Infinity }), heads);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure("no-file", `The export ${file} can't be read (${code}).`, "Check the path.");
  }
}

function wordsOf({ isWhole, entries, problems, copy }: AuditVerdict): string {
  const lines = problems.slice(0, 50).map((each) => `  ${problemText(each)}`);
  if (problems.length > lines.length) lines.push(`  and ${problems.length - lines.length} more`);
  const about =
    copy === "unreadable" ? ["  The copy of the heads (audit-heads.bin) is damaged or of another key file."] : [];
  if (isWhole) return `The audit is whole: ${entries} entries, each follows from the one before it.`;
  return [
    `THE AUDIT IS NOT WHOLE. ${entries} entries were read.`,
    ...lines,
    ...about,
    "Keep a copy of the data folder as it is, and compare with an export from before: coxswain audit verify --against FILE",
  ].join("\n");
}

function problemText({ kind, partition, sequence, through, belongsAt }: AuditProblem): string {
  const which =
    through === undefined ? `entry ${partition}.${sequence}` : `entries ${partition}.${sequence} to ${through}`;
  switch (kind) {
    case "altered":
      return `${which} was altered, or the one before it`;
    case "reordered":
      return `${which} was moved; it belongs at ${partition}.${belongsAt}`;
    case "missing":
      return `${which} ${through === undefined ? "is" : "are"} missing`;
    case "cut":
      return `${which} at the end ${through === undefined ? "is" : "are"} missing`;
    case "rewritten":
      return `${which} and what is before it was made anew: it isn't what was written down then`;
  }
}

async function exportTo(context: CommandContext, { out }: { out?: string }): Promise<void> {
  const response = await context.client().open("/audit/export", {});
  const body = Readable.fromWeb(response.body as never);
  if (out === undefined || out === "-") {
    for await (const chunk of body) process.stdout.write(chunk as Uint8Array);
    return;
  }
  const file = await open(out, "wx", 0o600).catch((error: unknown) => {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = code === "EEXIST" ? `There is a file ${out} already.` : `${out} can't be written (${code}).`;
    throw new CommandFailure("no-file", message, "Name another with --out FILE.");
  });
  try {
    for await (const chunk of body) await file.write(chunk as Uint8Array);
    await file.sync();
  } finally {
    await file.close();
  }
  const { entries, problems } = await readExport(out);
  if (problems.length > 0) process.exitCode = exitCodes.failed;
  const verdict = problems.length === 0 ? "" : " It is NOT whole: `coxswain audit verify` says where.";
  print(context, { file: out, entries, problems }, `${entries} entries are in ${out}.${verdict}`);
}
