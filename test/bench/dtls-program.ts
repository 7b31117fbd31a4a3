/**
 * The two ends of the DTLS benchmark, each a process of its own: `dtls-program.ts server SUITE` prints its port and, at each SIGUSR2, its
 * CPU microseconds and requests so far; `dtls-program.ts client SUITE PORT SECONDS` keeps 8 requests outstanding on each of 16 sockets.
 * SUITE is OpenSSL's name of a PSK suite, or `none` for NoSec.
 */
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { dtlsSecurity } from "../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { noSecurity } from "../../coap/security/none.ts";
import type { Security } from "../../coap/security/security.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const [role, suite = "none", port, seconds] = process.argv.slice(2);
const key = new TextEncoder().encode("benchmark");
const sockets = 16;
const window = 8;

function security(options: Pick<DtlsOptions, "server" | "client" | "limits">): Security {
  if (suite === "none") return noSecurity();
  return dtlsSecurity({ clock: systemClock, log: silentLog, ciphers: suite, ...options });
}

async function serve(): Promise<void> {
  const endpoint = new CoapEndpoint({
    transport: batchTransport({ address: "127.0.0.1", port: 0, log: silentLog }),
    security: security({
      server: { pskOf: () => key, identityOf: () => ({ kind: "node", id: "n1", scheme: "psk" }) },
      limits: { handshakesPerSource: 1024 },
    }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  const body = new TextEncoder().encode("ok");
  endpoint.route({
    method: "POST",
    path: "/status",
    replay: "again",
    answer(_request, reply) {
      reply.payload = body;
    },
  });
  await endpoint.start();
  process.on("SIGUSR2", () => {
    const { user, system } = process.cpuUsage();
    console.log(`cpu ${user + system} ${endpoint.counters()["requests"]}`);
  });
  console.log(`port ${endpoint.address().port}`);
}

async function load(): Promise<void> {
  const to = RemoteAddress.from("127.0.0.1", Number(port));
  // CON POST /status with a token of four bytes and a payload, 60 bytes in all.
  const request = new Uint8Array(60);
  request.set([0x44, 2, 0, 0, 1, 2, 3, 4, 0xb6, ...new TextEncoder().encode("status"), 0xff]);
  let messageId = 0;
  for (let i = 0; i < sockets; i++) {
    const transport = batchTransport({ address: "127.0.0.1", port: 0, log: silentLog });
    const secured = security({ client: { psk: { identity: "n1", key } }, limits: { sessions: 1, handshakes: 1 } });
    const send = (): void => {
      messageId++;
      request[2] = messageId >> 8;
      request[3] = messageId;
      secured.send(request, 0, request.length, to);
    };
    secured.start(
      { message: send },
      { send: (bytes, start, end, destination) => transport.send(bytes, start, end, destination) },
    );
    await transport.open({ datagram: (bytes, start, end, source) => secured.datagram(bytes, start, end, source) });
    for (let k = 0; k < window; k++) send();
  }
  setTimeout(() => process.exit(), Number(seconds) * 1000);
}

await (role === "server" ? serve() : load());
