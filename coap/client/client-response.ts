import type { CoapResponse } from "../client-types.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView, SetAside } from "../message-view.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { LocalAddress } from "../transport/transport.ts";

const nothing = new Uint8Array(0);

/** A response that may be kept: it has copied what it needs. */
export class ClientResponse implements CoapResponse {
  readonly #view: MessageView;
  readonly payload: Uint8Array;
  readonly from: LocalAddress;

  /** `body` in place of the message's payload, when it came in blocks. */
  constructor(view: MessageView, source: RemoteAddress, body?: Uint8Array) {
    this.#view = view.copy();
    // 2.03 has no payload: what is there is ignored (RFC 7252 sections 5.5, 5.9.1.3).
    this.payload = view.code === Code.valid ? nothing : (body ?? this.#view.payload());
    this.from = { address: source.text(), port: source.port, family: source.family };
  }

  get code(): number {
    return this.#view.code;
  }
  get contentFormat(): number | undefined {
    return this.#uint(OptionNumber.contentFormat);
  }
  get maxAge(): number | undefined {
    return this.#uint(OptionNumber.maxAge);
  }
  get etag(): Uint8Array | undefined {
    return this.option(OptionNumber.eTag);
  }
  get observe(): number | undefined {
    return this.#uint(OptionNumber.observe);
  }
  get locationPath(): readonly string[] {
    return this.#view.texts(OptionNumber.locationPath);
  }
  get locationQuery(): readonly string[] {
    return this.#view.texts(OptionNumber.locationQuery);
  }
  option(number: number): Uint8Array | undefined {
    return this.#view.copyOf(number);
  }

  get unrecognized(): readonly SetAside[] {
    return this.#view.unrecognized();
  }

  #uint(number: number): number | undefined {
    const value = this.#view.uint(number);
    return value < 0 ? undefined : value;
  }
}
