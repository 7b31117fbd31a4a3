import type { SiteAccess, SiteInvitation, SiteLink, SiteReport } from "../../../schemas/generated/types.ts";
import type { Sendable } from "../../../schemas/wire/codec.ts";
import type { MosquittoFile } from "../../domain/mosquitto-access.ts";
import type { Actor } from "./registry.ts";

/** Households: who belongs to them, and what each of their phones and gateways proves itself by. */
export interface Sites {
  list(): readonly SiteView[];
  find(site: string): SiteView | undefined;
  /** Durable. */
  add(site: string, wish: SiteWish, by: Actor): Promise<SiteView | "exists" | "full">;
  change(site: string, wish: Partial<SiteWish>, by: Actor): Promise<SiteView | "unknown-site">;
  /** Its phones and its gateway are off the server broker at once, and its gateway is told. Durable. */
  remove(site: string, by: Actor): Promise<"removed" | "unknown-site">;
  /** Named credentials for one phone, told this once. Durable. */
  invite(site: string, name: string, by: Actor): Promise<InviteOutcome>;
  /** Off the server broker at once; off the gateway's as soon as that hears of it. Durable. `phone`: its id or its name. */
  removePhone(site: string, phone: string, by: Actor): Promise<PhoneView | "unknown-site" | "unknown-phone">;
  /** What the gateway joins by, told this once; what it had before is good no more. Durable. */
  link(site: string, by: Actor): Promise<LinkOutcome>;
  /**
   * As the site's gateway: who may come in, as soon as that is newer than what the report says it has; `same` when it wasn't within the report's
   * wait, or when another request of this gateway came.
   */
  follow(site: string, secret: string, report: SiteReport, from: FollowFrom): Promise<FollowOutcome>;
  /** Every client of every household and its rights, for Mosquitto's dynamic-security plug-in. */
  mosquitto(): MosquittoFile;
}

export interface SiteWish {
  readonly title: string;
  readonly timeZone: string;
  readonly gateway?: string | undefined;
  readonly retains: boolean;
  readonly broker?: { readonly phones?: string; readonly gateway?: string } | undefined;
}

export interface SiteView extends SiteWish {
  readonly site: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly phones: readonly PhoneView[];
  /** Its gateway was given a link. */
  readonly linkedAtMs?: number;
  /** When its gateway asked last, since this start of the manager. */
  readonly heardAtMs?: number;
  /** Where its gateway is at home, as it said. */
  readonly home: readonly string[];
  /** Fingerprint of its CA, as its gateway said. */
  readonly ca?: string;
}

export interface PhoneView {
  readonly phone: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

export type InviteOutcome =
  /** Without where the server broker is: that the manager's face knows. */
  | { readonly kind: "invited"; readonly invitation: Sendable<SiteInvitation>; readonly view: PhoneView }
  | { readonly kind: "unknown-site" }
  | { readonly kind: "name-taken" }
  | { readonly kind: "full" };

export type LinkOutcome =
  /** Without where manager and broker are. */
  { readonly kind: "linked"; readonly link: Omit<Sendable<SiteLink>, "manager"> } | { readonly kind: "unknown-site" };

export type FollowOutcome =
  | { readonly kind: "access"; readonly access: Sendable<SiteAccess> }
  | { readonly kind: "same" }
  /** No such site, or not its gateway. */
  | { readonly kind: "refused" };

export interface FollowFrom {
  readonly address?: string | undefined;
  /** Whoever asked has gone. */
  readonly signal?: AbortSignal | undefined;
}
