import type { Digest } from "../../schemas/wire/digest.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";

/** Bytes that are there, on a disk or in memory. */
export interface PayloadBytes {
  readonly size: number;
  /** Exactly `length` bytes. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The payload that a pack chose from the manifest. */
export interface WantedPayload {
  readonly digest: Digest;
  readonly size: number;
}

export interface CarryJob {
  readonly pack: HardwareNumber;
  /** The signed envelope. */
  readonly envelope: Uint8Array;
  /** Aborting tells the pack that it's off; the transfer can be taken up later. */
  readonly signal: AbortSignal;
  /** What the pack wants, after it judged the manifest. A rejection ends the transfer as interrupted. */
  payload(wanted: WantedPayload): Promise<PayloadBytes>;
  /** Bytes of the payload that the pack has. */
  progress(bytes: number, total: number): void;
}

/**
 * How carrying ended. applied: the pack has all of it, found it good and boots it. refused: the pack says no, in its own words.
 * interrupted: bus or pack fell silent; carried again it goes on at the block where it was.
 */
export type CarryEnd =
  | { readonly kind: "applied" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "interrupted"; readonly reason: string }
  | { readonly kind: "cancelled" };

/** Carries firmware to packs over the bus, below telemetry. One transfer at a time. */
export interface FirmwareCarrier {
  /** Never rejects. */
  carry(job: CarryJob): Promise<CarryEnd>;
}
