/**
 * The two ends of the OSCORE benchmark, each a process of its own: `oscore-program.ts server KIND` prints its port and, at each SIGUSR2, its
 * CPU microseconds and the requests whose handler ran so far; `oscore-program.ts client KIND PORT SECONDS` keeps 4 requests outstanding on each
 * of 64 sockets, a node on each. KIND is `none` for NoSec, `native` or `node` for OSCORE with that AEAD.
 */
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { MessageWriter } from "../../coap/message-writer.ts";
import { chooseAead } from "../../coap/security/oscore/choose-aead.ts";
import type { OscoreContext } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { OscoreMessages } from "../../coap/security/oscore/oscore-messages.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const [role, kind = "none", port, seconds] = process.argv.slice(2);
const sockets = 64;
const window = 4;
const secret = new Uint8Array(16).fill(7);
const parts = { entropy: systemEntropy, log: silentLog, leases: volatileLeases() };
const contexts = new OscoreContexts({ ...parts, aead: kind === "node" ? "node" : "native" });

const idOf = (index: number): Uint8Array => Uint8Array.of(1, 2, 3, index);

async function serve(): Promise<void> {
  let runs = 0;
  for (let i = 0; kind !== "none" && i < sockets; i++) {
    const identity = { kind: "node", id: `n${i}`, scheme: "oscore" } as const;
    contexts.add(
      { masterSecret: secret, senderId: Uint8Array.of(9, i), recipientId: idOf(i) },
      { identity, isNew: true },
    );
  }
  const endpoint = new CoapEndpoint({
    transport: batchTransport({ address: "127.0.0.1", port: 0, log: silentLog }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
    oscore: kind === "none" ? undefined : contexts,
  });
  const body = new TextEncoder().encode("ok");
  endpoint.route({
    method: "POST",
    path: "/status",
    replay: "again",
    answer({ peer }, reply) {
      if ((peer.identity.kind === "none") === (kind === "none")) runs++;
      reply.payload = body;
    },
  });
  await endpoint.start();
  process.on("SIGUSR2", () => {
    const { user, system } = process.cpuUsage();
    console.log(`cpu ${user + system} ${runs}`);
  });
  console.log(`port ${endpoint.address().port}`);
}

async function load(): Promise<void> {
  const to = RemoteAddress.from("127.0.0.1", Number(port));
  // CON POST /status with a token of four bytes and a payload, 60 bytes in all.
  const plain = new Uint8Array(60);
  plain.set([0x44, 2, 0, 0, 1, 2, 3, 4, 0xb6, ...new TextEncoder().encode("status"), 0xff]);
  const messages =
    kind === "none" ? undefined : new OscoreMessages({ contexts, aead: chooseAead(2_048, "native"), maxOptions: 16 });
  const writer = new MessageWriter(256);
  for (let i = 0; i < sockets; i++) {
    const transport = batchTransport({ address: "127.0.0.1", port: 0, log: silentLog });
    const context: OscoreContext | undefined =
      messages && contexts.add({ masterSecret: secret, senderId: idOf(i), recipientId: Uint8Array.of(9, i) });
    let messageId = 0;
    const send = (): void => {
      messageId++;
      writer.bytes.set(plain);
      writer.end = plain.length;
      writer.bytes[2] = messageId >> 8;
      writer.bytes[3] = messageId;
      if (messages !== undefined && context !== undefined) messages.sealRequest(writer, context, undefined);
      transport.send(writer.bytes, 0, writer.end, to);
    };
    await transport.open({ datagram: send });
    for (let k = 0; k < window; k++) send();
  }
  setTimeout(() => process.exit(), Number(seconds) * 1000);
}

await (role === "server" ? serve() : load());
