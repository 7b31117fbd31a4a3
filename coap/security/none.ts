import type { PeerIdentity } from "../route.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { DatagramSender, MessageReceiver, Security } from "./security.ts";

const nobody: PeerIdentity = { kind: "none" };

/** NoSec: every datagram is one plain message of nobody. */
export function noSecurity(): Security {
  let up: MessageReceiver | undefined;
  let down: DatagramSender | undefined;
  return {
    start(receiver, sender) {
      up = receiver;
      down = sender;
    },
    stop() {
      up = undefined;
      down = undefined;
    },
    datagram(bytes: Uint8Array, start: number, end: number, source: RemoteAddress) {
      up?.message(bytes, start, end, source, nobody);
    },
    send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress) {
      down?.send(bytes, start, end, destination);
    },
  };
}
