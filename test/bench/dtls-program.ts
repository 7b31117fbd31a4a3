/**
 * The server of the DTLS benchmark: `dtls-program.ts SUITE [CERT KEY CA]`, SUITE OpenSSL's name or `none` for NoSec. It prints its port, and at each
 * SIGUSR2 a line of JSON: how many it printed so far, how often its handler ran, its memory in bytes after a collection (with --expose-gc), and DTLS' counters.
 */
import { readFileSync } from "node:fs";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { dtlsSecurity } from "../../coap/security/dtls.ts";
import { noSecurity } from "../../coap/security/none.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const [ciphers = "none", ...files] = process.argv.slice(2);
const [cert, key, ca] = files.map((file) => readFileSync(file, "utf8"));
const pskKey = new TextEncoder().encode("benchmark");

const security =
  ciphers === "none"
    ? noSecurity()
    : dtlsSecurity({
        clock: systemClock,
        log: silentLog,
        ciphers,
        server: { pskOf: () => pskKey, identityOf: () => ({ kind: "node", id: "n1", scheme: "psk" }) },
        certificate: cert === undefined || key === undefined ? undefined : { cert, key },
        trust: { ca },
        limits: { handshakesPerSource: 1024 },
      });
const endpoint = new CoapEndpoint({
  transport: batchTransport({ address: "127.0.0.1", port: 0, log: silentLog }),
  security,
  clock: systemClock,
  entropy: systemEntropy,
  log: silentLog,
});
let runs = 0;
const body = new TextEncoder().encode("ok");
endpoint.route({
  method: "POST",
  path: "/status",
  replay: "again",
  answer(_request, reply) {
    runs++;
    reply.payload = body;
  },
});
await endpoint.start();
let readings = 0;
process.on("SIGUSR2", () => {
  globalThis.gc?.();
  const { rss, heapTotal, external } = process.memoryUsage();
  readings++;
  console.log(JSON.stringify({ reading: readings, runs, rss, heapTotal, external, ...security.counters?.() }));
});
console.log(`port ${endpoint.address().port}`);
