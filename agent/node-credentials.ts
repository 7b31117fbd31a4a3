import { fromHex } from "../schemas/wire/hex.ts";
import { type NodeId, parseNodeId } from "../schemas/wire/node-id.ts";
import { agentFaults } from "./agent-faults.ts";

/** What a credentials file says (docs/reference/node.md, "Credentials"). */
export interface NodeCredentials {
  readonly id?: NodeId;
  readonly oscore?: {
    readonly masterSecret: Uint8Array;
    readonly masterSalt: Uint8Array;
    readonly senderId: Uint8Array;
    readonly recipientId: Uint8Array;
    readonly idContext?: Uint8Array;
  };
  readonly psk?: { readonly identity: string; readonly key: Uint8Array };
  /** PEM texts. */
  readonly certificate?: { readonly cert: string; readonly key: string; readonly ca: string };
  /** PEM: the CA of the manager's certificates for TLS. */
  readonly ca?: string;
  /** COSE key set: whose updates are trusted. */
  readonly anchors?: Uint8Array;
  readonly vendor?: string;
}

export const maxCredentialBytes = 8_192;

/** Reads the text of a credentials file. Throws `agent.bad-credentials`, which never says what a value was. */
export function parseNodeCredentials(text: string): NodeCredentials {
  if (text.length > maxCredentialBytes) bad(`they have more than ${maxCredentialBytes} characters`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    bad("they aren't JSON");
  }
  const all = members(value, "the file", ["id", "oscore", "dtls", "ca", "anchors", "vendor"]);
  const { id, oscore, dtls, ca, anchors, vendor } = all;
  const parsed = id === undefined ? undefined : parseNodeId(textOf(id, "id"));
  if (parsed?.ok === false) bad(`id isn't a node id: ${parsed.rule}`);
  if (oscore === undefined && dtls === undefined) bad("there is neither oscore nor dtls in them");
  return {
    ...(parsed?.ok === true && { id: parsed.id }),
    ...(oscore !== undefined && { oscore: readOscore(oscore) }),
    ...(dtls !== undefined && readDtls(dtls)),
    ...(ca !== undefined && { ca: textOf(ca, "ca") }),
    ...(anchors !== undefined && { anchors: bytesOf(anchors, "anchors", 1, 4096) }),
    ...(vendor !== undefined && { vendor: textOf(vendor, "vendor") }),
  };
}

function readOscore(value: unknown): NonNullable<NodeCredentials["oscore"]> {
  const names = ["masterSecret", "masterSalt", "senderId", "recipientId", "idContext"];
  const { masterSecret, masterSalt, senderId, recipientId, idContext } = members(value, "oscore", names);
  return {
    masterSecret: bytesOf(masterSecret, "oscore.masterSecret", 16, 32),
    masterSalt: masterSalt === undefined ? new Uint8Array(0) : bytesOf(masterSalt, "oscore.masterSalt", 0, 16),
    senderId: bytesOf(senderId, "oscore.senderId", 0, 7),
    recipientId: bytesOf(recipientId, "oscore.recipientId", 0, 7),
    ...(idContext !== undefined && { idContext: bytesOf(idContext, "oscore.idContext", 1, 16) }),
  };
}

function readDtls(value: unknown): Pick<NodeCredentials, "psk" | "certificate"> {
  const { psk, certificate, key, ca } = members(value, "dtls", ["psk", "certificate", "key", "ca"]);
  if (psk !== undefined) {
    if (certificate !== undefined || key !== undefined || ca !== undefined) bad("dtls has both psk and a certificate");
    const { identity, key: secret } = members(psk, "dtls.psk", ["identity", "key"]);
    return {
      psk: { identity: textOf(identity, "dtls.psk.identity"), key: bytesOf(secret, "dtls.psk.key", 16, 32) },
    };
  }
  return {
    certificate: {
      cert: textOf(certificate, "dtls.certificate"),
      key: textOf(key, "dtls.key"),
      ca: textOf(ca, "dtls.ca"),
    },
  };
}

function members(value: unknown, where: string, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) bad(`${where} isn't an object`);
  const unknownName = Object.keys(value).find((name) => !names.includes(name));
  if (unknownName !== undefined) bad(`${where} has a member that isn't known: ${JSON.stringify(unknownName)}`);
  return value as Readonly<Record<string, unknown>>;
}

function textOf(value: unknown, where: string): string {
  if (typeof value === "string" && value !== "") return value;
  return bad(`${where} isn't a text`);
}

const hexDigits = /^([0-9a-fA-F]{2})*$/;

function bytesOf(value: unknown, where: string, min: number, max: number): Uint8Array {
  if (typeof value !== "string" || !hexDigits.test(value)) return bad(`${where} isn't hexadecimal`);
  const bytes = fromHex(value.toLowerCase());
  return bytes.length >= min && bytes.length <= max ? bytes : bad(`${where} hasn't ${min} to ${max} bytes`);
}

function bad(reason: string): never {
  throw agentFaults("agent.bad-credentials", { reason: `${reason}.` });
}
