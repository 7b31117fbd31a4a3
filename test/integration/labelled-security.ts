import type { PeerIdentity } from "../../coap/route.ts";
import type { MessageReceiver, Security } from "../../coap/security/security.ts";

/** A stand-in for what DTLS proves: the first byte of each datagram names who sent it. What goes back is as it is. */
export function labelledSecurity(): Security {
  let up: MessageReceiver | undefined;
  let down: Parameters<Security["start"]>[1] | undefined;
  return {
    start(receiver, sender) {
      up = receiver;
      down = sender;
    },
    stop() {},
    datagram(bytes, start, end, source) {
      const identity: PeerIdentity = { kind: "node", id: `n${bytes[start]}`, scheme: "psk" };
      up!.message(bytes, start + 1, end, source, identity);
    },
    send(bytes, start, end, destination) {
      down!.send(bytes, start, end, destination);
    },
  };
}
