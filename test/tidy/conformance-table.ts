/** One row of a table in `coap/CONFORMANCE.md`. */
export interface ConformanceRow {
  readonly rfc: number;
  /** Of the page, from 1. */
  readonly line: number;
  readonly clause: string;
  readonly requirement: string;
  readonly level: string;
  readonly code: string;
  readonly test: string;
}

export interface ConformancePage {
  readonly rows: readonly ConformanceRow[];
  readonly sections: readonly number[];
  /** Lines of tables that can't be read. */
  readonly broken: readonly string[];
}

const levels = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT"];
const notDone = "not done:";
const notOurs = "n/a:";
const maxUndone = 5;

export function conformanceRows(page: string): ConformancePage {
  const rows: ConformanceRow[] = [];
  const sections: number[] = [];
  const broken: string[] = [];
  for (const [index, text] of page.split("\n").entries()) {
    const line = index + 1;
    const heading = /^## RFC (\d+)$/.exec(text);
    if (heading !== null) sections.push(Number(heading[1]));
    const rfc = sections.at(-1);
    if (rfc === undefined || !text.startsWith("|")) continue;
    // A bar inside a cell is written \| in Markdown.
    const cells = text.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));
    const [before, clause, requirement, level, code, test, after, ...more] = cells;
    if (before !== "" || after !== "" || more.length > 0) broken.push(`line ${line}: not five cells`);
    else if (clause !== "clause" && !/^-+$/.test(clause!)) {
      rows.push({
        rfc,
        line,
        clause: clause!,
        requirement: requirement!,
        level: level!,
        code: code!,
        test: test!,
      });
    }
  }
  return { rows, sections, broken };
}

/** What is wrong with one row; `read` gives a file's text. */
export function faultsOf(row: ConformanceRow, read: (path: string) => string | undefined): string[] {
  const faults: string[] = [];
  const fault = (what: string): void => void faults.push(`line ${row.line}: ${what}`);
  if (!/^[0-9A-Z]+(\.[0-9]+)*$/.test(row.clause)) fault(`${row.clause} is no clause`);
  if (row.requirement === "") fault("the requirement is missing");
  if (!levels.includes(row.level)) fault(`${row.level} is no level`);
  for (const prefix of [notDone, notOurs]) {
    if (!row.test.startsWith(prefix)) continue;
    if (row.test.slice(prefix.length).trim() === "") fault("the reason is missing");
    return faults;
  }
  for (const entry of row.code.split("<br>")) {
    const [path = "", name] = entry.trim().split(" ");
    const text = read(path);
    if (text === undefined) fault(`${path} isn't there`);
    else if (name !== undefined && !text.includes(name)) fault(`${path} has no ${name}`);
  }
  for (const entry of row.test.split("<br>")) {
    const [path = "", title = ""] = entry.trim().split(" › ");
    const text = read(path);
    if (text === undefined) fault(`${path} isn't there`);
    else if (!hasTest(text, title)) fault(`no test is called ${title}`);
    else if (!clausesOf(title).includes(`${row.rfc} ${row.clause}`)) {
      fault(`the title doesn't name RFC ${row.rfc} ${row.clause}`);
    }
  }
  return faults;
}

/** No MUST undone, and not more SHOULDs than the page allows. */
export function faultsOfAll(rows: readonly ConformanceRow[]): string[] {
  const undone = rows.filter(({ test }) => test.startsWith(notDone));
  const faults = undone
    .filter(({ level }) => level.startsWith("MUST"))
    .map(({ line, level, rfc, clause }) => `line ${line}: ${level} of RFC ${rfc} ${clause} is not done`);
  if (undone.length > maxUndone) faults.push(`${undone.length} SHOULDs are not done, ${maxUndone} may be`);
  return faults;
}

/** A test that runs under this title: quoted, behind `it(`, `test(` or, in C++, anything. A skipped one proves nothing. */
function hasTest(text: string, title: string): boolean {
  for (const quote of ['"', "'", "`"]) {
    const quoted = `${quote}${title.replaceAll(quote, `\\${quote}`)}${quote}`;
    for (let at = text.indexOf(quoted); at >= 0; at = text.indexOf(quoted, at + 1)) {
      if (!/\.(skip|todo|fails)\(\s*$/.test(text.slice(0, at))) return true;
    }
  }
  return false;
}

/** `RFC 7252 4.2, 4.5; RFC 7641 3.2: ...` as "7252 4.2", "7252 4.5", "7641 3.2". */
function clausesOf(title: string): string[] {
  const head = title.slice(0, Math.max(0, title.indexOf(":")));
  return head.split(";").flatMap((part) => {
    const [, rfc, clauses = ""] = /^RFC (\d+) (.+)$/.exec(part.trim()) ?? [];
    return rfc === undefined ? [] : clauses.split(",").map((clause) => `${rfc} ${clause.trim()}`);
  });
}
