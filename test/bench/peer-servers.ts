import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** A server of somebody else's, with versions pinned by what lies beside its source in `peers/`. */
export interface PeerServer {
  readonly name: string;
  /** Program and arguments, with the port put where `PORT` stands. */
  readonly command: readonly [string, ...string[]];
  /** What it prints when it listens; undefined: it says nothing. */
  readonly ready: RegExp | undefined;
  /** It keeps the report under the node's name and counts its handler's runs at /count, and has a megabyte at /big. */
  readonly isOurs: boolean;
  /** POST, but for the example server of libcoap, which takes PUT. */
  readonly method: number;
}

interface Recipe {
  readonly name: string;
  /** Folder in `peers/`; undefined: nothing is built. */
  readonly source?: string;
  /** Programs that must be on the path. */
  readonly needs: readonly string[];
  readonly build?: readonly (readonly [string, ...string[]])[];
  command(built: string): readonly [string, ...string[]];
  readonly ready?: RegExp;
  readonly isOurs?: boolean;
  readonly method?: number;
}

const run = promisify(execFile);
const here = fileURLToPath(new URL("peers/", import.meta.url));
const cache = fileURLToPath(new URL("../../.setup/bench-peers/", import.meta.url));
const buildMs = 600_000;

const java = (built: string): string[] => [
  "-cp",
  `${built}/target/server.jar:${built}/target/lib/*`,
  "bench.HeartbeatServer",
];

/** Everything that `facts/peers.md` measured; where one differs from its defaults, it says so. */
const recipes: readonly Recipe[] = [
  {
    name: "libcoap",
    needs: ["coap-server-notls"],
    // Its own example server: PUT replaces the body of one resource, which is less work than keeping a report for each node.
    command: () => ["coap-server-notls", "-A", "127.0.0.1", "-p", "PORT", "-d", "100"],
    isOurs: false,
    method: 3,
  },
  { name: "node-coap", needs: [], command: () => [process.execPath, join(here, "node-coap/server.mjs"), "PORT"] },
  {
    name: "aiocoap",
    source: "aiocoap",
    needs: ["python3"],
    build: [
      ["python3", "-m", "venv", "venv"],
      ["venv/bin/pip", "install", "--quiet", "--requirement", "requirements.txt"],
    ],
    command: (built) => [`${built}/venv/bin/python`, `${built}/server.py`, "PORT"],
  },
  {
    name: "go-coap",
    source: "go-coap",
    needs: ["go"],
    build: [["go", "build", "-o", "server", "."]],
    command: (built) => [`${built}/server`, "PORT"],
  },
  {
    name: "californium",
    source: "californium",
    needs: ["java", "mvn"],
    build: [["mvn", "--quiet", "--batch-mode", "package"]],
    command: (built) => ["java", ...java(built), "PORT"],
  },
  {
    name: "californium-peers",
    source: "californium",
    needs: ["java", "mvn"],
    build: [["mvn", "--quiet", "--batch-mode", "package"]],
    command: (built) => ["java", ...java(built), "PORT", "PEERS_MARK_AND_SWEEP"],
  },
  {
    name: "rust-coap",
    source: "rust-coap",
    needs: ["cargo"],
    build: [["cargo", "build", "--release", "--locked", "--quiet"]],
    command: (built) => [`${built}/target/release/bench-rust-coap`, "PORT"],
  },
];

export const peerNames: readonly string[] = recipes.map(({ name }) => name);

/** The peers that can run here, built where that is needed and allowed, and for each other one the reason why it can't. */
export async function peerServers(
  mayBuild: boolean,
): Promise<{ peers: PeerServer[]; missing: Record<string, string> }> {
  const peers: PeerServer[] = [];
  const missing: Record<string, string> = {};
  for (const recipe of recipes) {
    const reason = await prepare(recipe, mayBuild);
    if (reason !== undefined) {
      missing[recipe.name] = reason;
      continue;
    }
    peers.push({
      name: recipe.name,
      command: recipe.command(folderOf(recipe)),
      ready: recipe.isOurs === false ? undefined : /ready/,
      isOurs: recipe.isOurs ?? true,
      method: recipe.method ?? 2,
    });
  }
  return { peers, missing };
}

function folderOf({ source = "" }: Recipe): string {
  return join(cache, source);
}

/** Undefined when it is ready to run, else why not. */
async function prepare(recipe: Recipe, mayBuild: boolean): Promise<string | undefined> {
  for (const program of recipe.needs) {
    if (!isOnPath(program)) return `${program} isn't installed`;
  }
  if (recipe.source === undefined || recipe.build === undefined) return undefined;
  const folder = folderOf(recipe);
  const digest = digestOf(join(here, recipe.source));
  const mark = join(folder, ".built");
  if (existsSync(mark) && readFileSync(mark, "utf8") === digest) return undefined;
  if (!mayBuild) return "isn't built yet, which a run without --quick does";
  console.error(`building ${recipe.name} in .setup/bench-peers/${recipe.source}`);
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(cache, { recursive: true });
    cpSync(join(here, recipe.source), folder, { recursive: true });
    for (const [program, ...args] of recipe.build) await run(program, args, { cwd: folder, timeout: buildMs });
    writeFileSync(mark, digest);
    return undefined;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const said = `${stdout}\n${stderr}`.split("\n").findLast((line) => /\w{3}/.test(line)) ?? String(error);
    return `could not be built: ${said}`;
  }
}

function isOnPath(program: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

function digestOf(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
  for (const path of files.map((each) => join(each.parentPath, each.name)).sort())
    hash.update(path.slice(folder.length)).update(readFileSync(path));
  return hash.digest("hex");
}
