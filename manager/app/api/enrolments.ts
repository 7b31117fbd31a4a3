import type { OscoreSecrets } from "../../domain/node-credential.ts";
import type { Batches } from "./batches.ts";
import type { Actor } from "./registry.ts";

/** One-time codes and keys of batches, by which devices get their credentials, and which are good for nothing else. */
export interface Enrolments {
  /** Durable; the code is told this once. */
  createClaim(node: string, lifeMs: number, by: Actor): Promise<CreatedClaim | "full">;
  /** Newest first; without secrets. */
  claims(): readonly ClaimView[];
  /** Refused from the next datagram on. The credentials that it was exchanged for stay. Durable. */
  revokeClaim(kid: string, by: Actor): Promise<"revoked" | "unknown">;
  readonly batches: Batches;
  /**
   * What the device gets, in storage before it is answered. The same again while they weren't used: the power may go between the answer and the
   * device's storage. `id` is that of its proven identity, `from` its address.
   */
  enrol(id: string, from: string): Promise<EnrolOutcome>;
  readonly keyring: EnrolmentKeyring;
}

export type EnrolOutcome =
  | { readonly kind: "enrolled"; readonly node: string; readonly kid: number; readonly secrets: OscoreSecrets }
  /** Used, revoked or expired. */
  | { readonly kind: "ended" }
  /** Of a batch: the device enrolled before, or somebody else has its node's credentials. */
  | { readonly kind: "taken" }
  /** Of a batch: as many devices as it may have enrolled already. */
  | { readonly kind: "batch-full" }
  | { readonly kind: "busy" }
  | { readonly kind: "full" };

export interface CreatedClaim extends ClaimView {
  /** In four groups of five. */
  readonly code: string;
}

export interface ClaimView {
  /** 12 hexadecimal digits. */
  readonly claim: string;
  readonly node: string;
  /** `answered`: it was exchanged, and what it was exchanged for is still to be used. */
  readonly state: "open" | "answered" | "used" | "expired";
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
}

export interface EnrolmentKey {
  readonly kid: string;
  /** Who enrols with it: the kid of a claim, or that of a batch, a slash and the hardware id. */
  readonly id: string;
  /** The ID Context of a batch's device: its hardware id. */
  readonly idContext?: Uint8Array;
  readonly secrets: OscoreSecrets;
  /** Made since this process started: nothing was ever received with it before. */
  readonly isFresh: boolean;
}

/** What the security layer asks for at a datagram of who enrols. */
export interface EnrolmentKeyring {
  /** Undefined: there is none, or it is good no more. A stranger may ask for any. */
  find(kid: string, kidContext?: Uint8Array): EnrolmentKey | undefined;
  /** Takes the next `count` sender sequence numbers, durable when it resolves; undefined: the context is gone, or its numbers are. */
  lease(id: string, count: number): Promise<number | undefined>;
  /** Called with each kid that is good no more, with whatever ID Context, in the turn in which it is. */
  onRevoked(listener: (kid: string) => void): void;
}
