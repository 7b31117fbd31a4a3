import { readFileSync } from "node:fs";
import { decodeMessage, Malformed, malformedNames } from "../../../coap/decode-message.ts";
import { MessageView } from "../../../coap/message-view.ts";
import { MessageWriter } from "../../../coap/message-writer.ts";
import { applyRequestRules, applyResponseRules } from "../../../coap/option-rules.ts";
import { PlainMessage } from "../endpoint/plain-message.ts";
import { type FuzzTarget, fromHex, mustHold } from "./fuzz-target.ts";

const vectors = new URL("../../vectors/coap-message.json", import.meta.url);
const view = new MessageView(64);
const plain = new PlainMessage();

/** The message decoder against a second one, its own writer, and the rules of options. */
export const messageTarget: FuzzTarget = {
  name: "message",
  seeds() {
    const { good, malformed } = JSON.parse(readFileSync(vectors, "utf8")) as Record<string, { hex: string }[]>;
    return [...good!, ...malformed!].map(({ hex }) => fromHex(hex));
  },
  run(input) {
    const reason = decodeMessage(input, 0, input.length, view);
    mustHold(malformedNames[reason] !== undefined, "the reason has a name");
    if (reason !== Malformed.none) return;
    plain.read(input, 0, input.length);
    mustHold(plain.state === "good", "another decoder takes it too");
    mustHold(plain.numbers.length === view.optionCount, "both see as many options");
    mustHold(plain.payloadStart === view.payloadStart, "both see the payload at one place");
    for (let i = 0; i < view.optionCount; i++) {
      const isSame = plain.numbers[i] === view.optionNumbers[i] && plain.starts[i] === view.optionStarts[i];
      mustHold(isSame, `both see option ${i} alike`);
      mustHold(view.optionStarts[i]! + view.optionLengths[i]! <= input.length, `option ${i} is inside`);
    }
    if (view.code !== 0) checkWriter();
    const copy = view.copy();
    const isRequest = view.code >> 5 === 0;
    const refused = isRequest ? applyRequestRules(copy) : applyResponseRules(copy);
    mustHold(refused < 0 || plain.numbers.includes(refused), "what is refused is an option that is there");
    copy.path();
    copy.texts(15);
    for (const number of [6, 7, 12, 14, 17, 23, 27, 28, 60]) copy.uint(number);
  },
};

/** What is written from the view reads as the same message again. */
function checkWriter(): void {
  const { bytes, tokenStart, tokenLength, payloadStart, end } = view;
  const writer = new MessageWriter(end + 64);
  writer.begin(view.type, view.code, view.messageId, bytes, tokenStart, tokenLength);
  for (let i = 0; i < view.optionCount; i++) {
    const start = view.optionStarts[i]!;
    writer.option(view.optionNumbers[i]!, bytes, start, start + view.optionLengths[i]!);
  }
  writer.payload(bytes, payloadStart, end);
  plain.read(writer.bytes, 0, writer.end);
  mustHold(plain.state === "good" && plain.numbers.length === view.optionCount, "it can be written again");
  const isSame = plain.numbers.every((number, i) => number === view.optionNumbers[i]);
  mustHold(isSame && plain.end - plain.payloadStart === end - payloadStart, "what is written is the same");
}
