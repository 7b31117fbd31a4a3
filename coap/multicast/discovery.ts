import { type Clock, sleep } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { hasMoreBlocks } from "../blockwise/block-option.ts";
import { checkAddress } from "../client/check-address.ts";
import { ClientResponse } from "../client/client-response.ts";
import type { CoapResponse, DiscoverOptions } from "../client-types.ts";
import { decodeMessage, Malformed } from "../decode-message.ts";
import { faults } from "../faults.ts";
import { MessageType, OptionNumber } from "../message.ts";
import { MessageView } from "../message-view.ts";
import { MessageWriter } from "../message-writer.ts";
import { applyResponseRules } from "../option-rules.ts";
import { RemoteAddress } from "../transport/remote-address.ts";
import type { Transport } from "../transport/transport.ts";

export interface DiscoveryOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly maxOptions: number;
  readonly discover: DiscoverOptions;
  /** Once for each address that answers with success; `more` when only the first block of its answer came. */
  readonly onResponse: (response: CoapResponse, more: boolean) => void;
}

/** The question is repeated once, for the datagram that got lost; whoever got both answers once. */
const repeatAfterShare = 1 / 3;

/**
 * Asks a group for `/.well-known/core` (RFC 7252 section 8, RFC 7390): non-confirmable, from a socket of its own for each interface, since
 * the outgoing interface of multicast belongs to the socket. Resolves when the time is over, or when the signal aborts.
 */
export async function discovery({
  transport,
  clock,
  entropy,
  maxOptions,
  discover,
  onResponse,
}: DiscoveryOptions): Promise<void> {
  checkAddress(discover.group, discover.port);
  const family = discover.group.includes(":") ? 6 : 4;
  const names = discover.interfaces ?? transport.interfaces();
  const heard = new Set<string>();
  const sockets: { socket: Transport; to: RemoteAddress }[] = [];
  const writer = new MessageWriter(1_280);
  const token = entropy.bytes(4);
  writer.begin(MessageType.nonConfirmable, 1, entropy.uint32() & 0xffff, token, 0, token.length);
  for (const segment of [".well-known", "core"]) writer.textOption(OptionNumber.uriPath, segment);
  if (discover.query !== "") {
    for (const query of discover.query.split("&")) writer.textOption(OptionNumber.uriQuery, query);
  }
  let lastError: unknown;
  try {
    for (const name of names) {
      const view = new MessageView(maxOptions);
      try {
        const socket = transport.ephemeral({ family, interface: name });
        await socket.open({
          datagram(bytes, start, end, source) {
            if (decodeMessage(bytes, start, end, view) !== Malformed.none || view.code >> 5 !== 2) return;
            if (!hasToken(view, token) || applyResponseRules(view) >= 0) return;
            const from = `${source.text()}|${source.port}`;
            if (heard.has(from)) return;
            heard.add(from);
            const block2 = view.uint(OptionNumber.block2);
            onResponse(new ClientResponse(view, source), block2 >= 0 && hasMoreBlocks(block2));
          },
        });
        const isScoped = family === 6 && !discover.group.includes("%");
        const group = isScoped ? `${discover.group}%${name}` : discover.group;
        sockets.push({ socket, to: RemoteAddress.from(group, discover.port) });
      } catch (error) {
        // An interface without such addresses is passed over; none at all is an error.
        lastError = error;
      }
    }
    if (sockets.length === 0) throw lastError;
    for (const share of [repeatAfterShare, 1 - repeatAfterShare]) {
      for (const { socket, to } of sockets) socket.send(writer.bytes, 0, writer.end, to);
      await sleep(clock, discover.waitMs * share, discover.signal);
    }
    if (heard.size === 0 && sockets.every(({ socket }) => (socket.counters()["sendFailed"] ?? 0) > 0)) {
      const reason = "the question could not be sent, there is no route for it";
      throw faults("coap.group-failed", { group: discover.group, interface: names.join(", "), reason });
    }
  } catch (error) {
    if (discover.signal?.aborted !== true) throw error;
  } finally {
    for (const { socket } of sockets) await socket.close();
  }
}

function hasToken(view: MessageView, token: Uint8Array): boolean {
  if (view.tokenLength !== token.length) return false;
  return token.every((byte, i) => view.bytes[view.tokenStart + i] === byte);
}
