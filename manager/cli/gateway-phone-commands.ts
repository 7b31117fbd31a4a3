import type { Command } from "commander";
import type { SiteInvitation } from "../../schemas/generated/types.ts";
import { type CommandContext, print } from "./command-context.ts";
import { askGateway } from "./gateway-control.ts";
import { qrCode } from "./qr-code.ts";
import { table } from "./table.ts";

interface Phone {
  readonly phone: string;
  readonly name: string;
  readonly from: "here" | "manager";
}

interface Added extends Phone {
  readonly site: string;
  readonly invitation: SiteInvitation;
  readonly link?: string;
}

const defaultFolder = "./gateway-data";

/** `coxswain gateway phone add|list|remove`: asks the gateway on this machine, with the internet down too. */
export function addGatewayPhoneCommands(gateway: Command, context: CommandContext): void {
  const phone = gateway
    .command("phone")
    .description("Phones of the household, at its gateway: also when neither manager nor internet are there.");
  const folderOf = ({ dataDir }: { readonly dataDir?: string }): string =>
    dataDir ?? process.env["COXSWAIN_GATEWAY_DATA_DIR"] ?? defaultFolder;

  phone
    .command("add")
    .requiredOption("--name <NAME>", 'whose phone it is: "Anna\'s phone"')
    .description("Let a phone in at home, by a QR code that is shown this once. For away, invite it at the manager.")
    .action(async (flags: { readonly name: string; readonly dataDir?: string }) => {
      const { name } = flags;
      const made = await askGateway<Added>(folderOf(flags), "POST", "/phones", { name });
      if (context.isJson()) {
        console.log(JSON.stringify(made));
        return;
      }
      const code = made.link === undefined ? undefined : await qrCode(made.link);
      const words = [
        `Scan this with ${name} in the home's network: it joins ${made.site} by it. It is told this once.`,
        "",
        ...(code === undefined ? [] : [`${code}\n`]),
        made.link ?? "The gateway doesn't know where phones find it: give it an address of the LAN with --host.",
        "",
        ...(isOnlyHere(made.invitation.home)
          ? [
              "Only this machine reaches that address: start the gateway with --host and an address of the LAN, and add the phone anew.",
            ]
          : []),
        `\`coxswain gateway phone remove ${made.phone}\` takes it back.`,
      ];
      console.log(words.join("\n"));
    });

  phone
    .command("list")
    .description("List the phones that may come in at home.")
    .action(async (flags: { readonly dataDir?: string }) => {
      const found = await askGateway<{ site: string; phones: readonly Phone[] }>(folderOf(flags), "GET", "/phones");
      const rows = found.phones.map((each) => [each.phone, each.name, each.from]);
      const text = rows.length === 0 ? `${found.site} has no phones.` : table(["PHONE", "NAME", "INVITED"], rows);
      print(context, found, text);
    });

  phone
    .command("remove")
    .argument("<phone>", "its name, or its id as `coxswain gateway phone list` shows it")
    .description("Cut a phone off: here at once, at the server as soon as the manager hears of it.")
    .action(async (name: string, flags: { readonly dataDir?: string }) => {
      const path = `/phones/${encodeURIComponent(name)}`;
      const removed = await askGateway<Phone & { site: string }>(folderOf(flags), "DELETE", path);
      print(context, removed, `${removed.name} is no phone of ${removed.site} any more.`);
    });
}

/** No phone can reach what is named: the gateway listens on loopback. */
function isOnlyHere(addresses: SiteInvitation["home"]): boolean {
  const isLoopback = (address: string): boolean => /^https?:\/\/(127\.|localhost[:/]|\[::1\])/.test(`${address}/`);
  return addresses !== undefined && addresses.length > 0 && addresses.every(isLoopback);
}
