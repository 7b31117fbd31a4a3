import { describe, expect, it } from "vitest";
import { decodeMessage, Malformed } from "../../coap/decode-message.ts";
import { OptionNumber } from "../../coap/message.ts";
import { MessageView } from "../../coap/message-view.ts";
import { aeadLayout } from "../../coap/security/oscore/aead.ts";
import { deriveKeys } from "../../coap/security/oscore/derive-keys.ts";
import { nodeAead } from "../../coap/security/oscore/node-aead.ts";
import { material } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreExchange } from "../../coap/security/oscore/oscore-exchange.ts";
import { encodeOscoreOption, OscoreOption } from "../../coap/security/oscore/oscore-option.ts";
import { bytesOf, hex, oscoreVectors, parametersOf, sideOf, written } from "./oscore-vectors.ts";

const { contexts, requests, responses, options, forged, unverified } = oscoreVectors;

function decoded(messageHex: string): MessageView {
  const view = new MessageView(64);
  const bytes = bytesOf(messageHex);
  expect(decodeMessage(bytes, 0, bytes.length, view)).toBe(Malformed.none);
  return view;
}

const messageOf = (view: MessageView): string => hex(view.bytes.subarray(view.tokenStart - 4, view.end));

describe("the OSCORE option", () => {
  it.each(options.malformed)("RFC 8613 6.1: refused on decompression: $name", ({ hex: value }) => {
    const bytes = bytesOf(value);
    expect(new OscoreOption().decode(bytes, 0, bytes.length)).toBe(false);
  });

  it.each(options.good)("RFC 8613 2, 5, 6.1, 6.3: is read and written alike: $name", (vector) => {
    // Inside other bytes, as in a datagram.
    const value = bytesOf(vector.hex);
    const bytes = bytesOf(`ffff${vector.hex}ffff`);
    const option = new OscoreOption();
    expect(option.decode(bytes, 2, 2 + value.length)).toBe(true);
    const part = (start: number, end: number): string | null => (start < 0 ? null : hex(bytes.subarray(start, end)));
    expect(part(option.kidStart, option.kidEnd)).toBe(vector.kidHex);
    expect(part(option.kidContextStart, option.kidContextEnd)).toBe(vector.kidContextHex);
    expect(option.partialIv).toBe(vector.partialIvHex === null ? -1 : Number.parseInt(vector.partialIvHex, 16));
    const written = new Uint8Array(64);
    const kid = vector.kidHex === null ? undefined : bytesOf(vector.kidHex);
    const kidContext = vector.kidContextHex === null ? undefined : bytesOf(vector.kidContextHex);
    const length = encodeOscoreOption(written, option.partialIv, kidContext, kid, 0, kid?.length ?? 0);
    expect(hex(written.subarray(0, length))).toBe(vector.hex);
  });
});

describe.each(contexts)("RFC 8613 3.2, $name", (vector) => {
  it("RFC 8613 3.2.1: keys and Common IV come from the secret", () => {
    const { senderKey, recipientKey, commonIv } = deriveKeys(parametersOf(vector.name));
    expect([hex(senderKey), hex(recipientKey), hex(commonIv)]).toEqual([
      vector.senderKeyHex,
      vector.recipientKeyHex,
      vector.commonIvHex,
    ]);
  });

  it("RFC 8613 5.2: the nonces begin with the IDs", () => {
    const { context } = sideOf(vector.name, 0, nodeAead(256));
    const at = (from: number): string => hex(context.memory.subarray(context.at + from, context.at + from + 13));
    expect(at(material.senderNonce)).toBe(vector.senderNonceHex);
    expect(at(material.recipientNonce)).toBe(vector.recipientNonceHex);
  });
});

describe("messages", () => {
  it.each(requests)("RFC 8613 4.1.2, 4.2, 5, 8.1, 5.4, 6.2: a client protects request $name", (vector) => {
    const aead = nodeAead(256);
    const { context, messages } = sideOf(vector.client, vector.sequence!, aead);
    const writer = written(vector.plainHex);
    const exchange = messages.sealRequest(writer, context, undefined);
    expect(hex(writer.copy())).toBe(vector.protectedHex);
    expect(exchange?.requestIv).toBe(vector.sequence);
    expect(hex(aead.bytes.subarray(aeadLayout.nonce, aeadLayout.nonce + 13))).toBe(vector.nonceHex);
    const { aad } = aeadLayout;
    expect(hex(aead.bytes.subarray(aad, aad + vector.aadHex.length / 2))).toBe(vector.aadHex);
  });

  it.each(requests)("RFC 8613 8.2: a server opens request $name", (vector) => {
    const { context, messages } = sideOf(vector.server, 0, nodeAead(256));
    const view = decoded(vector.protectedHex);
    expect(messages.openRequest(view, context, vector.sequence!)).toBe(true);
    messages.mergeOuter(view);
    expect(messageOf(messages.request)).toBe(vector.plainHex);
  });

  it.each(responses)("RFC 8613 8.3, 5.4: a server protects response $name", (vector) => {
    const { context, messages } = sideOf(vector.server, vector.sequence ?? 7, nodeAead(256));
    const writer = written(vector.plainHex);
    expect(messages.sealReply(writer, new OscoreExchange(context, 20), vector.sequence !== null)).toBe(true);
    expect(hex(writer.copy())).toBe(vector.protectedHex);
  });

  it.each(responses)("RFC 8613 8.4: a client opens response $name", (vector) => {
    const { context, messages } = sideOf(vector.client, 0, nodeAead(256));
    const verdict = messages.openReply(decoded(vector.protectedHex), new OscoreExchange(context, 20));
    expect(verdict).toBe("opened");
    expect(messageOf(messages.reply)).toBe(vector.plainHex);
  });

  it.each(forged.filter(({ code }) => code === "4.00"))("RFC 8613 8.2: a server doesn't open $name", (vector) => {
    const { context, messages } = sideOf(vector.server, 0, nodeAead(256));
    const view = decoded(vector.hex);
    const index = view.find(OptionNumber.oscore);
    const start = view.optionStarts[index]!;
    expect(messages.option.decode(view.bytes, start, start + view.optionLengths[index]!)).toBe(true);
    expect(messages.openRequest(view, context, messages.option.partialIv)).toBe(false);
  });

  it.each(unverified)("RFC 8613 8.4: a client drops $name", (vector) => {
    const { client } = responses.find(({ name }) => name === vector.response)!;
    const { context, messages } = sideOf(client, 0, nodeAead(256));
    expect(messages.openReply(decoded(vector.hex), new OscoreExchange(context, 20))).toBe("bad");
  });

  it("RFC 8613 8.4: a client drops an answer to another request", () => {
    const { context, messages } = sideOf("C.1.1 client", 0, nodeAead(256));
    for (const { protectedHex } of responses) {
      expect(messages.openReply(decoded(protectedHex), new OscoreExchange(context, 21))).toBe("bad");
    }
  });
});
