import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { CommandFailure, exitCodes } from "./command-failure.ts";

/** A plan on the command line; what isn't given has the manager's default. */
export interface PlanFlags {
  readonly plan?: string;
  readonly id?: string;
  readonly title?: string;
  readonly node?: readonly string[];
  readonly model?: string;
  readonly tag?: readonly string[];
  readonly site?: string;
  readonly phase?: string;
  readonly presence?: string;
  readonly runs?: string;
  readonly waves?: string;
  readonly canary?: readonly string[];
  readonly concurrency?: string;
  readonly perSite?: string;
  readonly rate?: string;
  readonly bytesPerSecond?: string;
  readonly window?: readonly string[];
  readonly timeZone?: string;
  readonly minBattery?: string;
  readonly mainsOnly?: true;
  readonly soak?: string;
  readonly minSample?: string;
  readonly success?: string;
  readonly failures?: string;
  readonly health: boolean;
  readonly attempts?: string;
  readonly revertTo?: string;
  readonly autoRevert?: true;
  readonly approval?: true;
  readonly stayOpen?: true;
}

/** The argument and the options that say a plan. */
export function withPlanFlags(command: Command): Command {
  return command
    .argument("[update]", "the update (or the plan's)")
    .option("--plan <FILE>", "a plan as JSON; the options below go over it")
    .option("--id <ID>", "the rollout's name (default: the update's)")
    .option("--title <TEXT>", "a title for people")
    .option("--node <id...>", "these nodes, instead of a query")
    .option("--model <MODEL>", "nodes of this model (default: the update's)")
    .option("--tag <tag...>", "nodes with all of these tags")
    .option("--site <SITE>", "nodes of this site")
    .option("--phase <PHASE>", "nodes in this phase")
    .option("--presence <STATE>", "nodes with this presence")
    .option("--runs <VERSION>", "nodes that run this version now")
    .option("--waves <LIST>", "how far each wave reaches (default: 1,5%,20%,100%)")
    .option("--canary <id...>", "who goes first")
    .option("--concurrency <N>", "nodes that are at it at once (default: 100)")
    .option("--per-site <N>", "of them at one site")
    .option("--rate <N>", "offers in a minute")
    .option("--bytes-per-second <N>", "of the whole rollout, on the mean")
    .option("--window <WINDOW...>", 'when, by the local clock: "mon-fri 22:00-04:00", "daily 02:00-05:00"')
    .option("--time-zone <ZONE>", "of the windows (default: UTC)")
    .option("--min-battery <PERCENT>", "nodes with a battery wait until they have as much")
    .option("--mains-only", "nodes with a battery wait")
    .option("--soak <SECONDS>", "how long a wave is watched before the next (default: 1800)")
    .option("--min-sample <N>", "ends that a gate needs; of a smaller wave all (default: 20)")
    .option("--success <RATIO>", "share of a wave that must succeed (default: 0.95)")
    .option("--failures <RATIO>", "more failures than this share of a wave stop it at once (default: 0.05)")
    .option("--no-health", "judge by installations alone, not by the health of updated nodes")
    .option("--attempts <N>", "tries of a node (default: 3)")
    .option("--revert-to <UPDATE>", "the previous image, signed under a higher sequence number")
    .option("--auto-revert", "revert by itself when a gate closes")
    .option("--approval", "a second person must approve it")
    .option("--stay-open", "wait for new nodes when everybody is done");
}

type Body = Record<string, unknown>;

/** The plan as the API takes it. */
export function planBody(update: string | undefined, flags: PlanFlags): Body {
  const body: Body = flags.plan === undefined ? {} : planFile(flags.plan);
  const wanted = update ?? body["update"];
  if (typeof wanted !== "string") throw usage("Say which update: `coxswain rollout create UPDATE`.");
  body["update"] = wanted;
  body["id"] = flags.id ?? body["id"] ?? wanted;
  set(body, { title: flags.title, timeZone: flags.timeZone, canaries: flags.canary, windows: flags.window });
  set(body, { waves: flags.waves?.split(",").map((each) => each.trim()) });
  const query = {
    ...{ model: flags.model, tags: flags.tag, site: flags.site, phase: flags.phase },
    ...{ presence: flags.presence, version: flags.runs },
  };
  const isQuery = Object.values(query).some((each) => each !== undefined);
  if (flags.node !== undefined && isQuery) throw usage("Say nodes or a query, not both.");
  if (flags.node !== undefined) body["targets"] = { nodes: flags.node };
  else if (isQuery) body["targets"] = { query: set({}, query) };
  within(body, "limits", {
    concurrency: number(flags.concurrency, "--concurrency"),
    perSite: number(flags.perSite, "--per-site"),
    ratePerMinute: number(flags.rate, "--rate"),
    bytesPerSecond: number(flags.bytesPerSecond, "--bytes-per-second"),
  });
  within(body, "power", { minBatteryPercent: number(flags.minBattery, "--min-battery"), mainsOnly: flags.mainsOnly });
  within(body, "gate", {
    soakSeconds: number(flags.soak, "--soak"),
    minSample: number(flags.minSample, "--min-sample"),
    successRatio: number(flags.success, "--success"),
    failureRatio: number(flags.failures, "--failures"),
    health: flags.health ? undefined : [],
  });
  within(body, "retry", { attempts: number(flags.attempts, "--attempts") });
  within(body, "revert", { update: flags.revertTo, automatic: flags.autoRevert });
  if (flags.autoRevert === true && (body["revert"] as Body)["update"] === undefined)
    throw usage(
      "--auto-revert needs the way back, which has to be signed beforehand: name it with --revert-to UPDATE.",
    );
  set(body, { needsApproval: flags.approval, staysOpen: flags.stayOpen });
  return body;
}

function planFile(path: string): Body {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw usage(`The plan ${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw usage(`The plan ${path} is no object.`);
  return { ...value };
}

function set(body: Body, values: Readonly<Record<string, unknown>>): Body {
  for (const [name, value] of Object.entries(values)) if (value !== undefined) body[name] = value;
  return body;
}

function within(body: Body, name: string, values: Readonly<Record<string, unknown>>): void {
  const part = set({ ...(body[name] as Body | undefined) }, values);
  if (Object.keys(part).length > 0) body[name] = part;
}

function number(text: string | undefined, flag: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,12}(?:\.\d{1,6})?$/.test(text)) throw usage(`${flag} ${text} is no number.`);
  return Number(text);
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "`coxswain rollout create --help` says how.", exitCodes.usage);
}
