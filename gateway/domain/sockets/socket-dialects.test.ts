import { describe, expect, test } from "vitest";
import { tasmotaSocket } from "./tasmota-socket.ts";
import { templateSocket } from "./template-socket.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a Tasmota socket", () => {
  const socket = tasmotaSocket("plug");

  test.each([
    ["stat/plug/POWER", "on"],
    ["stat/plug/POWER", ""],
    ["stat/plug/RESULT", '{"POWER1":"ON"}'],
    ["stat/plug/RESULT", '{"POWER":"ON"'],
    ["stat/plug/RESULT", '{"POWER":1}'],
    ["stat/plug/RESULT", "null"],
    ["tele/plug/SENSOR", '{"ENERGY":{"Power":-4,"Today":"x"}}'],
    ["tele/plug/SENSOR", '{"ENERGY":{"Power":[12,null]}}'],
    ["tele/plug/LWT", "online"],
    ["stat/other/POWER", "ON"],
  ])("tells nothing by %s %j", (topic, payload) => {
    expect(socket.read(topic, bytes(payload))).toBeUndefined();
  });

  test("payloads that are no text or too large are none of its words", () => {
    expect(socket.read("stat/plug/POWER", Uint8Array.of(0xff, 0xfe))).toBeUndefined();
    expect(socket.read("stat/plug/RESULT", bytes(`{"POWER":"ON","x":"${"y".repeat(5000)}"}`))).toBeUndefined();
  });

  test.each([
    ["tele/plug/LWT", "Online", { isOnline: true }],
    ["tele/plug/LWT", "Offline", { isOnline: false }],
    ["stat/plug/POWER", "OFF", { isOnline: true, isOn: false }],
    ["stat/plug/RESULT", '{"POWER":"ON"}', { isOnline: true, isOn: true }],
    [
      "tele/plug/STATE",
      '{"Time":"2026-01-01T00:00:00","POWER":"OFF","Wifi":{"RSSI":70}}',
      { isOnline: true, isOn: false },
    ],
    ["tele/plug/SENSOR", '{"ENERGY":{"Today":0.412,"Power":231}}', { isOnline: true, power: 231, energy: 0.412 }],
    ["tele/plug/SENSOR", '{"ENERGY":{"Power":[100,31]}}', { isOnline: true, power: 131 }],
    ["stat/plug/STATUS10", '{"StatusSNS":{"ENERGY":{"Power":7}}}', { isOnline: true, power: 7 }],
  ])("is read from %s %j", (topic, payload, reading) => {
    expect(socket.topics).toContain(topic);
    expect(socket.read(topic, bytes(payload))).toEqual(reading);
  });

  test("is switched and asked on cmnd, one of several by its number", () => {
    expect(socket.command(true)).toEqual({ topic: "cmnd/plug/POWER", payload: "ON" });
    expect(socket.ask()).toEqual({ topic: "cmnd/plug/POWER", payload: "" });
    expect(tasmotaSocket("strip", 2).command(false)).toEqual({ topic: "cmnd/strip/POWER2", payload: "OFF" });
    expect(tasmotaSocket("strip", 2).read("stat/strip/RESULT", bytes('{"POWER1":"ON"}'))).toBeUndefined();
  });
});

describe("a socket by template", () => {
  const socket = templateSocket({
    command: { topic: "shelly/0/command", on: "on", off: "off" },
    state: { topic: "shelly/0", member: "switch.output", on: "true", off: "false" },
    power: { topic: "shelly/0", member: "switch.apower" },
    energy: { topic: "shelly/0/today" },
    online: { topic: "shelly/online", on: "true", off: "false" },
  });

  test.each([
    ["shelly/0", '{"switch":{"output":"yes"}}'],
    ["shelly/0", '{"switch":{"output":{"true":1}}}'],
    ["shelly/0", "on"],
    ["shelly/0/today", "much"],
    ["shelly/online", "maybe"],
    ["shelly/1", "{}"],
  ])("tells nothing by %s %j", (topic, payload) => {
    expect(socket.read(topic, bytes(payload))).toBeUndefined();
  });

  test("is read where its template says", () => {
    expect(socket.topics).toEqual(["shelly/0", "shelly/0/today", "shelly/online"]);
    expect(socket.read("shelly/0", bytes('{"switch":{"output":true,"apower":40.5}}'))).toEqual({
      isOnline: true,
      isOn: true,
      power: 40.5,
    });
    expect(socket.read("shelly/0/today", bytes("1.25"))).toEqual({ isOnline: true, energy: 1.25 });
    expect(socket.read("shelly/online", bytes("false"))).toEqual({ isOnline: false });
    expect(socket.command(false)).toEqual({ topic: "shelly/0/command", payload: "off" });
    expect(socket.ask()).toBeUndefined();
  });
});
