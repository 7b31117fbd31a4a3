import { parseArgs } from "node:util";

export type PlugtestArguments =
  | { readonly kind: "start"; readonly port: number; readonly addresses: readonly string[] | undefined }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly message: string };

export const plugtestUsage = `The resources of the ETSI CoAP plugtests on this project's CoAP engine.

usage: npm run plugtest-server -- [--port PORT] [--address ADDRESS]...

  --port PORT        UDP port of CoAP, 1 to 65534; DTLS is on the port after it. 0 lets the system pick. Default 5683.
  --address ADDRESS  IP address to listen at, may be repeated. Default 127.0.0.1 and, where there is IPv6, ::1.
                     The server answers without limiting amplification: don't offer it to a network you don't trust.
  --help             This text.

DTLS takes the PSK identity "password" with the key "sesame".`;

/** Reads the arguments after the program's name. */
export function plugtestArguments(words: readonly string[]): PlugtestArguments {
  let values: { port?: string; address?: string[]; help?: boolean };
  try {
    values = parseArgs({
      args: [...words],
      options: {
        port: { type: "string" },
        address: { type: "string", multiple: true },
        help: { type: "boolean", short: "h" },
      },
      strict: true,
    }).values;
  } catch (error) {
    return { kind: "wrong", message: error instanceof Error ? error.message.split(". To specify")[0]! : String(error) };
  }
  if (values.help === true) return { kind: "help" };
  const text = values.port ?? "5683";
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_534)) {
    return { kind: "wrong", message: `--port ${text} is no port from 0 to 65534: DTLS takes the one after it` };
  }
  return { kind: "start", port, addresses: values.address };
}
