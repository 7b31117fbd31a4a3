import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { SiteInvitation, SiteLink } from "../../schemas/generated/types.ts";
import { gatewayUser, phoneUser } from "../../schemas/wire/site-users.ts";
import type { PhoneView, SiteView } from "../app/api/sites.ts";
import type { MosquittoFile } from "../domain/mosquitto-access.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { minute } from "./life-time.ts";
import { mergedMosquittoFile } from "./merged-mosquitto-file.ts";
import { qrCode } from "./qr-code.ts";
import { reserveFile, writeReserved } from "./secret-file.ts";
import { table } from "./table.ts";

interface SiteFlags {
  readonly title?: string;
  readonly timeZone?: string;
  readonly gateway?: string;
  readonly retain?: boolean;
  readonly brokerPhones?: string;
  readonly brokerGateway?: string;
}

type Invited = PhoneView & {
  readonly site: string;
  readonly invitation: SiteInvitation;
  readonly links: { readonly home?: string; readonly server: string };
};

const siteArgument = ["<site>", "as `coxswain site list` shows it"] as const;
const pathOf = (site: string, more = ""): string => `/sites/${encodeURIComponent(site)}${more}`;

/** `coxswain site add|change|list|show|remove|link|invite|phones|remove-phone|access`. */
export function addSiteCommands(program: Command, context: CommandContext): void {
  const site = program.command("site").description("Households: their gateway, their phones, and who may come in.");

  withFacts(site.command("add").argument("<name>", "1 to 63 of a-z, 0-9, dot, underscore and hyphen"))
    .description("Add a household.")
    .action(async (name: string, flags: SiteFlags) => {
      const made = await context.client().post<SiteView>("/sites", { site: name, ...factsOf(flags) });
      const words = [
        `The site ${name} is there.`,
        ...(made.gateway === undefined
          ? []
          : [
              `Its gateway is a node: \`coxswain node add ${made.gateway}\` makes credentials, and docs/gateway.md starts it with them.`,
            ]),
        `Next: \`coxswain site link ${name}\` for its gateway, then \`coxswain site invite ${name} --name "Anna's phone"\`.`,
      ];
      print(context, made, words.join("\n"));
    });

  withFacts(site.command("change").argument(...siteArgument))
    .description("Change what is said of a household; what isn't named stays.")
    .action(async (name: string, flags: SiteFlags) => {
      const response = await context.client().open(pathOf(name), {
        ...{ method: "PATCH", body: JSON.stringify(factsOf(flags)) },
        headers: { "content-type": "application/json" },
      });
      const changed = (await response.json()) as SiteView;
      print(context, changed, wordsOf(changed));
    });

  site
    .command("list")
    .description("List the households.")
    .action(async () => {
      const found = await context.client().get<{ sites: readonly SiteView[] }>("/sites");
      const rows = found.sites.map((each) => [
        ...[each.site, each.title, each.gateway ?? "-", String(each.phones.length), heard(each)],
      ]);
      const headings = ["SITE", "TITLE", "GATEWAY", "PHONES", "GATEWAY HEARD"];
      print(context, found, rows.length === 0 ? "There are no sites." : table(headings, rows));
    });

  site
    .command("show")
    .argument(...siteArgument)
    .description("Show one household.")
    .action(async (name: string) => {
      const found = await context.client().get<SiteView>(pathOf(name));
      print(context, found, wordsOf(found));
    });

  site
    .command("remove")
    .argument(...siteArgument)
    .description("Remove a household: its phones and its gateway are off the server broker at once.")
    .action(async (name: string) => {
      const { broker, phones } = await context.client().get<SiteView>(pathOf(name));
      await context.client().delete(pathOf(name));
      const users = [gatewayUser(name), ...phones.map(({ phone }) => phoneUser(name, phone))];
      print(context, { site: name, removed: true }, `The site ${name} is removed.${atOther(broker, users)}`);
    });

  site
    .command("link")
    .argument(...siteArgument)
    .option("--out <FILE>", "file for the link (default: SITE.link.json; with --json none)")
    .description("Make what a gateway joins its household by, told this once. What it had before is good no more.")
    .action(async (name: string, { out }: { readonly out?: string }) => await link(context, name, out));

  site
    .command("invite")
    .argument(...siteArgument)
    .requiredOption("--name <NAME>", 'whose phone it is: "Anna\'s phone"')
    .option("--away", "for a phone that isn't at home now: its app comes from the server")
    .description("Make credentials for one phone, and a QR code that it joins by. They are told this once.")
    .action(async (name: string, flags: { readonly name: string; readonly away?: boolean }) => {
      await invite(context, name, flags);
    });

  site
    .command("phones")
    .argument(...siteArgument)
    .description("List the phones of a household.")
    .action(async (name: string) => {
      const { phones } = await context.client().get<SiteView>(pathOf(name));
      const rows = phones.map((each) => [each.phone, each.name, minute(each.createdAtMs), each.createdBy]);
      const text = rows.length === 0 ? `${name} has no phones.` : table(["PHONE", "NAME", "SINCE", "BY"], rows);
      print(context, { site: name, phones }, text);
    });

  site
    .command("remove-phone")
    .argument(...siteArgument)
    .argument("<phone>", "its name, or its id as `coxswain site phones` shows it")
    .description("Remove a phone: it is off the server broker at once, and off its gateway's when that hears of it.")
    .action(async (name: string, phone: string) => {
      const response = await context
        .client()
        .open(pathOf(name, `/phones/${encodeURIComponent(phone)}`), { method: "DELETE" });
      const removed = (await response.json()) as PhoneView;
      const { broker } = await context.client().get<SiteView>(pathOf(name));
      const words = `${removed.name} is no phone of ${name} any more.`;
      const done = { site: name, ...removed, removed: true };
      print(context, done, words + atOther(broker, [phoneUser(name, removed.phone)]));
    });

  site
    .command("access")
    .requiredOption("--mosquitto-dynsec", "as the file of Mosquitto's dynamic-security plug-in")
    .option("--merge <FILE>", "keep the clients, groups and roles of that file that aren't ours, such as its admin")
    .description("Print the access rules of all households for a broker that isn't the manager's own.")
    .action(async ({ merge }: { readonly merge?: string }) => {
      const rules = await context.client().get<MosquittoFile>("/site-access/mosquitto");
      const file = merge === undefined ? rules : mergedMosquittoFile(textOf(merge), rules);
      // For a file in either case.
      console.log(JSON.stringify(file, null, context.isJson() ? undefined : 2));
    });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure(
      "unreadable-file",
      `${file} can't be read (${reason}).`,
      "Name the file that Mosquitto's plugin_opt_config_file names.",
      exitCodes.usage,
    );
  }
}

