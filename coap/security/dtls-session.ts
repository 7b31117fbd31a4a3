import type { Timer } from "../../kernel/clock.ts";
import type { PeerIdentity } from "../route.ts";
import { RemoteAddress } from "../transport/remote-address.ts";

const nobody: PeerIdentity = { kind: "none" };

/** One DTLS session as TypeScript sees it: whose it is and when it was last heard. Its keys are in the addon, in row `row`. */
export class DtlsSession {
  readonly row: number;
  /** Where it began, and what the engine above knows the peer by. */
  readonly address = new RemoteAddress();
  /** Where its datagrams go: elsewhere, once a connection ID led the session to another address. */
  path: RemoteAddress = this.address;
  readonly isServer: boolean;
  /** Of the ClientHello that began it: another one from the same address is another client. */
  readonly clientRandom: Uint8Array | undefined;
  readonly deadlineMs: number;
  identity: PeerIdentity = nobody;
  lastHeardMs: number;
  timer: Timer | undefined;
  /** Its row in the addon belongs to somebody else. */
  isOver: boolean = false;
  /** Messages that wait for the handshake to finish. */
  readonly queued: Uint8Array[] = [];
  /** Neighbours in the list from the longest silent to the last heard. */
  before: DtlsSession | undefined;
  after: DtlsSession | undefined;

  constructor(options: {
    readonly row: number;
    readonly address: RemoteAddress;
    readonly isServer: boolean;
    readonly clientRandom?: Uint8Array | undefined;
    readonly nowMs: number;
    readonly deadlineMs: number;
  }) {
    this.row = options.row;
    this.address.copyFrom(options.address);
    this.isServer = options.isServer;
    this.clientRandom = options.clientRandom;
    this.lastHeardMs = options.nowMs;
    this.deadlineMs = options.deadlineMs;
  }
}
