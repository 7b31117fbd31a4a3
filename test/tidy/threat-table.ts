/** One row of the table of threats in `docs/security.md`. */
export interface ThreatRow {
  /** Of the page, from 1. */
  readonly line: number;
  readonly threat: string;
  readonly defence: string;
  /** `path` › title, one after another with <br>. */
  readonly tests: string;
}

/** The rows below `## Threats`. */
export function threatRows(page: string): { readonly rows: readonly ThreatRow[]; readonly broken: readonly string[] } {
  const lines = page.split("\n");
  const start = lines.indexOf("## Threats");
  const rows: ThreatRow[] = [];
  const broken: string[] = [];
  for (const [at, text] of lines.entries()) {
    if (start === -1 || at < start || !text.startsWith("|")) continue;
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [before, threat = "", defence = "", tests = "", after, ...more] = cells;
    if (before !== "" || after !== "" || more.length > 0) broken.push(`line ${at + 1}: not three cells`);
    else if (!threat.startsWith("threat") && !/^-+$/.test(threat)) rows.push({ line: at + 1, threat, defence, tests });
  }
  return { rows, broken };
}

/** What is wrong with one row; `read` gives a file's text. */
export function faultsOfThreat(row: ThreatRow, read: (path: string) => string | undefined): string[] {
  const faults: string[] = [];
  const fault = (what: string): void => void faults.push(`line ${row.line}: ${what}`);
  if (!/^[STRIDE]: \S/.test(row.threat)) fault("the threat begins with no letter of STRIDE");
  if (row.defence === "") fault("what stops it is missing");
  for (const entry of row.tests.split("<br>")) {
    const [, path = "", title = ""] = /^`([^`]+)` › (.+)$/.exec(entry.trim()) ?? [];
    const text = read(path);
    if (path === "") fault("a test is `path` › title");
    else if (!/\.test\.ts$|^test\/firmware\/.*\.cpp$/.test(path)) fault(`${path} is no test`);
    else if (text === undefined) fault(`${path} isn't there`);
    else if (!runs(text, title)) fault(`no test is called ${title}`);
  }
  return faults;
}

const call = /\b(it|test|TEST)(\.\w+)*(\(\w+\))?\(\s*$|\.each\([^;]*\)\(\s*$/;
const skipped = /\.(skip|todo|fails)\(\s*$/;

/** Whether a test has that title, which may end with … where the rest is computed. A skipped one proves nothing. */
function runs(text: string, title: string): boolean {
  const isBegun = title.endsWith("…");
  const words = isBegun ? title.slice(0, -1) : title;
  for (const quote of ['"', "'", "`"]) {
    const quoted = `${quote}${words.replaceAll(quote, `\\${quote}`)}${isBegun ? "" : quote}`;
    for (let at = text.indexOf(quoted); at >= 0; at = text.indexOf(quoted, at + 1)) {
      const before = text.slice(0, at);
      if (call.test(before) && !skipped.test(before)) return true;
    }
  }
  return false;
}
