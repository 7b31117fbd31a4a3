import { blockBytes, blockExponent, blockNumber, blockOption, hasMoreBlocks } from "../../blockwise/block-option.ts";
import { decodeMessage, Malformed } from "../../decode-message.ts";
import { OptionNumber } from "../../message.ts";
import { MessageView } from "../../message-view.ts";
import { MessageWriter } from "../../message-writer.ts";

/** A protected answer that a proxy cut into outer blocks, at the client: put together before it is opened (RFC 8613 section 8.4.1). */
export class OuterDownload {
  /** Block2 of the next request. */
  next = 0;
  readonly #maxBytes: number;
  #bytes = new Uint8Array(0);
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes a block: the whole answer, `more` with `next` set, or `bad` for what is out of order or too long (MAX_UNFRAGMENTED_SIZE). */
  take(view: MessageView): MessageView | "more" | "bad" {
    const block2 = view.uint(OptionNumber.block2);
    const exponent = blockExponent(block2);
    const size = blockBytes(exponent);
    const length = view.end - view.payloadStart;
    const more = hasMoreBlocks(block2);
    if (exponent === 7 || length > size || (more && length < size) || length === 0) return "bad";
    if (blockNumber(block2) * size !== this.#size || this.#size + length > this.#maxBytes) return "bad";
    const grown = new Uint8Array(this.#size + length);
    grown.set(this.#bytes);
    grown.set(view.bytes.subarray(view.payloadStart, view.end), this.#size);
    this.#bytes = grown;
    this.#size = grown.length;
    if (!more) return this.#whole(view);
    this.next = blockOption(this.#size / size, false, exponent);
    return "more";
  }

  #whole(view: MessageView): MessageView | "bad" {
    const writer = new MessageWriter(this.#size + 512);
    writer.begin(view.type, view.code, view.messageId, view.bytes, view.tokenStart, view.tokenLength);
    const index = view.find(OptionNumber.oscore);
    const start = view.optionStarts[index]!;
    writer.option(OptionNumber.oscore, view.bytes, start, start + view.optionLengths[index]!);
    writer.payload(this.#bytes, 0, this.#size);
    const whole = new MessageView(4);
    return decodeMessage(writer.bytes, 0, writer.end, whole) === Malformed.none ? whole : "bad";
  }
}
