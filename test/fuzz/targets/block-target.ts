import {
  blockBytes,
  blockExponent,
  blockNumber,
  blockOption,
  hasMoreBlocks,
  maxBlockNumber,
} from "../../../coap/blockwise/block-option.ts";
import { decodeMissingBlocks, encodeMissingBlocks } from "../../../coap/blockwise/missing-blocks.ts";
import { qBlockWish, wishedBlocks } from "../../../coap/blockwise/q-block-wish.ts";
import { decodeMessage, Malformed } from "../../../coap/decode-message.ts";
import { OptionNumber } from "../../../coap/message.ts";
import { MessageView } from "../../../coap/message-view.ts";
import { MessageWriter } from "../../../coap/message-writer.ts";
import { type FuzzTarget, mustHold } from "./fuzz-target.ts";

/** The value of a Block option, as the number that its bytes are. */
export const blockTarget: FuzzTarget = {
  name: "block-option",
  seeds: () => [Uint8Array.of(), Uint8Array.of(0x06), Uint8Array.of(0x12, 0x3e), Uint8Array.of(0xff, 0xff, 0xff)],
  run(input) {
    const value = input.subarray(0, 3).reduce((sum, byte) => sum * 256 + byte, 0);
    const number = blockNumber(value);
    const exponent = blockExponent(value);
    mustHold(number >= 0 && number <= maxBlockNumber, "the number has 20 bits");
    mustHold(blockOption(number, hasMoreBlocks(value), exponent) === value, "parts make the whole");
    if (exponent < 7) mustHold(blockBytes(exponent) >= 16 && blockBytes(exponent) <= 1024, "16 to 1024 bytes");
  },
};

/** What a 4.08 says is missing (RFC 9177 section 5). */
export const missingBlocksTarget: FuzzTarget = {
  name: "missing-blocks",
  seeds: () => [
    Uint8Array.of(1, 9),
    Uint8Array.of(0x18, 24, 0x19, 1, 44, 0x1a, 0, 1, 17, 112),
    Uint8Array.of(5, 5, 4),
    Uint8Array.of(0x1b, 0, 0, 0, 0, 0, 0, 0, 1),
  ],
  run(input) {
    const numbers = decodeMissingBlocks(input);
    if (numbers === undefined) return;
    mustHold(numbers.length > 0 && numbers.length <= input.length, "no more numbers than bytes");
    mustHold(
      numbers.every((number, i) => number >= 0 && (i === 0 || number > numbers[i - 1]!)),
      "numbers ascend",
    );
    const again = encodeMissingBlocks(numbers, input.length);
    mustHold(again.length <= input.length, "the shortest form is no longer");
    mustHold(String(decodeMissingBlocks(again)) === String(numbers), "and says the same");
  },
};

const request = new MessageWriter(2_048);
const view = new MessageView(128);
const wishesTotal = 1_000;

/** What the Q-Block2 options of a request ask for (RFC 9177 section 4.4): each three bytes of the input are one. */
export const qBlockWishTarget: FuzzTarget = {
  name: "q-block-wish",
  seeds: () => [Uint8Array.of(0, 0, 8), Uint8Array.of(0, 0, 16, 0, 0, 144), Uint8Array.of(0, 0, 168, 0, 15, 0x2e)],
  run(input) {
    request.begin(1, 1, 1, input, 0, 0);
    const count = Math.min(40, Math.floor(input.length / 3));
    for (let i = 0; i < count; i++) request.option(OptionNumber.qBlock2, input, i * 3, i * 3 + 3);
    mustHold(decodeMessage(request.bytes, 0, request.end, view) === Malformed.none, "it is a message");
    const wish = qBlockWish(view);
    mustHold(wish.values.length === count, "each option is a wish");
    if (!wish.isGood) return;
    const blocks = wishedBlocks(wish.values, wishesTotal, 10);
    mustHold(blocks.length <= count * 10, "an option asks for a set at most");
    mustHold(
      blocks.every((block, i) => block < wishesTotal && (i === 0 || block > blocks[i - 1]!)),
      "blocks that exist, each once, ascending",
    );
  },
};
