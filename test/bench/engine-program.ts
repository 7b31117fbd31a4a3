/**
 * Our engine by itself, for what the manager has no resource for: prints its port and serves a megabyte at /big, and the number of
 * POSTs to /non and /con at both, which may be observed: /con with confirmable notifications alone, /non with one in ten.
 */
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const big = new TextEncoder().encode("0123456789abcdef".repeat(65_536));
const etag = Uint8Array.of(1);
const endpoint = new CoapEndpoint({
  transport: batchTransport({ address: "127.0.0.1", port: Number(process.argv[2] ?? 0), log: silentLog }),
  clock: systemClock,
  entropy: systemEntropy,
  log: silentLog,
  limits: { confirmEveryCount: 9 },
});

endpoint.route({
  method: "GET",
  path: "/big",
  replay: "again",
  answer(_request, reply) {
    reply.body = { size: big.length, etag, read: (offset, length) => big.subarray(offset, offset + length) };
  },
});

for (const path of ["/non", "/con"]) {
  let changes = 0;
  let text = new TextEncoder().encode("0");
  endpoint.route({
    method: "GET",
    path,
    replay: "again",
    observable: "shared",
    ...(path === "/con" && { notifications: "confirmable" }),
    answer(_request, reply) {
      reply.payload = text;
    },
  });
  endpoint.route({
    method: "POST",
    path,
    replay: "once",
    answer() {
      changes++;
      text = new TextEncoder().encode(String(changes));
      endpoint.notify(path);
    },
  });
}

await endpoint.start();
console.log(`port ${endpoint.address().port}`);
