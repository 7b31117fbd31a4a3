/** `coap-fragments-program.ts ADDRESS TO`: two transports of the addon at ADDRESS; one sends 4 000 bytes to the other at TO, which says how many came. */
import { batchTransport } from "../../coap/transport/batch.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";

const [address = "127.0.0.1", to = address] = process.argv.slice(2);
const [sender, receiver] = [0, 1].map(() => batchTransport({ address, port: 0, log: silentLog }));
const came = new Promise<number>((resolve) => {
  void receiver!.open({ datagram: (_bytes, start, end) => resolve(end - start) });
});
await sender!.open({ datagram() {} });
sender!.send(new Uint8Array(4_000), 0, 4_000, RemoteAddress.from(to, receiver!.address().port));
console.log(`came ${await came}`);
await sender!.close();
await receiver!.close();
console.log(`failed ${sender!.counters()["sendFailed"]}`);
