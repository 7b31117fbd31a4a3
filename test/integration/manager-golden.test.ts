import { createSocket, type Socket } from "node:dgram";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decode, encodeCbor } from "../../schemas/wire/codec.ts";
import { soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

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

describe("the golden bodies are accepted with every value stored", () => {
  test("the manifest of an early sensor", async () => {
    const body = '{"id":"esp8266-xc92","caps":["temp","relay","oled"],"ver":"1.2.0"}';
    const answer = await peer.ask("POST", "/register", body, 50);
    expect(answer.code).toBe("2.01");
    expect(answer.response.locationPath).toEqual(["nodes", "esp8266-xc92"]);
    expect(answer.json).toEqual({ id: "esp8266-xc92", lifetime: 90_000, poll: 2, rev: 0 });
    const found = (await peer.ask("GET", "/nodes/esp8266-xc92")).json;
    expect(found).toMatchObject({
      id: "esp8266-xc92",
      manifest: { id: "esp8266-xc92", caps: ["temp", "relay", "oled"], version: "1.2.0" },
    });
    const again = await peer.ask("POST", "/register", body, 50);
    expect(again.code).toBe("2.04");
    expect(again.response.locationPath).toEqual([]);
    expect(again.json).toEqual(answer.json);
  });

  test("the health that an early node PUTs", async () => {
    await peer.register({ id: "node1" });
    const body =
      '{"status":"healthy","cpu_percent":25.5,"memory_percent":45.2,"temperature":45.2,"timestamp":"2024-01-01T12:00:00Z"}';
    expect((await peer.ask("PUT", "/nodes/node1/health", body, 50)).code).toBe("2.04");
    expect((await peer.ask("GET", "/nodes/node1/health")).json).toEqual({
      status: "healthy",
      cpuPercent: 25.5,
      memoryPercent: 45.2,
      temperature: 45.2,
      timestamp: "2024-01-01T12:00:00Z",
      age: 0,
    });
    const response = await fetch(`${manager.urls.http}/api/v1/nodes/node1`);
    expect(await response.json()).toMatchObject({ health: { value: { cpuPercent: 25.5 }, way: "put" } });
  });

  test("the update that an operator POSTs", async () => {
    const bytes = new TextEncoder().encode("an image".repeat(100));
    const stored = await fetch(`${manager.urls.http}/api/v1/artifacts`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: bytes,
    });
    const { digest } = (await stored.json()) as { digest: string };
    const body = { update_id: "fw-2", version: "2.0.0", size: bytes.length, checksum: digest, target_nodes: ["node1"] };
    const created = await peer.ask("POST", "/updates", JSON.stringify(body), 50);
    expect(created.code).toBe("2.01");
    expect(created.response.locationPath).toEqual(["updates", "fw-2"]);
    expect((await peer.ask("POST", "/updates", JSON.stringify(body), 50)).code).toBe("2.04");
    expect((await peer.ask("POST", "/updates", JSON.stringify({ ...body, version: "2.0.1" }), 50)).code).toBe("4.09");
    const missing = { ...body, update_id: "fw-3", checksum: `sha256:${"0".repeat(64)}` };
    const refused = await peer.ask("POST", "/updates", JSON.stringify(missing), 50);
    expect(refused.words).toContain(`4.04 no such artifact is stored: ${missing.checksum}`);
    expect((await peer.ask("GET", "/updates/fw-2")).json).toMatchObject({
      id: "fw-2",
      version: "2.0.0",
      size: bytes.length,
      digest,
      targets: ["node1"],
    });
  });
});

describe("a manifest in CBOR", () => {
  test("is answered in CBOR, and one in JSON with Accept 60 too", async () => {
    const body = encodeCbor("node-manifest", { id: "linux-1", model: "gateway", caps: ["can"] });
    const answer = await peer.ask("POST", "/register", body, 60);
    expect([answer.code, answer.response.contentFormat]).toEqual(["2.01", 60]);
    expect(decode("registration-answer", answer.response.payload, 60)).toMatchObject({ ok: true, value: { poll: 2 } });
    const json = await peer.ask("POST", "/register", '{"id":"linux-1"}', 50, { accept: 60 });
    expect([json.code, json.response.contentFormat]).toEqual(["2.04", 60]);
  });
});

describe("a node that registered in CBOR", () => {
  test("gets CBOR when it sends no body and asks for nothing else", async () => {
    await peer.ask("POST", "/register", encodeCbor("node-manifest", { id: "cbor-1" }), 60);
    const environment = await peer.ask("GET", "/environment?ep=cbor-1");
    expect(decode("environment", environment.response.payload, 60)).toMatchObject({ ok: true, value: { poll: 2 } });
    await manager.app.commands.send("cbor-1", { command: "identify" }, { kind: "operator", id: "test" });
    const beat = await peer.ask("POST", "/status?ep=cbor-1&r=0");
    expect([beat.code, beat.response.contentFormat]).toEqual(["2.04", 60]);
    const json = await peer.ask("POST", "/status?ep=cbor-1&r=0", undefined, undefined, { accept: 50 });
    expect(json.json).toMatchObject({ kind: "command", command: "identify" });
    expect((await peer.ask("GET", "/updates?ep=cbor-1")).response.contentFormat).toBe(60);
  });
});

