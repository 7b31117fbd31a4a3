import { join } from "node:path";
import { energyDay } from "../../gateway/domain/local-time.ts";
import type { AttemptView } from "../../manager/app/api/updates.ts";
import { type SiteCommandName, siteCommands } from "../../schemas/wire/site-topics.ts";
import { firmware, stampImage } from "./programs.ts";
import type { HomePlan } from "./site-homes.ts";
import { gatewayId, hardwareOf, homes, pump, type SiteStage } from "./site-stage.ts";

const nextVersion = "2.6.0";
/** kWh a day, the least that a pack takes. */
const gridLimit = 2;

/** The phone commands one pack; a pack that refuses ends the demo. */
async function command(stage: SiteStage, home: HomePlan, name: SiteCommandName, payload: object): Promise<void> {
  const { outcome, reason } = await stage.phone.command(name, hardwareOf(home), payload);
  if (outcome !== "done") throw new Error(`${home.name}: ${name} was ${outcome}: ${reason ?? "no reason"}`);
  stage.options.story.tell("phone", `${siteCommands[name].slice(9)} ${JSON.stringify(payload)} -> ${home.name}: done`);
}

export async function settleDown(stage: SiteStage): Promise<void> {
  const { story } = stage.options;
  story.chapter("Three packs agree on who is who; the gateway hears them");
  const isSettled = (): boolean => stage.tally.counts.packs === 3 && stage.tally.counts.mastersAtEnd === 1;
  await stage.until("three packs online, one of them master", isSettled);
  const leads = (): boolean => stage.tally.master === homes.shed.hardware;
  await stage.until("the pack with the greatest MAC leads", leads, 20);
  stage.tally.settled();
  story.tell("gateway", `hears three packs; ${nameOf(stage.tally.master)} is master`, "good");
  await stage.until("the server broker is reached", () => stage.tally.serverBroker === "up");
  for (const home of Object.values(homes))
    await command(stage, home, "set-mode", { mode: "self-consumption", on: true });
}

/** Nothing is said when a pack is pulled out: the others miss it after 120 s. Resolves with the handovers before. */
export async function unplugMaster(stage: SiteStage): Promise<number> {
  const { story } = stage.options;
  story.chapter("The master is unplugged");
  const before = stage.tally.counts.handovers;
  await stage.homes.unplug(homes.shed.name);
  story.tell(homes.shed.name, "is gone without a word; the others will miss it in two minutes", "bad");
  return before;
}

/** Resolves when another pack led in the master's place, and the master again. */
export async function missMaster(stage: SiteStage, before: number): Promise<void> {
  const { story } = stage.options;
  const isTaken = (): boolean => stage.tally.master === homes.barn.hardware && stage.tally.counts.handovers > before;
  await stage.until("another pack leads", isTaken, 140);
  story.tell(homes.barn.name, "leads now: the shed was silent for 120 s", "good");
  stage.homes.plugIn(homes.shed.name);
  story.tell(homes.shed.name, "is plugged in again");
  await stage.until("the shed leads again", () => stage.tally.master === homes.shed.hardware);
  story.tell(homes.shed.name, "leads again, with the node id that it had", "good");
}

/** A pack asks for a socket where a rule lets it; another rule gives the socket what the sun has too much. */
export async function useSun(stage: SiteStage): Promise<void> {
  const { story } = stage.options;
  story.chapter("Smart sockets and the household's rules");
  const rule = async (name: string, words: string): Promise<void> => {
    const { outcome, reason } = await stage.phone.rule([{ name, rule: words }]);
    if (outcome !== "done") throw new Error(`the rule "${words}" was ${outcome}: ${reason ?? "no reason"}`);
    story.tell("phone", `rule: ${words}`);
  };
  await rule("packs", `allow packs socket ${pump.id}`);
  stage.homes.pack(homes.house.name).requestSocket(pump.number, true);
  await stage.until("the socket is on, as a pack asked", () => stage.tally.isOn(pump.id) === true);
  story.tell(homes.house.name, `asked for socket ${pump.number} on the bus, and it is on`, "good");
  await stage.phone.switch(pump.id, false);
  await stage.until("the socket is off again", () => stage.tally.isOn(pump.id) === false);
  await rule("sun", `when P_solar > load for 3s then socket ${pump.id} on`);
  await stage.until("the sun switches the socket on", () => stage.tally.isOn(pump.id) === true, 90);
  story.tell("gateway", "the sun gave more than the load for 3 s: the socket is on", "good");
}

