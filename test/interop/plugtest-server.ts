/** `npm run plugtest-server`: the plugtest resources, for any outside checker. Ends on SIGINT or SIGTERM. */
import { Fault } from "../../kernel/fault.ts";
import { silentLog } from "../../kernel/log.ts";
import { plugtestArguments, plugtestUsage } from "./plugtest/plugtest-arguments.ts";
import { type Plugtest, startPlugtest } from "./plugtest/start-plugtest.ts";

async function main(words: readonly string[]): Promise<number> {
  const asked = plugtestArguments(words);
  if (asked.kind === "help") {
    console.log(plugtestUsage);
    return 0;
  }
  if (asked.kind === "wrong") {
    console.error(`${asked.message}\n\n${plugtestUsage}`);
    return 2;
  }
  let server: Plugtest;
  try {
    server = await startPlugtest({ addresses: asked.addresses, port: asked.port, log: silentLog });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    console.error(error.message);
    return 1;
  }
  for (const { address, port } of server.coap) console.log(`coap://${hostOf(address)}:${port}`);
  for (const { address, port } of server.coaps) console.log(`coaps://${hostOf(address)}:${port}`);
  if (server.noDtls !== undefined) console.error(`No DTLS: ${server.noDtls}.`);
  console.log("The plugtest server is ready.");
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.stop();
  return 0;
}

const hostOf = (address: string): string => (address.includes(":") ? `[${address}]` : address);

process.exitCode = await main(process.argv.slice(2));
