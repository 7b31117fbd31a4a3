import { OptionNumber } from "../../coap/message.ts";
import type { PlainMessage } from "./coap-harness.ts";

export type HandOptions = readonly (readonly [number, Uint8Array | string | number])[];

/** Requests made by hand: each with a message ID of its own, from 1, and its options in order. */
export class HandRequests {
  nextId: number = 1;
  readonly #type: PlainMessage["type"];

  constructor(type: PlainMessage["type"] = "CON") {
    this.#type = type;
  }

  /** To a path of one segment. */
  readonly message = (
    code: number,
    path: string,
    more: HandOptions,
    rest: Partial<PlainMessage> = {},
  ): PlainMessage => ({
    type: this.#type,
    code,
    messageId: this.nextId++,
    options: [[OptionNumber.uriPath, path] as const, ...more].sort(([a], [b]) => a - b),
    ...rest,
  });
}
