/** Why a message was not taken. Codes are API, texts are for people. */
export interface MessageFault {
  readonly code: MessageFaultCode;
  /** JSON Pointer, in real names, to what was wrong; empty for the whole. */
  readonly path: string;
  /** The rule that it breaks, for people: what it must be. */
  readonly rule: string;
}

export type MessageFaultCode =
  /** Longer than this kind of message may be (CoAP 4.13). */
  | "too-large"
  /** Neither JSON nor CBOR (CoAP 4.15). */
  | "unsupported-content-format"
  /** Not the syntax of its content format (CoAP 4.00, as all below). */
  | "malformed"
  /** One property under two of its names. */
  | "duplicate-property"
  /** A value of another type than the property's. */
  | "wrong-type"
  /** A value that the schema doesn't allow. */
  | "invalid";

export type MessageResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: MessageFault };
