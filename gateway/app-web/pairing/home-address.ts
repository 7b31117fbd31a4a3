/** A place where the gateway might be. The label is for people: a browser can't read which Wi-Fi the phone is in. */
export interface HomeAddress {
  readonly label: string;
  /** Scheme, host and port. */
  readonly base: string;
}

export const maxHomeAddresses = 8;

/** `https://192.168.1.20:8443` from what a person writes, which may lack the scheme; undefined where it is no address. */
export function readHomeAddress(text: string, pageProtocol: string): string | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  const scheme = pageProtocol === "http:" ? "http" : "https";
  const whole = /^[a-z]+:\/\//i.test(trimmed) ? trimmed : `${scheme}://${trimmed}`;
  if (!URL.canParse(whole)) return undefined;
  const { protocol, host, username, hostname } = new URL(whole);
  if ((protocol !== "http:" && protocol !== "https:") || username !== "") return undefined;
  // Some browsers take a host of any letters, and write them as %20.
  if (!/^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(hostname)) return undefined;
  return `${protocol}//${host}`;
}
