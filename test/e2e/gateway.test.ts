import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MqttClient } from "mqtt";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { PlayedPack } from "../integration/played-pack.ts";
import { RealGateway, realHub } from "./real-gateway.ts";

const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const until = (isSo: () => boolean) => expect.poll(isSo, { timeout: 60_000, interval: 20 }).toBe(true);

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "gateway-"));
  ends.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function started(place: string, can: string, flags: readonly string[] = []): Promise<RealGateway> {
  const gateway = await RealGateway.start(place, can, flags);
  ends.push(() => gateway.kill());
  return gateway;
}

function watch(client: MqttClient): Map<string, Record<string, unknown>> {
  const documents = new Map<string, Record<string, unknown>>();
  client.on("message", (topic, payload) =>
    documents.set(topic, JSON.parse(String(payload)) as Record<string, unknown>),
  );
  ends.push(() => client.endAsync(true));
  return documents;
}

it("settings that can't be are said with what to do, and nothing is left running", async () => {
  const place = folder();
  const hub = await realHub();
  ends.push(() => hub.stop());
  await expect(RealGateway.start(place, "what?")).rejects.toThrow(/No CAN bus is called/);
  await expect(RealGateway.start(place, hub.address(), ["--time-zone", "Middle/Earth"])).rejects.toThrow(
    /Middle\/Earth/,
  );
  await expect(RealGateway.start(place, hub.address(), ["--mqtt-prot", "1"])).rejects.toThrow(/ended with 2/);
  writeFileSync(join(place, "sockets.json"), '{"sockets":[{"id":"pump"}]}', { mode: 0o600 });
  await expect(RealGateway.start(place, hub.address(), ["--sockets", join(place, "sockets.json")])).rejects.toThrow(
    /sockets\[0\]: must have tasmota or template/,
  );
  const one = await started(place, hub.address());
  const port = new URL(one.ready.mqtt).port;
  await expect(RealGateway.start(folder(), hub.address(), ["--mqtt-port", port])).rejects.toThrow(/mqtt-port/);
});

it("a household from its packs to a phone: values, a command, and what is left of it after the power was pulled", async () => {
  const place = folder();
  const hub = await realHub();
  ends.push(() => hub.stop());
  const packs = [1, 2].map((node) => new PlayedPack(hub.bus, systemClock, node));
  for (const pack of packs) {
    pack.powerUp();
    ends.push(() => pack.cutPower());
  }
  const [one] = packs as [PlayedPack];
  one.state = { ...one.state, isMaster: true };
  const gateway = await started(place, hub.address());
  const invitation = await gateway.phone("Anna's phone");
  const phone = await gateway.join(invitation);
  const documents = watch(phone);
  await phone.subscribeAsync("alfaspark/home-7/#", { qos: 1 });
  const telemetry = `alfaspark/home-7/${one.hardware}/telemetry`;
  await until(() => documents.get(telemetry)?.["P_home"] === 0.8);
  await until(() => documents.get("alfaspark/home-7/aggregate")?.["packs"] === 2);
  expect(documents.get("alfaspark/home-7/aggregate")).toMatchObject({
    P_home: 1.6,
    master: one.hardware,
    stale: false,
  });
  expect(documents.get("alfaspark/home-7/gateway")).toMatchObject({ online: true, can: "up" });
  expect(await (await fetch(gateway.ready.app.replace("/app/", "/site.json"))).json()).toMatchObject({
    ...{ site: "home-7", mqttPath: "/mqtt", fingerprint: gateway.ready.fingerprint },
  });
  await phone.publishAsync("alfaspark/home-7/commands/set-mode", '{"mode":"eco","on":true,"id":"c1"}', { qos: 1 });
  await until(() => packs.every(({ state }) => state.eco));
  await until(() => documents.get("alfaspark/home-7/ack/set-mode")?.["id"] === "c1");
  await until(() => JSON.stringify(documents.get(telemetry)?.["modes"]) === '["eco"]');
  // Written within two seconds of the first, then once a minute; an orderly end writes what is newest.
  expect(await gateway.kill("SIGTERM")).toBe(0);
  for (const pack of packs) pack.cutPower();
  const again = await started(place, hub.address());
  const phoneAgain = await again.join(invitation);
  const known = watch(phoneAgain);
  await phoneAgain.subscribeAsync("alfaspark/home-7/#", { qos: 1 });
  await until(() => known.get(telemetry) !== undefined);
  expect(known.get(telemetry)).toMatchObject({ stale: true, online: false, P_home: 0.8, modes: ["eco"] });
  await until(() => known.get("alfaspark/home-7/aggregate")?.["stale"] === true);
});

it("a gateway that is killed has the values that it stored last, and its ports and folder are free for the next", async () => {
  const place = folder();
  const hub = await realHub();
  ends.push(() => hub.stop());
  const pack = new PlayedPack(hub.bus, systemClock, 1);
  pack.powerUp();
  const gateway = await started(place, hub.address());
  const invitation = await gateway.phone("Anna");
  await until(() => existsSync(join(place, "last-values.json")));
  await until(() => readFileSync(join(place, "last-values.json"), "utf8").includes("telemetry"));
  await gateway.kill("SIGKILL");
  pack.cutPower();
  const again = await started(place, hub.address());
  const phone = await again.join(invitation);
  const known = watch(phone);
  await phone.subscribeAsync("alfaspark/home-7/#", { qos: 1 });
  const telemetry = `alfaspark/home-7/${pack.hardware}/telemetry`;
  await until(() => known.get(telemetry) !== undefined);
  expect(known.get(telemetry)).toMatchObject({ stale: true, online: false, P_home: 0.8 });
});

it("a bus that goes away and comes back needs no restart, and the app says what is wrong meanwhile", async () => {
  const hub = await realHub();
  ends.push(() => hub.stop());
  const gateway = await started(folder(), hub.address());
  const phone = await gateway.join(await gateway.phone("Ben"));
  const documents = watch(phone);
  await phone.subscribeAsync("alfaspark/home-7/#", { qos: 1 });
  const gatewayDocument = () => documents.get("alfaspark/home-7/gateway");
  await until(() => gatewayDocument()?.["can"] === "up");
  hub.unplugAll();
  await until(() => gatewayDocument()?.["can"] === "unplugged");
  expect(String(gatewayDocument()?.["canReason"])).toContain("is gone");
  await until(() => gatewayDocument()?.["can"] === "up");
  const pack = new PlayedPack(hub.bus, systemClock, 5);
  pack.powerUp();
  ends.push(() => pack.cutPower());
  await until(() => documents.has(`alfaspark/home-7/${pack.hardware}/telemetry`));
  await until(() => pack.times.length > 0);
});
