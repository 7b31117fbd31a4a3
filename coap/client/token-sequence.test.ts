import { describe, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { TokenSequence } from "./token-sequence.ts";

const word = (token: Uint8Array): number => new DataView(token.buffer).getUint32(0);

describe("tokens", () => {
  it("RFC 9175 4.2: are a sequence in which none comes twice, and RFC 7252 5.3.1 whose next one can't be told from the last", () => {
    const tokens = new TokenSequence(seededEntropy("a"));
    const seen = new Set<number>();
    const steps = new Set<number>();
    let before = word(tokens.next());
    seen.add(before);
    for (let i = 1; i < 200_000; i++) {
      const token = word(tokens.next());
      seen.add(token);
      steps.add((token - before) >>> 0);
      before = token;
    }
    expect(seen.size).toBe(200_000);
    expect(steps.size).toBeGreaterThan(150_000);
    expect(word(new TokenSequence(seededEntropy("b")).next())).not.toBe(
      word(new TokenSequence(seededEntropy("a")).next()),
    );
  });
});
