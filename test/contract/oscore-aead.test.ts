import { describe, expect, it } from "vitest";
import { loadAddon } from "../../coap/native/addon.ts";
import { type Aead, aeadLayout, aeads } from "../../coap/security/oscore/aead.ts";
import { nativeAead } from "../../coap/security/oscore/native-aead.ts";
import { nodeAead } from "../../coap/security/oscore/node-aead.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { hex, oscoreVectors, sideOf, written } from "./oscore-vectors.ts";

const maxText = 1_400;
const loaded = loadAddon();
if (!loaded.isThere) console.warn(`Only node:crypto's AEAD is tested: ${loaded.reason}.`);
const subjects: readonly (readonly [string, () => Aead])[] = [
  ["node:crypto", () => nodeAead(maxText)],
  ...(loaded.isThere ? [["the addon", () => nativeAead(loaded.addon, maxText)] as const] : []),
];
const { key, nonce, aad, text } = aeadLayout;

function fill(aead: Aead, seed: number, length: number): Uint8Array {
  const entropy = seededEntropy(seed);
  aead.bytes.set(entropy.bytes(32), key);
  aead.bytes.set(entropy.bytes(16), nonce);
  aead.bytes.set(entropy.bytes(64), aad);
  const plain = entropy.bytes(length);
  aead.bytes.set(plain, text);
  return plain;
}

describe.each(subjects)("the AEAD of %s", (_name, make) => {
  const suites = Object.entries(aeads);

  it.each(suites)("%s: opens nothing that was changed: text, tag, AAD, nonce, key or length", (_suite, facts) => {
    const aead = make();
    fill(aead, 7, 20);
    expect(aead.seal(facts, 21, 20)).toBe(true);
    const sealed = aead.bytes.slice();
    const total = 20 + facts.tagLength;
    for (const at of [text, text + 19, text + 20, text + total - 1, aad, aad + 20, nonce, nonce + 11, key, key + 15]) {
      aead.bytes.set(sealed);
      aead.bytes[at]! ^= 1;
      expect(aead.open(facts, 21, total), `byte ${at}`).toBe(false);
    }
    for (const [aadLength, length] of [
      [20, total],
      [22, total],
      [21, total - 1],
      [21, facts.tagLength],
      [21, 0],
    ] as const) {
      aead.bytes.set(sealed);
      expect(aead.open(facts, aadLength, length), `AAD ${aadLength}, text ${length}`).toBe(false);
    }
    aead.bytes.set(sealed);
    expect(aead.open(facts, 21, total)).toBe(true);
  });

  it.each(suites)("%s: refuses what has no room", (_suite, facts) => {
    const aead = make();
    fill(aead, 8, 16);
    expect(aead.seal(facts, 21, maxText - facts.tagLength + 1)).toBe(false);
    expect(aead.open(facts, 21, maxText + 1)).toBe(false);
    expect(aead.seal(facts, 21, maxText - facts.tagLength)).toBe(true);
  });

  it.each(suites)("%s: opens what it sealed, of every length", (_suite, facts) => {
    const aead = make();
    for (const length of [1, 2, 15, 16, 17, 64, 255, 1_024, maxText - facts.tagLength]) {
      const plain = fill(aead, length, length);
      expect(aead.seal(facts, 30, length)).toBe(true);
      expect(hex(aead.bytes.subarray(text, text + length))).not.toBe(hex(plain));
      expect(aead.open(facts, 30, length + facts.tagLength)).toBe(true);
      expect(hex(aead.bytes.subarray(text, text + length))).toBe(hex(plain));
    }
  });

  it.each(oscoreVectors.requests)("RFC 8613 5, 8.1: seals $name as the RFC does", (vector) => {
    const { context, messages } = sideOf(vector.client, vector.sequence!, make());
    const writer = written(vector.plainHex);
    messages.sealRequest(writer, context, undefined);
    expect(hex(writer.copy())).toBe(vector.protectedHex);
  });
});

describe.runIf(subjects.length === 2)("both", () => {
  it.each(Object.entries(aeads))("%s: write the same bytes", (_suite, facts) => {
    const [one, other] = subjects.map(([, make]) => make());
    for (let seed = 0; seed < 50; seed++) {
      const length = 1 + ((seed * 37) % 900);
      for (const aead of [one!, other!]) {
        fill(aead, seed, length);
        expect(aead.seal(facts, 12 + (seed % 50), length)).toBe(true);
      }
      expect(hex(one!.bytes)).toBe(hex(other!.bytes));
    }
  });
});
