/** Crockford's base32: no I, L, O and U, which are misread or make words. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** Characters of a code, the last of which checks the others: 95 random bits. */
export const claimCodeLength = 20;
export const claimCodeRule = "20 letters and digits, as `coxswain claim create` printed them";

/** `random`: 19 bytes, of which each gives the five bits of a character. */
export function newClaimCode(random: Uint8Array): string {
  const values = [...random.subarray(0, claimCodeLength - 1)].map((byte) => byte & 31);
  return [...values, checkOf(values)].map((value) => alphabet[value]).join("");
}

/** As it is printed: `7K3QZ-...`, four groups of five. */
export function groupedClaimCode(code: string): string {
  return (code.match(/.{5}/g) ?? []).join("-");
}

/** The code as keys are derived from it; undefined: it is none. Case, spaces and hyphens don't matter, O is 0, I and L are 1. */
export function parseClaimCode(text: string): string | undefined {
  const code = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  const values = [...code].map((each) => alphabet.indexOf(each));
  if (values.length !== claimCodeLength || values.includes(-1)) return undefined;
  return checkOf(values.slice(0, -1)) === values.at(-1) ? code : undefined;
}

/**
 * The sum of all characters in GF(32), each times another power of x: one wrong character and two that changed places always show, as long as a
 * code has fewer than 31.
 */
function checkOf(values: readonly number[]): number {
  return values.reduce((sum, value) => timesX(sum ^ value), 0);
}

/** Modulo x^5 + x^2 + 1, of which x is a generator. */
function timesX(value: number): number {
  return ((value << 1) ^ (value & 16 ? 0b100101 : 0)) & 31;
}
