import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { dtlsSecurity } from "../../coap/security/dtls.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { goodKey, identityOf, pskServer, TestCa } from "../integration/dtls-harness.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

/**
 * First over sockets: a CoAP server with a trivial handler, by NoSec and by DTLS, CPU for each request. Then the server's half of DTLS by
 * itself, datagrams in and out without a socket: what a handshake and what one request and answer cost on top of UDP.
 */
export const dtlsBench: Bench = {
  subject: "psk-ccm8",
  peers: ["nosec", "psk-gcm", "ecdhe-psk-chacha20", "ecdsa-ccm8-mutual"],
  compared: { cpu_per_request: "lower" },
  leftOutWhenQuick: ["four fifths of the handshakes and records", "two of the three rounds over sockets"],
  run: runDtlsBench,
};

type Server = Parameters<typeof dtlsSecurity>[0];
interface Subject {
  readonly name: string;
  readonly handshakes: number;
  readonly server: Partial<Server>;
  readonly client: Partial<Server>;
}

const message = new Uint8Array(60).fill(7);

async function runDtlsBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const ca = new TestCa();
  try {
    const share = isQuick ? 0.2 : 1;
    const overSockets: Measurement[] = [];
    for (let round = 0; round < (isQuick ? 1 : 3); round++) {
      for (const [name, suite] of suites) overSockets.push(...(await measureSockets(name, suite)));
    }
    return [...overSockets, ...subjects(ca).flatMap((subject) => measure(subject, share))];
  } finally {
    ca.remove();
  }
}

const suites = [
  ["nosec", "none"],
  ["psk-ccm8", "PSK-AES128-CCM8"],
  ["psk-gcm", "PSK-AES128-GCM-SHA256"],
  ["ecdhe-psk-chacha20", "ECDHE-PSK-CHACHA20-POLY1305"],
] as const;

/** Server and load on a core each, as in the benchmark of heartbeats. */
async function measureSockets(name: string, suite: string): Promise<Measurement[]> {
  const program = fileURLToPath(new URL("dtls-program.ts", import.meta.url));
  const server = spawn("taskset", ["-c", "1", process.execPath, program, "server", suite], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  server.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const printed = async (pattern: RegExp): Promise<RegExpMatchArray> => {
    for (let waited = 0; waited < 10_000; waited += 20) {
      const match = output.match(pattern);
      output = match === null ? output : output.replace(pattern, "");
      if (match !== null) return match;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the server of ${name} did not print ${pattern}`);
  };
  const reading = async (): Promise<[number, number]> => {
    server.kill("SIGUSR2");
    const [, cpu, requests] = await printed(/cpu (\d+) (\d+)\n/);
    return [Number(cpu), Number(requests)];
  };
  try {
    const port = (await printed(/port (\d+)\n/))[1]!;
    spawn("taskset", ["-c", "0", process.execPath, program, "client", suite, port, "4"], { stdio: "inherit" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const [cpuBefore, before] = await reading();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const [cpuAfter, after] = await reading();
    if (after === before) throw new Error(`${name}: no request was answered`);
    const value = Number(((cpuAfter - cpuBefore) / (after - before)).toFixed(2));
    return [
      { subject: name, metric: "cpu_per_request", value, unit: "us" },
      { subject: name, metric: "requests", value: Math.round((after - before) / 2), unit: "1/s" },
    ];
  } finally {
    server.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

function subjects(ca: TestCa): Subject[] {
  const byKey = { client: { psk: { identity: "n1", key: goodKey } } };
  const trust = { ca: ca.ca };
  const psk = (name: string, ciphers: string, handshakes: number): Subject => ({
    ...{ name, handshakes, client: byKey },
    server: { server: pskServer, ciphers },
  });
  return [
    psk("psk-ccm8", "PSK-AES128-CCM8", 10_000),
    psk("psk-gcm", "PSK-AES128-GCM-SHA256", 10_000),
    psk("ecdhe-psk-chacha20", "ECDHE-PSK-CHACHA20-POLY1305", 3_000),
    {
      ...{ name: "ecdsa-ccm8-mutual", handshakes: 3_000 },
      server: {
        ...{ server: { identityOf }, trust, ciphers: "ECDHE-ECDSA-AES128-CCM8" },
        certificate: ca.issue("IP:10.0.0.1"),
      },
      client: {
        ...{ client: { serverName: () => "10.0.0.1" }, trust },
        certificate: ca.issue("URI:urn:coxswain:node:n1"),
      },
    },
  ];
}

function measure(subject: Subject, share: number): Measurement[] {
  const parts = { clock: systemClock, log: silentLog, limits: { sessions: 16_384, handshakesPerSource: 1024 } };
  const server = dtlsSecurity({ ...parts, ...subject.server });
  const client = dtlsSecurity({ ...parts, ...subject.client });
  const toServer: Uint8Array[] = [];
  const toClient: Uint8Array[] = [];
  let answers = 0;
  server.start(
    { message: (bytes, start, end, source) => server.send(bytes, start, end, source) },
    { send: (bytes, start, end) => toClient.push(bytes.slice(start, end)) },
  );
  client.start({ message: () => answers++ }, { send: (bytes, start, end) => toServer.push(bytes.slice(start, end)) });
  let serverNs = 0n;
  const serve = (from: RemoteAddress): void => {
    const datagrams = toServer.splice(0);
    const began = process.hrtime.bigint();
    for (const each of datagrams) server.datagram(each, 0, each.length, from);
    serverNs += process.hrtime.bigint() - began;
  };
  const connect = (index: number): [RemoteAddress, RemoteAddress] => {
    const [here, there] = [new RemoteAddress(), new RemoteAddress()];
    here.setIpv4(0x0a010000 + index, 1000);
    there.setIpv4(0x0a020000 + index, 5684);
    client.send(message, 0, message.length, there);
    while (toServer.length > 0) {
      serve(here);
      for (const each of toClient.splice(0)) client.datagram(each, 0, each.length, there);
    }
    return [here, there];
  };
  for (let i = 0; i < 300; i++) connect(i);
  const handshakes = Math.round(subject.handshakes * share);
  serverNs = 0n;
  for (let i = 0; i < handshakes; i++) connect(300 + i);
  const handshakeUs = Number(serverNs) / handshakes / 1000;
  if (answers !== 300 + handshakes) throw new Error(`${subject.name}: ${answers} of ${300 + handshakes} were answered`);
  const [here, there] = connect(0);
  const records = Math.round(200_000 * share);
  for (let i = 0; i < records; i++) client.send(message, 0, message.length, there);
  serverNs = 0n;
  serve(here);
  const recordUs = Number(serverNs) / records / 1000;
  if (toClient.length !== records) throw new Error(`${subject.name}: ${toClient.length} of ${records} records`);
  server.stop();
  client.stop();
  const of = (metric: string, value: number, unit: string): Measurement => ({
    ...{ subject: subject.name, metric, unit },
    value: Number(value.toFixed(2)),
  });
  return [
    of("handshake", handshakeUs, "us"),
    of("handshakes", 1e6 / handshakeUs, "1/s"),
    of("record_pair", recordUs, "us"),
  ];
}
