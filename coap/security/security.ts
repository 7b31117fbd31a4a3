import type { PeerIdentity } from "../route.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";

/** What a security layer calls with each CoAP message it took out of datagrams, in the same turn. */
export interface MessageReceiver {
  /** `bytes[start, end)` is one plain CoAP message; it and `source` are only borrowed for the call. */
  message(bytes: Uint8Array, start: number, end: number, source: RemoteAddress, identity: PeerIdentity): void;
  /**
   * The association with that address is over. What belongs to it is neither sent again nor matched with what comes in the next one (RFC 7252
   * sections 9.1.1 and 9.1.2), whoever that is with.
   */
  ended?(address: RemoteAddress): void;
}

/** What a security layer calls to put datagrams on the network. */
export interface DatagramSender {
  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void;
}

/**
 * Sits between transport and message layer: datagrams in, plain messages with a proven identity out, and back.
 * DTLS lives wholly here. OSCORE works on messages that the message layer has already told apart (its protected requests
 * are deduplicated and block-wise like any other), so it will be a further port between message layer and router.
 */
export interface Security {
  start(up: MessageReceiver, down: DatagramSender): void;
  stop(): void;
  /** A datagram came in. Must not throw. */
  datagram(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void;
  /** A message goes out; dropped and counted when there is no association with `destination`. */
  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void;
  /** Counts since the start, by name. */
  counters?(): Readonly<Record<string, number>>;
}
