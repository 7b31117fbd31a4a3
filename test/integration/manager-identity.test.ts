import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { MessageType, type Method, methodCode, OptionNumber } from "../../coap/message.ts";
import { MessageWriter } from "../../coap/message-writer.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { soon, TestAnswer, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const elsewhere = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe.skipIf(elsewhere === undefined)("an insecure manager on an address that others reach", () => {
  const password = "not-for-the-open";
  let manager: TestManager;
  let here: TestPeer;
  let other: CoapEndpoint;
  beforeAll(async () => {
    manager = await testManager({ flags: { "coap.host": "0.0.0.0", publicHost: elsewhere ?? "", poll: "60" } });
    here = await TestPeer.start(manager.coapPort);
    other = new CoapEndpoint({
      transport: dgramTransport({ address: elsewhere ?? "", port: 0 }),
      ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
    });
    await other.start();
    await here.register({ id: "n1" });
    await here.ask("GET", "/environment?ep=n1");
    await here.ask("PUT", "/system/config", JSON.stringify({ wifi: [{ ssid: "home", password }] }), 50);
  });
  afterAll(async () => {
    await other.stop();
    await here.end();
    await manager.end();
  });

  const ask = async (method: Method, path: string, queries: string[] = []) => {
    const to = { address: elsewhere ?? "", port: manager.coapPort };
    return new TestAnswer(await other.request({ to, method, path: path.split("/").slice(1), queries }));
  };

  test("lists nodes to nobody elsewhere, by neither face", async () => {
    expect((await ask("GET", "/nodes")).code).toBe("4.01");
    expect((await ask("GET", "/rd-lookup/ep")).code).toBe("4.01");
  });

  test("tells of a new environment without what is in it", async () => {
    expect((await ask("GET", "/environment", ["ep=n1"])).code).toBe("4.01");
    const answer = await soon(
      () => ask("POST", "/status", ["ep=n1", "r=0"]),
      ({ text }) => text !== "",
    );
    expect(answer.json).toEqual({ rev: 1, kind: "environment" });
    expect((await here.ask("POST", "/status?ep=n1&r=0")).text).toContain(password);
  });
});

describe("a datagram that comes twice", () => {
  let manager: TestManager;
  let operator: TestPeer;
  let socket: Socket;
  beforeAll(async () => {
    manager = await testManager();
    operator = await TestPeer.start(manager.coapPort);
    socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    socket.close();
    await operator.end();
    await manager.end();
  });

  /**
   * Sends one confirmable message as often as it is called, and gives the code that it was answered with. A slow machine acknowledges first and
   * answers in a message of its own; who sends again hears the acknowledgement alone then.
   */
  const datagram = (method: Method, path: string, queries: string[] = [], json?: string) => {
    const writer = new MessageWriter(1500);
    const [id, token] = [4711 + path.length, path.length];
    writer.begin(MessageType.confirmable, methodCode(method), id, new Uint8Array([token]), 0, 1);
    for (const segment of path.split("/").slice(1)) writer.textOption(OptionNumber.uriPath, segment);
    if (json !== undefined) writer.uintOption(OptionNumber.contentFormat, 50);
    for (const query of queries) writer.textOption(OptionNumber.uriQuery, query);
    const body = new TextEncoder().encode(json ?? "");
    writer.payload(body, 0, body.length);
    const bytes = writer.bytes.slice(0, writer.end);
    let code: number | undefined;
    return () =>
      new Promise<number>((resolve) => {
        let isAcknowledged = false;
        const take = (message: Uint8Array) => {
          const type = ((message[0] ?? 0) >> 4) & 3;
          const messageId = ((message[2] ?? 0) << 8) | (message[3] ?? 0);
          if (type === MessageType.confirmable) {
            const empty = Uint8Array.of(0x40 | (MessageType.acknowledgement << 4), 0, message[2] ?? 0, message[3] ?? 0);
            socket.send(empty, manager.coapPort, "127.0.0.1");
          }
          if (type === MessageType.acknowledgement && messageId === id) isAcknowledged = true;
          if (message[1] !== 0 && message[4] === token) code = message[1];
          if (!isAcknowledged || code === undefined) return;
          socket.off("message", take);
          resolve(code);
        };
        socket.on("message", take);
        socket.send(bytes, manager.coapPort, "127.0.0.1");
      });
  };

  test("doesn't bring a node back into maintenance that was let out of it", async () => {
    await operator.register({ id: "n1" });
    const send = datagram("PUT", "/nodes/n1/mode", [], '{"mode":"maintenance"}');
    expect(await send()).toBe(0x44);
    await operator.ask("PUT", "/nodes/n1/mode", '{"mode":"operational"}', 50);
    expect(await send()).toBe(0x44);
    expect((await operator.ask("GET", "/nodes/n1/mode")).json).toEqual({ mode: "operational" });
  });

  test("doesn't bring back settings that were changed since", async () => {
    const send = datagram("PUT", "/system/config", [], '{"reportSeconds":7}');
    expect(await send()).toBe(0x44);
    await operator.ask("PUT", "/system/config", '{"reportSeconds":8}', 50);
    expect(await send()).toBe(0x44);
    expect((await operator.ask("GET", "/system/config")).json).toMatchObject({ reportSeconds: 8 });
  });

  test("doesn't remove a node that has registered again", async () => {
    await operator.ask("POST", "/rd?ep=n2", "</t>", 40);
    const send = datagram("DELETE", "/rd/n2");
    expect(await send()).toBe(0x42);
    await operator.ask("POST", "/rd?ep=n2", "</t>", 40);
    expect(await send()).toBe(0x42);
    expect(manager.app.registry.isRegistered("n2")).toBe(true);
  });
});

