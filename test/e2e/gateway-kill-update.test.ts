import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { stampImage } from "../../tools/demo/programs.ts";
import { buildFolder } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";
import { RealGateway, realHub } from "./real-gateway.ts";

// Manager, gateway and pack are programs; what passes between them is what an operator set up by the command line.
const fleet = new RealFleet({ signs: true });
const hardware = "24a160000003";
const pack = `gw.${hardware}`;
const image = join(buildFolder, "cxpack-node");
const credentials = join(fleet.folder, "gw.credentials.json");

let hub: CanHub;
let gateway: RealGateway;
let program: PackProgram;

async function startGateway(): Promise<void> {
  const manager = ["--manager-address", fleet.manager.urls.coap, "--manager-credentials", credentials];
  gateway = await RealGateway.start(join(fleet.folder, "gateway"), hub.address(), manager);
}

async function reached(percent: number): Promise<void> {
  await expect
    .poll(async () => (await fleet.manager.attempt("u-6", pack))?.attempt.percent ?? 0, {
      timeout: 90_000,
      interval: 50,
    })
    .toBeGreaterThanOrEqual(percent);
}

beforeAll(async () => {
  hub = await realHub();
  await fleet.coxswain("node", "add", "gw", "--out", credentials);
  program = new PackProgram({
    ...{ name: "pack", hardware, can: hub.address(), folder: fleet.folder },
    flags: ["--anchors", fleet.anchors, "--image", image],
  });
  await startGateway();
}, 60_000);

afterAll(async () => {
  await gateway?.kill("SIGTERM");
  await program?.stop();
  await hub?.stop();
}, 30_000);

it("an update of a pack outlives a kill of its gateway and one of the manager, whose image is fetched once", async () => {
  await expect
    .poll(async () => (await fleet.manager.manifest(pack).catch(() => undefined))?.["confirmed"], {
      timeout: 60_000,
      interval: 100,
    })
    .toBe(true);
  const next = await stampImage(image, "2.6.0", join(fleet.folder, "u-6.bin"));
  // The whole image, so that it takes long enough to be killed in.
  const about = ["--id", "u-6", "--model", "energy-pack", "--version", "2.6.0", "--sequence", "6", "--no-deflate"];
  await fleet.coxswain("update", "create", next, ...about, "--key", fleet.key);
  await fleet.coxswain("update", "start", "u-6", "--node", pack);
  await reached(20);
  await gateway.kill();
  await startGateway();
  await reached(40);
  await fleet.manager.kill();
  await fleet.manager.startAgain();
  await expect
    .poll(async () => (await fleet.manager.attempt("u-6", pack))?.attempt.state, { timeout: 150_000, interval: 200 })
    .toBe("succeeded");
  expect(program.events.filter((line) => line.startsWith("boot Alfaspark 2.6"))).toHaveLength(1);
  // From the manager it was fetched once: the gateway kept it over its death.
  expect(fleet.manager.seen.filter((event) => event.kind === "fetch" && event.node === pack)).toHaveLength(1);
}, 300_000);