// Early device code is a few lines over a UDP socket, and so is its test: bytes in, bytes out.
describe("the aliases of early device code, byte for byte", () => {
  let socket: Socket;
  beforeAll(async () => {
    socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  });
  afterAll(() => void socket.close());

  const send = async (hex: string): Promise<string> => {
    const answer = new Promise<string>((resolve) => socket.once("message", (bytes) => resolve(bytes.toString("hex"))));
    socket.send(Buffer.from(hex, "hex"), manager.coapPort, "127.0.0.1");
    return await answer;
  };
  const hexOf = (text: string): string => Buffer.from(text).toString("hex");
  // CON PUT, message id, no token, Uri-Path device, Uri-Path register, body.
  const register = (id: string, body: string) => `4003${id}b6${hexOf("device")}08${hexOf("register")}ff${hexOf(body)}`;
  const heartbeat = (id: string) => `4001${id}b6${hexOf("device")}09${hexOf("heartbeat")}`;
  // ACK, Content-Format 0, Max-Age 0, payload.
  const answered = (code: string, id: string, text: string) => `60${code}${id}c020ff${hexOf(text)}`;

  test("a client registers with OK and beats with OK", async () => {
    expect(await send(register("0001", '{"id":"early-1","ver":"0.9"}'))).toBe(answered("44", "0001", "OK"));
    expect(await send(heartbeat("0002"))).toBe(answered("45", "0002", "OK"));
    expect(manager.app.registry.isRegistered("early-1")).toBe(true);
  });

  test("a heartbeat says CMD_TERMINATE once, and the same again to a repeated datagram", async () => {
    await manager.app.commands.send("early-1", { command: "terminate" }, { kind: "operator", id: "test" });
    expect(await send(heartbeat("0003"))).toBe(answered("45", "0003", "CMD_TERMINATE"));
    expect(await send(heartbeat("0003"))).toBe(answered("45", "0003", "CMD_TERMINATE"));
    expect(await send(heartbeat("0004"))).toBe(answered("45", "0004", "OK"));
  });

  test("a new broker is NEW_MQTT_IP and its host", async () => {
    await manager.app.environments.change({ mqttHost: "192.0.2.55" }, { kind: "operator", id: "test" });
    await soon(
      () => manager.app.desiredState.waiting("early-1"),
      (waiting) => waiting.some((each) => each.action.kind === "environment"),
    );
    expect(await send(heartbeat("0005"))).toBe(answered("45", "0005", "NEW_MQTT_IP 192.0.2.55"));
  });

  test("an update is UPDATE and a link of at most 64 bytes that leads to the image", async () => {
    const bytes = new TextEncoder().encode("firmware for early code");
    const headers = { "content-type": "application/octet-stream" };
    const stored = await fetch(`${manager.urls.http}/api/v1/artifacts`, { method: "POST", headers, body: bytes });
    const { digest, size } = (await stored.json()) as { digest: string; size: number };
    const body = { id: "early-fw", version: "1.0", size, digest, target_nodes: ["early-1"] };
    await peer.ask("POST", "/updates", JSON.stringify(body), 50);
    const started = await peer.ask("POST", "/updates/early-fw/install", '{"nodes":["early-1"]}', 50);
    expect(started.words).toContain('"kind":"offered"');
    const answer = Buffer.from(await send(heartbeat("0006")), "hex");
    const text = answer.subarray(answer.indexOf(0xff) + 1).toString();
    expect(text).toBe(`UPDATE ${manager.urls.http}/u/${digest.slice(7, 23)}`);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(64);
    const image = await fetch(text.slice("UPDATE ".length));
    expect(new Uint8Array(await image.arrayBuffer())).toEqual(bytes);
  });

  test("a client without any id gets one of its address, marked as such", async () => {
    const other = createSocket("udp4");
    await new Promise<void>((resolve) => other.bind(0, "127.0.0.1", resolve));
    const answer = new Promise<string>((resolve) => other.once("message", (bytes) => resolve(bytes.toString("hex"))));
    other.send(Buffer.from(register("0001", ""), "hex").subarray(0, -1), manager.coapPort, "127.0.0.1");
    expect(await answer).toBe(answered("44", "0001", "OK"));
    const node = await manager.app.registry.find(`address-127-0-0-1-${other.address().port}`);
    expect(node?.identity).toBe("address");
    other.close();
  });

  test("a heartbeat before any registration is 4.04", async () => {
    const other = createSocket("udp4");
    await new Promise<void>((resolve) => other.bind(0, "127.0.0.1", resolve));
    const answer = new Promise<string>((resolve) => other.once("message", (bytes) => resolve(bytes.toString("hex"))));
    other.send(Buffer.from(heartbeat("0009"), "hex"), manager.coapPort, "127.0.0.1");
    expect((await answer).slice(0, 8)).toBe("60840009");
    other.close();
  });
});
