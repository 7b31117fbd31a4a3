import { RunLogFolder } from "./run-log-folder.ts";
import { SecretSearch } from "./secret-search.ts";

/** Fewer than so many, and the run kept nothing that would be worth searching. */
const least = { logs: 1, secrets: 1 };

/**
 * The last stage of `npm test`: no secret that any program of the run made or was given is in what any of them logged. `node search-run-logs.ts FOLDER [LOGS SECRETS]`:
 * there must be at least so many of each. Exit code 1 when one is found, or when the search couldn't have found any.
 */
function searchRunLogs(run: RunLogFolder, { logs: leastLogs, secrets: leastSecrets }: typeof least): boolean {
  const { bytes, texts } = run.secrets();
  const search = new SecretSearch();
  for (const each of bytes) search.add(each);
  for (const each of texts) search.addText(each);
  const logs = run.logs().filter(({ text }) => text !== "");
  const count = bytes.length + texts.length;
  if (logs.length < leastLogs || count < leastSecrets) {
    console.error(
      `The run left ${logs.length} logs and ${count} secrets; it should be ${leastLogs} and ${leastSecrets} at least.`,
    );
    return false;
  }
  const planted = bytes.at(-1);
  if (planted !== undefined && search.find(`planted ${Buffer.from(planted).toString("base64url")} here`).length === 0) {
    console.error("A secret that was planted wasn't found.");
    return false;
  }
  let found = 0;
  for (const { name, text } of logs) {
    for (const { line, form, words } of search.find(text)) {
      found++;
      console.error(`${name}:${line}: a secret, as ${form}: ${words}`);
    }
  }
  const characters = logs.reduce((sum, { text }) => sum + text.length, 0);
  console.log(`${logs.length} logs with ${characters} characters were searched for ${count} secrets: ${found} found.`);
  return found === 0;
}

const [folder = "", logs, secrets] = process.argv.slice(2);
const run = new RunLogFolder(folder);
const isClean = searchRunLogs(run, { logs: Number(logs ?? least.logs), secrets: Number(secrets ?? least.secrets) });
if (isClean) run.forgetSecrets();
process.exitCode = isClean ? 0 : 1;
