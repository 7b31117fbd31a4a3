import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** One socket of the addon: typed arrays over memory that C fills and reads. `udp.c` describes the rows. */
export interface NativeUdp {
  readonly port: number;
  readonly rx: Uint8Array;
  readonly rxRows: Int32Array;
  readonly rxAddresses: Int32Array;
  readonly tx: Uint8Array;
  readonly txRows: Int32Array;
  readonly txAddresses: Int32Array;
  readonly stats: Float64Array;
  /** Sends the first `rows` rows. */
  send(rows: number): void;
  close(): void;
  /** Text of the IPv6 address of a received row. */
  text(row: number): string;
  /** Writes an IPv6 address into row `row` of what is sent; false when it is none. */
  aim(address: string, row: number): boolean;
  /** Throws an Error with a system code. */
  join(group: string, interfaceName: string): void;
}

export interface NativeUdpOptions {
  readonly address: string;
  readonly port: number;
  /** Others may bind the same address and port, and the kernel shares datagrams out between them. */
  readonly sharesPort: boolean;
  /** Group sockets: everyone who binds the group's address gets every datagram. */
  readonly sharesAddress: boolean;
  readonly receiveBuffer: number;
  /** Datagrams read at once, and the room for each. */
  readonly batch: number;
  readonly slotBytes: number;
  /** Datagrams sent at once, and the room for all. */
  readonly queue: number;
  readonly queueBytes: number;
}

export interface Addon {
  readonly version: number;
  /** `onBatch` is told how many rows came. Throws an Error with a system code. */
  openUdp(options: NativeUdpOptions, onBatch: (received: number) => void): NativeUdp;
}

const addonVersion = 1;
/** Beside the compiled package, or where `coap/native/build.mjs` puts it in a checkout. */
const places = ["./coap.node", "../../.setup/build/coap.node"];

export type LoadedAddon =
  | { readonly isThere: true; readonly addon: Addon }
  | { readonly isThere: false; readonly reason: string };

let loaded: LoadedAddon | undefined;

/** The native addon, or why there is none on this machine: not built, built for another version, or not for this system. */
export function loadAddon(): LoadedAddon {
  loaded ??= tryPlaces();
  return loaded;
}

function tryPlaces(): LoadedAddon {
  if (process.platform !== "linux") return { isThere: false, reason: `it is for Linux, this is ${process.platform}` };
  let reason = "it is not built";
  const require = createRequire(import.meta.url);
  for (const place of places) {
    try {
      const addon = require(fileURLToPath(new URL(place, import.meta.url))) as Addon;
      if (addon.version === addonVersion) return { isThere: true, addon };
      reason = `it is of version ${addon.version}, version ${addonVersion} is needed`;
    } catch (error) {
      const isAbsent = error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
      if (!isAbsent) reason = error instanceof Error ? error.message : String(error);
    }
  }
  return { isThere: false, reason };
}
