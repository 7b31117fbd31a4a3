import { describe, expect, it } from "vitest";
import { decodeMessage } from "./decode-message.ts";
import { Code, OptionNumber } from "./message.ts";
import { MessageView } from "./message-view.ts";
import { MessageWriter } from "./message-writer.ts";
import { applyRequestRules, applyResponseRules } from "./option-rules.ts";

function viewOf(code: number, options: readonly [number, number[]][]): MessageView {
  const writer = new MessageWriter(512);
  writer.begin(0, code, 1, writer.bytes, 0, 0);
  for (const [number, value] of options) writer.option(number, Uint8Array.from(value), 0, value.length);
  const view = new MessageView(64);
  decodeMessage(writer.bytes, 0, writer.end, view);
  return view;
}

describe("options of a request", () => {
  it("name the first critical option that is unknown", () => {
    expect(applyRequestRules(viewOf(Code.get, [[9, [1]]]))).toBe(9);
    expect(applyRequestRules(viewOf(Code.get, [[2049, []]]))).toBe(2049);
  });

  it("lose elective options that are unknown, and keep the others in order", () => {
    const view = viewOf(Code.get, [
      [2, [7]],
      [OptionNumber.uriPath, [97]],
      [1000, []],
      [2048, [1]],
    ]);
    expect(applyRequestRules(view)).toBe(-1);
    expect(view.optionCount).toBe(1);
    expect(view.path()).toEqual(["a"]);
  });

  it("treat a critical option of a forbidden length as unknown", () => {
    expect(applyRequestRules(viewOf(Code.get, [[OptionNumber.ifNoneMatch, [1]]]))).toBe(OptionNumber.ifNoneMatch);
    expect(applyRequestRules(viewOf(Code.get, [[OptionNumber.accept, [1, 2, 3]]]))).toBe(OptionNumber.accept);
  });

  it("drop an elective option of a forbidden length", () => {
    const view = viewOf(Code.get, [[OptionNumber.observe, [0, 0, 0, 0]]]);
    expect(applyRequestRules(view)).toBe(-1);
    expect(view.find(OptionNumber.observe)).toBe(-1);
  });

  it("refuse a critical option that is there once too often", () => {
    const twice = viewOf(Code.get, [
      [OptionNumber.accept, [50]],
      [OptionNumber.accept, [60]],
    ]);
    expect(applyRequestRules(twice)).toBe(OptionNumber.accept);
  });

  it("ignore the second of an elective option that may be there once", () => {
    const view = viewOf(Code.post, [
      [OptionNumber.contentFormat, [50]],
      [OptionNumber.contentFormat, [60]],
    ]);
    expect(applyRequestRules(view)).toBe(-1);
    expect(view.uint(OptionNumber.contentFormat)).toBe(50);
    expect(view.optionCount).toBe(1);
  });
});

describe("options of a response", () => {
  it("are refused when critical and unknown there", () => {
    expect(applyResponseRules(viewOf(Code.content, [[OptionNumber.uriPath, [97]]]))).toBe(OptionNumber.uriPath);
    expect(applyResponseRules(viewOf(Code.content, [[OptionNumber.block2, [6]]]))).toBe(-1);
  });
});
