import type { Duplex } from "node:stream";
import type { Account } from "./account.ts";
import type { PacketGate } from "./packet-gate.ts";

/** One transport connection, from its attachment until both its stream and its gate are closed. */
export interface Connection {
  readonly slot: number;
  readonly raw: Duplex;
  readonly gate: PacketGate;
  /** The client that its certificate is of: it needs no password, and may be nobody else. */
  readonly proven: string | undefined;
  /** Set when its credentials were accepted. */
  account: Account | undefined;
  /** The engine has taken it up under its client id, and hasn't let go. */
  isRegistered: boolean;
}
