/**
 * User names of a household's clients at the local and at the server broker; each is its client id too, so a client has one connection at a
 * broker. No node can have such a name, since node ids begin with a letter or digit.
 */
export function phoneUser(site: string, phone: string): string {
  return `_${site}.${phone}`;
}

/** No phone has this name: ids of phones have 12 characters. */
export function gatewayUser(site: string): string {
  return `_${site}.gateway`;
}

/** Letters and digits that aren't taken for one another. */
const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";

export const phoneIdLength = 12;

/** The id of a phone that no other phone ever had. `random`: 12 bytes, of which each gives five bits. */
export function newPhoneId(random: Uint8Array): string {
  return [...random.subarray(0, phoneIdLength)].map((byte) => alphabet[byte & 31]).join("");
}
