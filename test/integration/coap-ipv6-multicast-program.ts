// Runs inside a network namespace of its own: see coap-ipv6-multicast.test.ts. Prints one JSON line for each group. With the word `batch` the
// server is on the native addon.
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { batchTransport } from "../../coap/transport/batch.ts";
import { type DgramTransportOptions, dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

const isBatch = process.argv[2] === "batch";
const start = async (options: DgramTransportOptions): Promise<CoapEndpoint> => {
  const endpoint = new CoapEndpoint({
    transport: isBatch ? batchTransport({ ...options, log: silentLog }) : dgramTransport(options),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
    limits: { leisureMs: 20 },
  });
  endpoint.route({ method: "GET", path: "/x", replay: "again", attributes: { rt: "x" }, answer() {} });
  await endpoint.start();
  return endpoint;
};

for (const group of ["ff02::fd", "ff05::fd"]) {
  const server = await start({ address: "::", port: 0, multicast: { groups: [group], interfaces: ["pair0"] } });
  const client = await start({ address: "::", port: 0 });
  const found: string[] = [];
  for (const query of ["rt=x", "rt=other"]) {
    await client.discover(
      { group, port: server.address().port, interfaces: ["pair0"], query, waitMs: 150 },
      ({ from }) => {
        found.push(`${query} ${from.address} ${from.port === server.address().port}`);
      },
    );
  }
  const { requests, multicastRequests } = server.counters();
  console.log(JSON.stringify({ group, found, requests, multicastRequests }));
  await client.stop();
  await server.stop();
}
