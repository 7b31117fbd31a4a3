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
