// One of several processes that share a port: see coap-shared-port.test.ts. `TRANSPORT PORT`; prints its port and answers GET /who with its
// process number.
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const options = { address: "127.0.0.1", port: Number(process.argv[3]), reuse: true };
const endpoint = new CoapEndpoint({
  transport: process.argv[2] === "batch" ? batchTransport({ ...options, log: silentLog }) : dgramTransport(options),
  clock: systemClock,
  entropy: systemEntropy,
  log: silentLog,
});
endpoint.route({
  method: "GET",
  path: "/who",
  replay: "again",
  answer(_request, reply) {
    reply.payload = new TextEncoder().encode(String(process.pid));
  },
});
await endpoint.start();
console.log(`port ${endpoint.address().port}`);
