import { expect, test } from "vitest";
import { groupedClaimCode, newClaimCode, parseClaimCode } from "./claim-code.ts";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const code = newClaimCode(Uint8Array.from({ length: 19 }, (_, at) => at * 37));

test("any one wrong character shows", () => {
  for (let at = 0; at < code.length; at++) {
    for (const other of alphabet) {
      if (other === code[at]) continue;
      expect(parseClaimCode(code.slice(0, at) + other + code.slice(at + 1)), `${other} at ${at}`).toBeUndefined();
    }
  }
});

test("two neighbours that changed places show", () => {
  for (let at = 0; at + 1 < code.length; at++) {
    const [a = "", b = ""] = [code[at], code[at + 1]];
    const swapped = code.slice(0, at) + b + a + code.slice(at + 2);
    expect(parseClaimCode(swapped)).toBe(a === b ? code : undefined);
  }
});

test("too short, too long and foreign letters are none", () => {
  for (const text of ["", code.slice(1), `${code}0`, code.replace(/^./, "U"), code.replace(/^./, "\u00c4")]) {
    expect(parseClaimCode(text), text).toBeUndefined();
  }
});

test("people may write it as they like", () => {
  const grouped = groupedClaimCode(code);
  expect(grouped).toMatch(/^(\w{5}-){3}\w{5}$/);
  for (const text of [
    grouped,
    grouped.toLowerCase(),
    grouped.replaceAll("-", " "),
    code.replaceAll("0", "o"),
    code.replaceAll("1", "l"),
  ]) {
    expect(parseClaimCode(text)).toBe(code);
  }
});
