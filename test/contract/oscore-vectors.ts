import { readFileSync } from "node:fs";
import { MessageWriter } from "../../coap/message-writer.ts";
import type { Aead } from "../../coap/security/oscore/aead.ts";
import type { OscoreContext } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { OscoreMessages } from "../../coap/security/oscore/oscore-messages.ts";
import type { OscoreParameters } from "../../coap/security/oscore/oscore-parameters.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";

export interface ContextVector {
  readonly name: string;
  readonly masterSecretHex: string;
  readonly masterSaltHex: string;
  readonly senderIdHex: string;
  readonly recipientIdHex: string;
  readonly idContextHex: string | null;
  readonly senderKeyHex: string;
  readonly recipientKeyHex: string;
  readonly commonIvHex: string;
  readonly senderNonceHex: string;
  readonly recipientNonceHex: string;
}

export interface MessageVector {
  readonly name: string;
  readonly client: string;
  readonly server: string;
  readonly sequence: number | null;
  readonly plainHex: string;
  readonly aadHex: string;
  readonly nonceHex: string;
  readonly plaintextHex: string;
  readonly optionHex: string;
  readonly protectedHex: string;
}

export interface OscoreVectors {
  readonly contexts: readonly ContextVector[];
  readonly requests: readonly MessageVector[];
  readonly responses: readonly (MessageVector & { readonly request: string })[];
  readonly options: {
    readonly good: readonly {
      readonly name: string;
      readonly hex: string;
      readonly partialIvHex: string | null;
      readonly kidHex: string | null;
      readonly kidContextHex: string | null;
    }[];
    readonly malformed: readonly { readonly name: string; readonly hex: string }[];
  };
  readonly forged: readonly {
    readonly name: string;
    readonly server: string;
    readonly hex: string;
    readonly code: string;
    readonly text: string;
  }[];
  readonly unverified: readonly { readonly name: string; readonly response: string; readonly hex: string }[];
}

/** `test/vectors/oscore.json`, which the firmware's tests read too. */
export const oscoreVectors = JSON.parse(
  readFileSync(new URL("../vectors/oscore.json", import.meta.url), "utf8"),
) as OscoreVectors;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

export function parametersOf(name: string): OscoreParameters {
  const vector = oscoreVectors.contexts.find((each) => each.name === name)!;
  return {
    masterSecret: bytesOf(vector.masterSecretHex),
    masterSalt: bytesOf(vector.masterSaltHex),
    senderId: bytesOf(vector.senderIdHex),
    recipientId: bytesOf(vector.recipientIdHex),
    idContext: vector.idContextHex === null ? undefined : bytesOf(vector.idContextHex),
  };
}

/** One side of a vector, its next sender sequence number being `sequence`. */
export function sideOf(
  name: string,
  sequence: number,
  aead: Aead,
): { readonly context: OscoreContext; readonly messages: OscoreMessages } {
  const leases = { lease: () => sequence };
  const contexts = new OscoreContexts({ entropy: seededEntropy(1), log: silentLog, leases });
  const context = contexts.add(parametersOf(name), { isNew: true });
  return { context, messages: new OscoreMessages({ contexts, aead, maxOptions: 64 }) };
}

/** A writer in which the message stands. */
export function written(messageHex: string): MessageWriter {
  const writer = new MessageWriter(512);
  const bytes = bytesOf(messageHex);
  writer.bytes.set(bytes);
  writer.end = bytes.length;
  return writer;
}
