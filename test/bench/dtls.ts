import { dtlsSecurity } from "../../coap/security/dtls.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { goodKey, identityOf, pskServer, TestCa } from "../integration/dtls-harness.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

/**
 * The server's half of DTLS by itself, datagrams in and out without a socket: what a handshake and what one request and answer
 * cost on top of UDP, and what an idle session takes.
 */
export const dtlsBench: Bench = {
  subject: "psk-ccm8",
  peers: ["psk-gcm", "ecdhe-psk-chacha20", "ecdsa-ccm8-mutual"],
  compared: {},
  leftOutWhenQuick: ["four fifths of the handshakes and records"],
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
    return subjects(ca).flatMap((subject) => measure(subject, share));
  } finally {
    ca.remove();
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
  const rssBefore = process.memoryUsage().rss;
  serverNs = 0n;
  for (let i = 0; i < handshakes; i++) connect(300 + i);
  const handshakeUs = Number(serverNs) / handshakes / 1000;
  const rssEach = (process.memoryUsage().rss - rssBefore) / handshakes;
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
    of("rss_both_ends", rssEach, "bytes"),
  ];
}