function withFacts(command: Command): Command {
  return command
    .option("--title <NAME>", "what people call it")
    .option("--time-zone <ZONE>", "its time zone, such as Europe/Berlin")
    .option("--gateway <NODE>", "the node that is its gateway")
    .option("--retain", "keep last values at the server broker, as its owner asked")
    .option("--no-retain", "keep nothing there (what a site begins with)")
    .option("--broker-phones <URL>", "the server broker for its phones, where it isn't the manager's: wss://HOST/PATH")
    .option("--broker-gateway <URL>", "the same broker for its gateway: mqtts://HOST:8883");
}

function factsOf({ title, timeZone, gateway, retain, brokerPhones, brokerGateway }: SiteFlags): object {
  if ((brokerPhones === undefined) !== (brokerGateway === undefined)) {
    throw new CommandFailure(
      "half-a-broker",
      "A broker has two addresses here.",
      "Give --broker-phones and --broker-gateway together.",
      exitCodes.usage,
    );
  }
  return {
    ...{ title, timeZone, gateway, retains: retain },
    ...(brokerPhones !== undefined && { broker: { phones: brokerPhones, gateway: brokerGateway } }),
  };
}

async function link(context: CommandContext, name: string, out: string | undefined): Promise<void> {
  const place = out ?? (context.isJson() ? undefined : `${name}.link.json`);
  // Before the secret is made: it is told once, so there must be a place for it.
  const file = place === undefined ? undefined : reserveFile(place);
  const made = await context
    .client()
    .post<SiteLink>(pathOf(name, "/link"), {})
    .catch((error: unknown) => {
      file?.discard();
      throw error;
    });
  if (file === undefined) {
    print(context, made, "");
    return;
  }
  writeReserved(file, `${JSON.stringify(made, null, 2)}\n`);
  const { secret: _, ...shown } = made;
  const words = [
    `The link of ${name} is in ${place}; its secret is told this once.`,
    `On the gateway: coxswain gateway --site-link ${place}`,
  ];
  print(context, { ...shown, file: place }, words.join("\n"));
}

async function invite(
  context: CommandContext,
  site: string,
  { name, away }: { readonly name: string; readonly away?: boolean },
): Promise<void> {
  const made = await context.client().post<Invited>(pathOf(site, "/phones"), { name });
  const text = (away === true ? undefined : made.links.home) ?? made.links.server;
  const code = context.isJson() ? undefined : await qrCode(text);
  const { ca } = made.invitation;
  const words = [
    `Scan this with ${name}: it joins ${site} by it. It is told this once; who has it is ${name}.`,
    "",
    ...(code === undefined ? [] : [`${code}\n`]),
    text,
    "",
    ...(made.links.home === undefined
      ? ["The gateway hasn't said yet where it is at home, so the app comes from the server."]
      : []),
    ...(ca === undefined ? [] : [`Fingerprint of the household's CA: ${colons(ca)}`]),
    `\`coxswain site remove-phone ${site} ${made.phone}\` takes it back.`,
  ];
  // What draws the code would be taken out as unprintable.
  console.log(context.isJson() ? JSON.stringify(made) : words.join("\n"));
}

function wordsOf(view: SiteView): string {
  const { site, title, timeZone, gateway, retains, broker, phones, home, ca } = view;
  const rows = [
    ["site", `${site} (${title})`],
    ["time zone", timeZone],
    ["gateway", gateway ?? "-"],
    ["gateway heard", heard(view)],
    ["at home", home.length === 0 ? "-" : home.join(", ")],
    ["its CA", ca === undefined ? "-" : colons(ca)],
    ["server broker", broker === undefined ? "the manager's" : `${broker.phones}, ${broker.gateway}`],
    ["kept there", retains ? "last values" : "nothing"],
    ["phones", phones.length === 0 ? "-" : phones.map((each) => each.name).join(", ")],
  ];
  return rows.map(([name = "", value = ""]) => `${name.padEnd(14)}${value}`).join("\n");
}

/** The manager doesn't speak to a broker that isn't its own: there its operator has to do it. */
function atOther(broker: SiteView["broker"], users: readonly string[]): string {
  if (broker === undefined) return "";
  const commands = users.map((user) => `\n    mosquitto_ctrl dynsec deleteClient ${user}`);
  return `\nIts server broker isn't the manager's; there it ends by:${commands.join("")}`;
}

function heard({ linkedAtMs, heardAtMs }: SiteView): string {
  if (heardAtMs !== undefined) return minute(heardAtMs);
  return linkedAtMs === undefined ? "no link yet" : "not since the start";
}

/** `sha256:ab12...` as phones and browsers show it: `AB:12:...` */
function colons(digest: string): string {
  return (digest.slice("sha256:".length).toUpperCase().match(/../g) ?? []).join(":");
}
