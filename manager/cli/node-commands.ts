import { type Command, Option } from "commander";
import type { NodeView, NodeWalk, PresenceState } from "../app/api/registry.ts";
import type { CommandView } from "../app/api/steering.ts";
import type { AttemptView } from "../app/api/updates.ts";
import type { AlertView, TimelineEntry } from "../app/api/watching.ts";
import type { TelemetryPoint } from "../ports/telemetry-store.ts";
import { attemptHint } from "./attempt-hint.ts";
import { type CommandContext, print } from "./command-context.ts";
import { printableLine } from "./printable.ts";
import { ago, byteCount, clockTime, day, duration, members, table } from "./table.ts";

const filters = ["model", "tag", "phase", "site", "parent"] as const;
const presences: readonly PresenceState[] = ["online", "late", "offline", "unknown"];

/** `coxswain nodes` and `coxswain node show ID`; the command `node`, for those that follow. */
export function addNodeCommands(program: Command, context: CommandContext): Command {
  const nodes = program.command("nodes").description("List the nodes.");
  for (const name of filters) nodes.option(`--${name} <${name.toUpperCase()}>`, `only those with this ${name}`);
  nodes.addOption(new Option("--presence <STATE>", "only those with this presence").choices([...presences]));
  nodes
    .option("--limit <N>", "how many to show", "100")
    .option("--after <ID>", "those that follow this id")
    .option("--all", "all of them");
  nodes.action(async ({ all, ...query }: NodeListFlags) => {
    const found = all === true ? await walkAll(context, query) : await walk(context, query);
    const more = found.next === undefined ? "" : `\nMore follow: --after ${found.next} shows them, --all everything.`;
    const isFiltered = Object.keys(query).some((name) => name !== "limit");
    const none = isFiltered ? "No node matches." : "No nodes yet: `coxswain node add --id ID` makes keys for one.";
    const text = found.nodes.length === 0 && more === "" ? none : `${listOf(found.nodes)}${more}`.trimStart();
    print(context, found, text);
  });

  const node = program
    .command("node")
    .description("Look at one node, label it, give it credentials, rotate or revoke them.");
  node
    .command("show")
    .argument("<id>", "the node")
    .description("Show all that is known of a node.")
    .action(async (id: string) => {
      const path = `/nodes/${encodeURIComponent(id)}`;
      const details = await context.client().get<NodeDetails>(path);
      const { entries } = await context
        .client()
        .get<{ entries: readonly TimelineEntry[] }>(`${path}/timeline?limit=12`);
      print(context, { ...details, timeline: entries }, describe(details, entries));
    });
  return node;
}

interface NodeListFlags {
  readonly all?: true;
  readonly [filter: string]: string | true | undefined;
}

function walk(context: CommandContext, query: Readonly<Record<string, unknown>>): Promise<NodeWalk> {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (typeof value === "string") asked.set(name, value);
  return context.client().get<NodeWalk>(`/nodes?${asked.toString()}`);
}

/** In steps that cost the manager the same however many nodes there are. */
async function walkAll(context: CommandContext, query: Readonly<Record<string, unknown>>): Promise<NodeWalk> {
  const nodes: NodeView[] = [];
  let after = query["after"];
  do {
    const step = await walk(context, { ...query, limit: "1000", after });
    nodes.push(...step.nodes);
    after = step.next;
  } while (after !== undefined);
  return { nodes };
}

interface NodeDetails {
  readonly node: NodeView;
  readonly health: { readonly value: Readonly<Record<string, unknown>>; readonly ageMs: number } | null;
  readonly commands: readonly CommandView[];
  readonly attempts: readonly AttemptView[];
  readonly telemetry: readonly TelemetryPoint[];
  readonly alerts: readonly AlertView[];
}

function listOf(nodes: readonly NodeView[]): string {
  const headings = ["NODE", "MODEL", "PRESENCE", "HEALTH", "PHASE", "VERSION", "UPDATE", "SITE", "HEARD"];
  if (nodes.length === 0) return "";
  return table(
    headings,
    nodes.map((each) => [
      each.id,
      each.manifest.model ?? "",
      each.presence.state,
      each.health?.status ?? "",
      each.phase ?? "",
      each.manifest.version ?? "",
      each.attempt
        ? `${each.attempt.state}${each.attempt.percent === undefined ? "" : ` ${each.attempt.percent} %`}`
        : "",
      each.labels.site ?? each.manifest.site ?? "",
      each.presence.heardAgoMs === undefined ? "" : ago(each.presence.heardAgoMs),
    ]),
  );
}

