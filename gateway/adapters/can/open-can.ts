import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import { canFaults } from "./can-faults.ts";
import { serialLink } from "./serial-link.ts";
import { SlcanBus } from "./slcan-bus.ts";
import { socketLink } from "./socket-link.ts";
import { SocketCanBus } from "./socketcan-bus.ts";

export interface OpenCanOptions {
  /** `can0`, `/dev/ttyACM0`, `tcp://127.0.0.1:29536` (python-can's `socket://` too), `unix:/run/can.sock`. */
  readonly address: string;
  /** Of adapters that are told it; a SocketCAN interface has its own from whoever set it up. Default 500 kbit/s. */
  readonly bitRate?: number;
  /** Of the serial line, bits a second; 0 or undefined: as it is. */
  readonly serialSpeed?: number;
  readonly clock: Clock;
  readonly entropy: Pick<Entropy, "fraction">;
  readonly log: Log;
}

/** The bus at an address, not yet open. Throws a Fault for an address that is none. */
export function openCan({ address, bitRate = 500_000, serialSpeed = 0, clock, entropy, log }: OpenCanOptions): CanBus {
  const shared = { clock, entropy, log: log.with({ can: address }) };
  if (address.startsWith("/")) {
    const speed = serialSpeed === 0 ? undefined : serialSpeed;
    return new SlcanBus({ ...shared, bitRate, open: serialLink({ path: address, speed, clock }) });
  }
  if (address.startsWith("unix:/"))
    return new SlcanBus({ ...shared, bitRate, open: socketLink({ path: address.slice(5) }) });
  const socket = /^(?:tcp|socket):\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$/.exec(address);
  const port = Number(socket?.[2]);
  if (socket && port > 0 && port <= 65_535)
    return new SlcanBus({ ...shared, bitRate, open: socketLink({ host: socket[1]!.replace(/[[\]]/g, ""), port }) });
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(address)) return new SocketCanBus({ ...shared, name: address });
  throw canFaults("can.bad-address", { address });
}
