import { decodeMessage } from "../decode-message.ts";
import { MessageView } from "../message-view.ts";
import type { MessageWriter } from "../message-writer.ts";

/** An option as its number and its bytes. */
export interface RawOption {
  readonly number: number;
  readonly value: Uint8Array;
}

const maxOptions = 128;

/** Puts further options among those of the message that stands in the writer. For the rare answer that passes on what a proxy got. */
export function insertOptions(writer: MessageWriter, more: readonly RawOption[]): void {
  const bytes = writer.copy();
  const view = new MessageView(maxOptions);
  decodeMessage(bytes, 0, bytes.length, view);
  const all: RawOption[] = [...more];
  for (let i = 0; i < view.optionCount; i++) all.push({ number: view.optionNumbers[i]!, value: view.valueAt(i) });
  all.sort((a, b) => a.number - b.number);
  writer.begin(view.type, view.code, view.messageId, bytes, view.tokenStart, view.tokenLength);
  for (const { number, value } of all) writer.option(number, value, 0, value.length);
  writer.payload(bytes, view.payloadStart, view.end);
}
