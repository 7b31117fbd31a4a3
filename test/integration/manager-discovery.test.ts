import { Bonjour } from "bonjour-service";
import { expect, test } from "vitest";
import type { LogData } from "../../kernel/log.ts";
import { silentLog } from "../../kernel/log.ts";
import {
  interfaceAddress,
  interfaceName,
  MdnsAnnouncement,
} from "../../manager/adapters/discovery/mdns-announcement.ts";
import { soon, TestPeer, testManager } from "./manager-harness.ts";

interface Heard {
  readonly name: string;
  readonly port: number;
  readonly txt?: Record<string, string>;
  readonly addresses?: readonly string[];
}

test("an outside mDNS browser hears the manager, on loopback's address alone, and hears it go", async () => {
  const manager = await testManager({ flags: { mdns: true } });
  // Bound to every address, since a socket that is bound to one gets no multicast.
  const listener = new Bonjour({ interface: "127.0.0.1", bind: "0.0.0.0" } as object);
  const there = new Map<string, Heard>();
  const browser = listener.find({ type: "coap", protocol: "udp" });
  browser.on("up", (service: Heard) => void there.set(service.name, service));
  browser.on("down", (service: Heard) => void there.delete(service.name));
  const own = () => [...there.values()].find((each) => each.port === manager.coapPort);
  const heard = await soon(own, (service) => service !== undefined);
  expect(heard?.txt).toEqual({ rt: "coxswain.manager" });
  expect(heard?.addresses).toEqual(["127.0.0.1"]);
  await manager.end();
  await soon(own, (service) => service === undefined);
  browser.stop();
  listener.destroy();
});

test("a network that takes no announcement is said once and stops nothing", async () => {
  const said: [string, LogData | undefined][] = [];
  const log = { ...silentLog, warn: (event: string, data?: LogData) => void said.push([event, data]) };
  const announcement = new MdnsAnnouncement({ name: "x", port: () => 5683, address: "192.0.2.123", log });
  announcement.start();
  await soon(
    () => said.length,
    (count) => count > 0,
  );
  await announcement.stop();
  expect(said.map(([event]) => event)).toEqual(["mdns-announcement-failed"]);
});

test("interfaces are found by name and by address", () => {
  expect(interfaceAddress("lo")).toBe("127.0.0.1");
  expect(interfaceAddress("127.0.0.1")).toBe("127.0.0.1");
  expect(interfaceName("127.0.0.1")).toBe("lo");
  expect(interfaceName("localhost")).toBe("lo");
  expect(interfaceAddress("no-such-interface")).toBeUndefined();
  expect(interfaceName("192.0.2.123")).toBeUndefined();
});

test("a node finds the manager by multicast on loopback, by its resource type only", async () => {
  const manager = await testManager({ flags: { discovery: true } });
  const node = await TestPeer.start(manager.coapPort);
  const ask = async (query: string): Promise<string[]> => {
    const found: string[] = [];
    const group = { group: "224.0.1.187", port: manager.coapPort, interfaces: ["lo"], waitMs: 1_000 };
    await node.endpoint.discover(
      { ...group, query },
      (response) => void found.push(new TextDecoder().decode(response.payload)),
    );
    return found;
  };
  await soon(
    () => ask("rt=coxswain.manager"),
    (answers) => answers.some((each) => each.startsWith("</register>")),
  );
  expect(await ask("rt=something.else")).toEqual([]);
  await node.end();
  await manager.end();
});
