import {
  blockBytes,
  blockExponent,
  blockNumber,
  blockOption,
  hasMoreBlocks,
  maxBlockNumber,
} from "../../../coap/blockwise/block-option.ts";
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