/** A house that takes more than it may opens its heater, then its pump. */
export async function shedLoads(stage: SiteStage): Promise<void> {
  const { story } = stage.options;
  const home = homes.house;
  story.chapter("Eco: the house takes more than it may");
  for (const relay of ["pump", "heater"]) await command(stage, home, "set-relay", { relay, on: true });
  const relays = () => stage.tally.pack(home.hardware)?.relays;
  await stage.until("pump and heater run", () => relays()?.pump === 1 && relays()?.heater === 1);
  const before = stage.tally.counts.shed;
  await command(stage, home, "set-eco-limit", { limit: 1500 });
  await command(stage, home, "set-mode", { mode: "eco", on: true });
  await stage.until("the heater is shed", () => relays()?.heater === 0);
  story.tell(home.name, "opened its heater: 2000 W less", "good");
  stage.homes.takeMore(home.name, 1200);
  await stage.until("the pump is shed", () => relays()?.pump === 0 && stage.tally.counts.shed >= before + 2);
  story.tell(home.name, "and its pump", "good");
  stage.homes.takeMore(home.name, 0);
  await command(stage, home, "set-mode", { mode: "eco", on: false });
}

/** The last of the day's grid import is used up by what a pack measures. */
export async function useUpImport(stage: SiteStage): Promise<void> {
  const { story } = stage.options;
  const home = homes.barn;
  story.chapter(`The import limit: ${gridLimit} kWh a day, of which nearly all is used`);
  await command(stage, home, "set-mode", { mode: "self-consumption", on: false });
  await command(stage, home, "set-mode", { mode: "backup", on: true });
  await command(stage, home, "set-grid-limit", { on: true, limit: gridLimit });
  // As after a loss of power: the household tells the pack what it had used before.
  const day = energyDay(Date.now(), "UTC").dayOfMonth;
  await command(stage, home, "restore-last", { import: gridLimit - 0.01, lockedOut: false, day });
  stage.homes.takeMore(home.name, 9000);
  await stage.until("the lock-out holds the grid open", () => {
    const now = stage.tally.pack(home.hardware);
    return now?.lockedOut === true && now.relays?.grid === 0;
  });
  story.tell(home.name, `locked out at ${stage.tally.pack(home.hardware)?.import?.used} kWh, over Backup`, "good");
  const refused = await stage.phone.command("set-relay", hardwareOf(home), { relay: "grid", on: true });
  if (refused.outcome !== "refused") throw new Error(`the grid was closed by hand: ${refused.outcome}`);
  story.tell("phone", `set-relay grid on -> ${home.name}: refused, ${refused.result}`, "good");
  stage.homes.takeMore(home.name, 0);
}

/** From the manager over the gateway and the bus into a pack's other slot. Resolves with how many packs the manager saw succeed. */
export async function updatePack(stage: SiteStage): Promise<number> {
  const { story, folder } = stage.options;
  const home = homes.house;
  const node = `${gatewayId}.${home.hardware}`;
  story.chapter(`A pack gets ${nextVersion}, signed, over the bus`);
  const image = await stampImage(firmware("cxpack-node"), nextVersion, join(folder, "cxpack-next.bin"));
  const flags = ["--model", "energy-pack", "--version", nextVersion, "--sequence", "2", "--key", stage.signingKey];
  const created = (await stage.coxswain("update", "create", image, ...flags)) as { update: { id: string } };
  const update = created.update.id;
  story.tell("operator", `coxswain update create -> ${update}, signed`);
  await stage.coxswain("update", "start", update, "--node", node);
  const boots = () => stage.homes.pack(home.name).events.filter((line) => line.startsWith("boot "));
  await stage.until(
    "the pack boots the new image",
    () => boots().at(-1)?.startsWith("boot Alfaspark 2.6 ") === true,
    240,
  );
  story.tell(home.name, boots().at(-1) ?? "");
  await stage.untilAsked("the manager has it confirmed", async () => (await succeeded(stage, update)) > 0, 120);
  story.tell("manager", `${node} runs ${nextVersion}, confirmed by itself`, "good");
  return await succeeded(stage, update);
}

/** Packs that the manager saw succeed with this update. */
async function succeeded(stage: SiteStage, update: string): Promise<number> {
  const { attempts } = (await stage.coxswain("update", "show", update)) as { attempts: readonly AttemptView[] };
  return attempts.filter(({ attempt }) => attempt.state === "succeeded").length;
}

/** The household goes on without it, and what was said meanwhile goes out afterwards. */
export async function cutInternet(stage: SiteStage): Promise<void> {
  const { story } = stage.options;
  story.chapter("The internet is cut");
  const before = stage.tally.counts.reconnects;
  stage.internet.cut();
  await stage.until("the gateway misses the server broker", () => stage.tally.serverBroker === "down");
  story.tell("gateway", "has no server broker", "bad");
  await command(stage, homes.house, "set-relay", { relay: "heater", on: true });
  await command(stage, homes.house, "set-relay", { relay: "heater", on: false });
  story.tell("phone", "at home everything works on", "good");
  stage.internet.restore();
  await stage.until("the server broker is back", () => stage.tally.counts.reconnects > before, 120);
  story.tell("gateway", "is back at the server broker", "good");
}

function nameOf(hardware: string | undefined): string {
  return Object.values(homes).find((home) => home.hardware === hardware)?.name ?? String(hardware);
}
