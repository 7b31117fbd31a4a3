/**
 * The server of the OSCORE benchmark: `oscore-program.ts KIND`, `none` for NoSec, `native` or `node` for OSCORE with that AEAD. It prints its
 * port, and at each SIGUSR2 a line of JSON: how many it printed so far, and how often its handler ran.
 */
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { endpoints } from "./heartbeats.ts";

const [kind = "none"] = process.argv.slice(2);
const contexts = new OscoreContexts({
  ...{ entropy: systemEntropy, log: silentLog, leases: volatileLeases() },
  aead: kind === "node" ? "node" : "native",
});
// As load/protect-oscore.c has it.
const masterSecret = new Uint8Array(16).fill(7);
for (let i = 0; kind !== "none" && i < endpoints; i++) {
  const identity = { kind: "node", id: `n${i}`, scheme: "oscore" } as const;
  const parameters = {
    masterSecret,
    senderId: Uint8Array.of(9, i >> 8, i),
    recipientId: Uint8Array.of(1, i >> 8, i),
  };
  contexts.add(parameters, { identity, isNew: true });
}
const endpoint = new CoapEndpoint({
  transport: batchTransport({ address: "127.0.0.1", port: 0, log: silentLog }),
  clock: systemClock,
  entropy: systemEntropy,
  log: silentLog,
  oscore: kind === "none" ? undefined : contexts,
});
const body = new TextEncoder().encode("ok");
let runs = 0;
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
let readings = 0;
process.on("SIGUSR2", () => {
  readings++;
  console.log(JSON.stringify({ reading: readings, runs }));
});
console.log(`port ${endpoint.address().port}`);
