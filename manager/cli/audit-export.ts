import type { AuditEntry } from "../app/api/audit.ts";
import { type AuditProblem, AuditVerifier, type ChainHead } from "../audit/audit-verifier.ts";
import { CommandFailure } from "./command-failure.ts";

/** What an export holds, checked. */
export interface AuditExport {
  readonly entries: number;
  readonly heads: readonly ChainHead[];
  readonly problems: readonly AuditProblem[];
}

/** Checks the lines of an export, without a manager: its chains, its own heads, and those that the caller knows from elsewhere. */
export async function checkExport(
  lines: AsyncIterable<string>,
  known: readonly ChainHead[] = [],
): Promise<AuditExport> {
  const found: AuditEntry[] = [];
  let heads: readonly ChainHead[] | undefined;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const value = parse(line);
    if ("heads" in value) heads = value.heads;
    else found.push(value);
  }
  if (heads === undefined) throw notWhole("its last line is missing, so it was cut");
  const ends = [...heads, ...known];
  const partitions = new Set([...found, ...ends].map(({ partition }) => partition));
  const byPartition = Map.groupBy(found, ({ partition }) => partition);
  const problems = [...partitions].flatMap((partition) => {
    const verifier = new AuditVerifier(partition, ends);
    for (const { subject, entry, ...rest } of byPartition.get(partition) ?? []) {
      verifier.add({ ...rest, key: subject, text: JSON.stringify(entry) });
    }
    return verifier.end();
  });
  return { entries: found.length, heads, problems };
}

function parse(line: string): AuditEntry | { readonly heads: readonly ChainHead[] } {
  try {
    const value = JSON.parse(line) as Partial<AuditEntry> & { heads?: readonly ChainHead[] };
    if (Array.isArray(value.heads) || (typeof value.sequence === "number" && typeof value.hash === "string")) {
      return value as AuditEntry;
    }
  } catch {
    // Said below, as for any other line that is none of an export.
  }
  throw notWhole(`the line ${line.slice(0, 60)} is none of an export`);
}

function notWhole(reason: string): CommandFailure {
  return new CommandFailure(
    "bad-export",
    `This is no whole export: ${reason}.`,
    "Make one with `coxswain audit export`.",
  );
}