function describe(details: NodeDetails, timeline: readonly TimelineEntry[]): string {
  const { node, health, attempts, telemetry, alerts } = details;
  const { manifest, presence } = node;
  const heard = presence.heardAgoMs === undefined ? "never heard" : `heard ${ago(presence.heardAgoMs)}`;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["presence", `${presence.state}, ${heard}`],
    ["health", node.health && `${node.health.status}, said ${ago(node.health.ageMs)}`],
    ["phase", node.phase],
    ["model", manifest.model],
    ["version", manifest.version],
    [
      "running",
      manifest.digest &&
        `${manifest.digest}${manifest.slot ? ` in slot ${manifest.slot}` : ""}${manifest.confirmed === false ? ", on trial" : ""}`,
    ],
    ["signed as", manifest.seq === undefined ? undefined : `number ${manifest.seq}`],
    ["vendor id", manifest.vendor],
    ["class id", manifest.class],
    [
      "rolled back",
      manifest.rolledBack && `${manifest.rolledBack.digest}: ${manifest.rolledBack.reason ?? "no reason given"}`,
    ],
    ["identity", node.identity],
    ["path", `${node.path.address} port ${node.path.port}`],
    ["broker", node.isConnectedToBroker ? "connected" : "not connected"],
    ["actions", `${node.waitingActions} waiting, last given ${node.rev}, last finished ${node.lastRev}`],
    ["registered", `${day(node.registeredAtMs)} ${clockTime(node.registeredAtMs)}`],
  ];
  const parts = [
    node.id,
    facts
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => `  ${name.padEnd(12)}${printableLine(value ?? "")}`)
      .join("\n"),
  ];
  const reported = Object.entries(health?.value ?? {}).filter(([, value]) => typeof value !== "object");
  if (reported.length > 0)
    parts.push(`reported\n${reported.map(([name, value]) => printableLine(`  ${name} ${String(value)}`)).join("\n")}`);
  if (telemetry.length > 0) {
    parts.push(
      `telemetry\n${telemetry.map((each) => printableLine(`  ${each.series} ${String(each.value)} ${each.unit === "/100" ? "%" : (each.unit ?? "")}`.trimEnd())).join("\n")}`,
    );
  }
  if (attempts.length > 0)
    parts.push(`attempts\n${attempts.map((each) => printableLine(`  ${attemptText(each)}`)).join("\n")}`);
  // Of the last one alone: what came of those before it is the past.
  const hint = attemptHint(attempts[0]?.attempt.reason);
  if (hint !== undefined) parts.push(`${attempts[0]?.attempt.reason}: ${hint}`);
  if (alerts.length > 0)
    parts.push(`alerts\n${alerts.map((each) => printableLine(`  ${each.severity} ${each.text}`)).join("\n")}`);
  if (timeline.length > 0) {
    const entries = timeline.map((each) =>
      `  ${day(each.wallMs)} ${clockTime(each.wallMs)}  ${each.what}  ${members(each.data ?? {})}`.trimEnd(),
    );
    parts.push(`timeline\n${entries.join("\n")}`);
  }
  return parts.join("\n\n");
}

function attemptText({ attempt, bytesByWay, resumes, startedAtMs, endedAtMs }: AttemptView): string {
  const ways = Object.entries(bytesByWay).map(([way, bytes]) => `${byteCount(bytes)} by ${way}`);
  const details = [
    attempt.reason,
    ...ways,
    endedAtMs === undefined ? undefined : `in ${duration(endedAtMs - startedAtMs)}`,
    resumes > 0 ? `resumed ${resumes === 1 ? "once" : `${resumes} times`}` : undefined,
  ].filter(Boolean);
  return `${attempt.id} ${attempt.update} ${attempt.state}${details.length > 0 ? ` (${details.join(", ")})` : ""}`;
}
