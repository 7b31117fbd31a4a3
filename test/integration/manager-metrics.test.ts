import { createSocket, type Socket } from "node:dgram";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Malformed } from "../../coap/decode-message.ts";
import { issueKeys, soon, type TestManager, testManager } from "./manager-harness.ts";

let manager: TestManager;
let socket: Socket;
let kid = "";
beforeAll(async () => {
  manager = await testManager();
  kid = (await issueKeys(manager, "cellar")).senderId;
  socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  socket.close();
  await manager.end();
});

/** The sample's line up to its value, and a datagram that counts there. */
const malformed: Readonly<Record<Exclude<keyof typeof Malformed, "none">, string>> = {
  tooShort: "400100",
  version: "80010001",
  tokenLength: "49010001010203040506070809",
  tokenTruncated: "440100010102",
  emptyWithContent: "40000001ff61",
  reservedClass: "40200001",
  typeAndCode: "60010001",
  optionReserved: "40010001f0",
  optionTruncated: "40010001b461",
  optionNumber: "40010001e0ffff",
  tooManyOptions: `40010001b0${"00".repeat(200)}`,
  markerWithoutPayload: "40010001ff",
};
const samples = (): [string, string][] => [
  ...Object.entries(malformed).map(([reason, hex]): [string, string] => [
    `coxswain_coap_malformed_total{reason="${reason}"}`,
    hex,
  ]),
  ["coxswain_coap_malformed_reset_total", "40010001ff"],
  ["coxswain_coap_malformed_rejected_total", "50010001ff"],
  ["coxswain_coap_ignored_not_coap_total", "00"],
  ["coxswain_coap_pings_total", "40000007"],
  ["coxswain_coap_acknowledgements_unmatched_total", "60000007"],
  ["coxswain_coap_resets_received_total", "70000007"],
  ["coxswain_coap_responses_unexpected_total", "514500070a"],
  // Option 9999, critical.
  ["coxswain_coap_critical_option_refused_total", "40010002e02602"],
  // OSCORE with reserved flags; for a kid that nobody has; for one that a node has, with another text than its own.
  ['coxswain_coap_oscore_total{event="optionMalformed"}', "4002001091e0ff01"],
  ['coxswain_coap_oscore_total{event="contextNotFound"}', "400200119709019999999999ff0102030405060708090a"],
  ['coxswain_coap_oscore_total{event="decryptionFailed"}', `40020012960901${kid}ff0102030405060708090a`],
];

test("what a datagram was refused for is on /metrics, each reason by itself", async () => {
  const metrics = async (): Promise<string> => await (await fetch(`${manager.urls.http}/metrics`)).text();
  const countOf = (text: string, name: string): number | undefined => {
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  };
  const before = await metrics();
  for (const [name, hex] of samples()) {
    // Shown before it happened, so that an alarm can be set on it.
    expect(countOf(before, name), name).toBeTypeOf("number");
    const was = countOf(await metrics(), name)!;
    socket.send(Buffer.from(hex, "hex"), manager.coapPort, "127.0.0.1");
    const now = await soon(
      async () => countOf(await metrics(), name)!,
      (value) => value > was,
    ).catch(() => `${hex} didn't count`);
    expect(now, name).toBe(was + 1);
  }
});
