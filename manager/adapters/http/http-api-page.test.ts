import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { silentLog } from "../../../kernel/log.ts";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import { consoleRoutes, describedRoutes, httpApiPage } from "./http-api-page.ts";
import { HttpServer } from "./http-server.ts";
import { defaultHttpLimits } from "./http-server-options.ts";

test("every route is described, and nothing that isn't there", async () => {
  // Routes are added without calling a use case.
  const server = new HttpServer({
    app: {} as ManagerApp,
    isInsecure: true,
    ownHosts: [],
    clock: new VirtualClock(),
    entropy: seededEntropy(1),
    log: silentLog,
    limits: defaultHttpLimits,
    describe: () => ({}),
    httpsUrl: () => undefined,
    baseUrl: () => "",
    coapUrls: () => ({ coap: "", coaps: undefined }),
    siteUrls: () => ({ manager: "", gateway: "", phones: "" }),
  });
  const there = (await server.routes()).filter((each) => !consoleRoutes.includes(each.replace("GET ", "")));
  expect([...new Set(there)].toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
    Object.keys(describedRoutes).toSorted((a, b) => (a < b ? -1 : 1)),
  );
});

// UPDATE_DOCS=1 writes the page anew.
test("docs/reference/http-api.md is what is rendered", () => {
  const path = new URL("../../../docs/reference/http-api.md", import.meta.url);
  if (process.env["UPDATE_DOCS"]) writeFileSync(path, httpApiPage());
  expect(readFileSync(path, "utf8")).toBe(httpApiPage());
});
