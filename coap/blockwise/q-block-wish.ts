import { OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { blockExponent, blockNumber, hasMoreBlocks } from "./block-option.ts";

/** What a request asks of a body with its Q-Block2 options. */
export interface QBlockWish {
  readonly values: readonly number[];
  /** The options ascend, name each block once, and all the same size (RFC 9177 section 4.4). */
  readonly isGood: boolean;
  /** The whole body: block 0 and those behind it. Also what a request without Q-Block2 wants, whose Q-Block1 says that it may. */
  readonly isWhole: boolean;
  readonly isFirstAlone: boolean;
}

/** The Q-Block2 options of a request. */
export function qBlockWish(view: MessageView): QBlockWish {
  const values: number[] = [];
  let isGood = true;
  for (let i = 0; i < view.optionCount; i++) {
    if (view.optionNumbers[i] !== OptionNumber.qBlock2) continue;
    const value = view.uintAt(i);
    const last = values.at(-1);
    if (blockExponent(value) === 7) isGood = false;
    const isNext =
      last === undefined || (blockNumber(value) > blockNumber(last) && blockExponent(value) === blockExponent(last));
    if (!isNext) isGood = false;
    values.push(value);
  }
  const isOfFirst = values.length === 1 && blockNumber(values[0]!) === 0;
  const isWhole = values.length === 0 || (isOfFirst && hasMoreBlocks(values[0]!));
  return { values, isGood, isWhole, isFirstAlone: isOfFirst && !isWhole };
}

/** One block with M set, the first of a set that isn't the first: all before it came ("Continue", RFC 9177 section 4.4). */
export function isContinue(values: readonly number[], maxPayloads: number): boolean {
  if (values.length !== 1 || !hasMoreBlocks(values[0]!)) return false;
  return blockNumber(values[0]!) > 0 && blockNumber(values[0]!) % maxPayloads === 0;
}

/** The blocks that are wished for, each once, ascending; with M the rest of the block's set. */
export function wishedBlocks(values: readonly number[], total: number, maxPayloads: number): readonly number[] {
  const blocks = new Set<number>();
  for (const value of values) {
    const from = blockNumber(value);
    const endOfSet = (Math.floor(from / maxPayloads) + 1) * maxPayloads;
    const end = Math.min(total, hasMoreBlocks(value) ? endOfSet : from + 1);
    for (let block = from; block < end; block++) blocks.add(block);
  }
  // A run with M may reach over blocks that are named behind it.
  return [...blocks].sort((a, b) => a - b);
}
