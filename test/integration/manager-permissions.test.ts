import { readFileSync, writeFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { CoapContext } from "../../manager/adapters/coap/coap-context.ts";
import { CoapDoors } from "../../manager/adapters/coap/coap-doors.ts";
import { CoapFace } from "../../manager/adapters/coap/coap-face.ts";
import { routeActions as coapActions } from "../../manager/adapters/coap/route-actions.ts";
import { HttpServer } from "../../manager/adapters/http/http-server.ts";
import { defaultHttpLimits } from "../../manager/adapters/http/http-server-options.ts";
import { routeActions as httpActions } from "../../manager/adapters/http/route-actions.ts";
import type { ManagerApp } from "../../manager/app/api/manager-app.ts";
import { commandActions } from "../../manager/cli/command-actions.ts";
import { coxswainProgram, namedCommands } from "../../manager/cli/coxswain-program.ts";
import { permissions } from "../../manager/domain/permissions.ts";
import { permissionsPage } from "../../manager/permissions-page.ts";

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort();
const world = () => ({ clock: new VirtualClock(), entropy: seededEntropy(1), log: silentLog });

describe("every way in has a row in the table of permissions, and no row names a way that isn't there", () => {
  test("HTTP routes", async () => {
    const server = new HttpServer({
      ...world(),
      app: {} as ManagerApp,
      isInsecure: false,
      ownHosts: [],
      limits: defaultHttpLimits,
      describe: () => ({}),
      baseUrl: () => "",
      httpsUrl: () => undefined,
      coapUrls: () => ({ coap: "", coaps: undefined }),
      siteUrls: () => ({ manager: "", gateway: "", phones: "" }),
    });
    expect(sorted(await server.routes())).toEqual(sorted(Object.keys(httpActions)));
  });

  test("CoAP resources", () => {
    const endpoint = new CoapEndpoint({
      ...world(),
      transport: new MemoryNetwork(world()).transport("192.0.2.1", 5683),
    });
    const face = new CoapFace({
      ...world(),
      app: {},
      doors: new CoapDoors({ open: endpoint }),
      isInsecure: true,
    } as unknown as CoapContext);
    expect(sorted(face.routes)).toEqual(sorted(Object.keys(coapActions)));
  });

  test("commands of the command line, whose help says the role", () => {
    const program: Command = coxswainProgram({ client: () => expect.fail(), isJson: () => false }, "http://x");
    const commands = namedCommands(program).filter(([, { commands: below }]) => below.length === 0);
    // Programs of their own, which ask no manager.
    const programs = ["start", "can-bus"];
    expect(sorted(commands.map(([name]) => name))).toEqual(sorted([...Object.keys(commandActions), ...programs]));
    const help = namedCommands(program).find(([name]) => name === "operator add")?.[1];
    let text = "";
    help?.configureOutput({ writeOut: (part) => (text += part) });
    help?.outputHelp();
    expect(text).toContain("Needs the role admin.");
  });
});

test("every row is asked for somewhere, but for those whose routes are still to come", () => {
  const asked = new Set([...Object.values(httpActions), ...Object.values(coapActions)]);
  const unused = Object.keys(permissions).filter((each) => !asked.has(each as keyof typeof permissions));
  expect(["authority.change"].filter((each) => unused.includes(each))).toEqual(unused);
});

// UPDATE_DOCS=1 writes the page anew.
test("docs/reference/permissions.md is what is rendered", () => {
  const path = new URL("../../docs/reference/permissions.md", import.meta.url);
  if (process.env["UPDATE_DOCS"]) writeFileSync(path, permissionsPage());
  expect(readFileSync(path, "utf8")).toBe(permissionsPage());
});