describe("what a request leaves out or gets wrong", () => {
  let manager: TestManager;
  let peer: TestPeer;
  beforeAll(async () => {
    manager = await testManager();
    peer = await TestPeer.start(manager.coapPort);
  });
  afterAll(async () => {
    await peer.end();
    await manager.end();
  });

  test("is a setting that there isn't, or a value that it can't have: 4.00, and 400 on HTTP", async () => {
    for (const [body, rule] of [
      ['{"pollSeconds":"often"}', "pollSeconds"],
      ['{"pole":1}', "pole"],
    ] as const) {
      expect((await peer.ask("PUT", "/system/config", body, 50)).words).toMatch(new RegExp(`^4\\.00 .*${rule}`));
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${manager.urls.http}/api/v1/settings`, { method: "PATCH", headers, body });
      expect([response.status, await response.text()]).toEqual([400, expect.stringContaining(rule)]);
    }
  });

  test("is the password of a network that the manager knows: it stays", async () => {
    const headers = { "content-type": "application/json" };
    const url = `${manager.urls.http}/api/v1/settings`;
    const set = (body: string) => fetch(url, { method: "PATCH", headers, body });
    await set('{"wifi":[{"ssid":"home","password":"kept"}]}');
    const { wifi } = (await (await fetch(url)).json()) as { wifi: unknown };
    expect(wifi).toEqual([{ ssid: "home" }]);
    expect((await set(JSON.stringify({ wifi }))).status).toBe(200);
    expect(manager.app.environments.settings().wifi).toEqual([{ ssid: "home", password: "kept" }]);
    expect((await set('{"wifi":[{"ssid":"new"}]}')).status).toBe(400);
  });

  test("is its Content-Format: a body is then what it looks like, as early device code sends it", async () => {
    expect((await peer.ask("POST", "/register", '{"id":"node1","caps":["temp"]}')).code).toBe("2.01");
    expect((await peer.ask("PUT", "/nodes/node1/health", '{"status":"healthy","cpu_percent":25.5}')).code).toBe("2.04");
    expect((await peer.ask("PUT", "/nodes/node1/health", "healthy")).code).toBe("4.00");
    expect((await peer.ask("PUT", "/nodes/node1/health", "{}", 41)).code).toBe("4.15");
  });

  test("is its memory: a node that reads its last rev as all ones takes no rev from the queue", async () => {
    await peer.register({ id: "n3" });
    expect((await peer.ask("POST", "/status?ep=n3&r=4294967295")).words).toBe("2.04 ");
    expect((await peer.ask("POST", "/nodes/n3/commands", '{"command":"identify"}', 50)).code).toBe("2.01");
    expect((await peer.ask("POST", "/status?ep=n3&r=0")).json).toMatchObject({ rev: 1, command: "identify" });
  });
});
