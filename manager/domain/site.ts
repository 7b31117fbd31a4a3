/** A household: its gateway, its phones, and how they prove who they are. Secrets are kept as digests and hashes alone. */
export interface SiteRecord {
  readonly title: string;
  /** A name of the IANA database. */
  readonly timeZone: string;
  /** The node that is its gateway. */
  readonly gateway?: string;
  /** Its owner wants last values kept at the server broker. */
  readonly retains: boolean;
  /** The server broker where it isn't the manager's own: by WebSocket for phones, by MQTT for the gateway. */
  readonly broker?: { readonly phones?: string; readonly gateway?: string };
  readonly createdAtMs: number;
  readonly createdBy: string;
  /** Of what its gateway is told; only grows, also where a site is removed and made again. */
  readonly revision: number;
  readonly phones: readonly PhoneRecord[];
  readonly link?: LinkRecord;
  /** What its gateway said last. */
  readonly home?: readonly string[];
  readonly ca?: string;
}

export interface PhoneRecord {
  readonly phone: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly server: ServerLogin;
  /** argon2id or scrypt, as the gateway checks it. */
  readonly homeHash: string;
}

/** The gateway's secret. */
export interface LinkRecord {
  readonly madeAtMs: number;
  readonly server: ServerLogin;
}

/** A password at the server broker as each broker knows it. */
export interface ServerLogin {
  /** Of the manager's own broker, base64. */
  readonly kept: string;
  readonly mosquitto: MosquittoSecret;
}

/** As Mosquitto's dynamic-security plug-in keeps a password: PBKDF2 with HMAC-SHA-512, salt and hash in base64. */
export interface MosquittoSecret {
  readonly hash: string;
  readonly salt: string;
  readonly iterations: number;
}

export const phonesOfSite = 64;

export const siteLabelRule = "1 to 48 characters without controls";

/** What a site or a phone is called. */
export function isSiteLabel(text: string): boolean {
  const size = new TextEncoder().encode(text).length;
  return size > 0 && size <= 48 && text.trim() === text && !/\p{Cc}/u.test(text);
}

export function isTimeZone(text: string): boolean {
  if (text.length > 64) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** Whether it is where a client finds a broker: `wss://host:port/mqtt` for phones, `mqtts://host:port` for gateways. */
export function isBrokerUrl(text: string, whose: "phones" | "gateway"): boolean {
  const rule = whose === "phones" ? /^wss?:\/\/[!-~]+$/ : /^(mqtts?|wss?):\/\/[!-~]+$/;
  return text.length <= 100 && rule.test(text) && URL.canParse(text) && new URL(text).host !== "";
}
