import { Code } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { Fault } from "../../kernel/fault.ts";
import { encodePlain, type PlainMessage, RawPeer, type SeenMessage, type World } from "./coap-harness.ts";

export const handAddress = { address: "10.0.0.77", port: 5683 } as const;

/** A server without an engine: what the world's client sends it is seen, and answered by hand. */
export class HandServer {
  readonly peer: RawPeer;
  readonly #world: World;
  readonly #client = RemoteAddress.from("10.0.0.2", 40_000);

  constructor(world: World) {
    this.#world = world;
    this.peer = new RawPeer(world.network.transport(handAddress.address, handAddress.port), world.clock);
  }

  /** What came since the last call, after a while in which it can have come. */
  async take(): Promise<SeenMessage[]> {
    await this.#world.clock.advance(10);
    return this.peer.take();
  }

  send(message: PlainMessage): void {
    this.peer.sendBytes(encodePlain(message), this.#client);
  }

  /** By default 2.05 in the ACK, with the token of the request. */
  answer(request: SeenMessage, message: Partial<PlainMessage> = {}): void {
    const token = Buffer.from(request.token, "hex");
    this.send({ type: "ACK", code: Code.content, messageId: request.messageId, token, ...message });
  }
}

/** The code of the fault that a request of ours ends with. */
export function faultCode(request: Promise<unknown>): Promise<string> {
  return request.then(
    () => "no fault",
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );
}
