import type { Actor } from "./registry.ts";

/** Keys for many devices at once: each enrols with the one that is derived of the batch's key and its hardware id. */
export interface Batches {
  /** Durable; the key is told this once. */
  create(plan: BatchPlan, by: Actor): Promise<CreatedBatch | "full">;
  /** Newest first; without secrets. */
  list(): readonly BatchView[];
  /** Of one batch, in the order of their hardware ids; undefined: there is no such batch. */
  devices(batch: string): Promise<readonly BatchDeviceView[] | undefined>;
  /** No device of it enrols from the next datagram on. The credentials that devices got stay, unless `withNodes`. Durable. */
  revoke(batch: string, withNodes: boolean, by: Actor): Promise<RevokedBatch | "unknown">;
  /** Lets one device enrol once more, although it did, or its node has credentials. Those stay good until it uses the new ones. Durable. */
  reopen(batch: string, hardware: string, by: Actor): Promise<BatchDeviceView | "unknown">;
}

export interface BatchPlan {
  readonly model: string;
  readonly limit: number;
  readonly lifeMs: number;
  /** Hardware ids, the only ones that may enrol; absent: any. */
  readonly hardware?: readonly string[];
}

export interface BatchView {
  /** 12 hexadecimal digits. */
  readonly batch: string;
  readonly model: string;
  readonly state: "open" | "full" | "expired";
  /** Devices that enrolled. */
  readonly enrolled: number;
  readonly limit: number;
  /** Hardware ids in its list, where it has one. */
  readonly listed?: number;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
}

export interface CreatedBatch extends BatchView {
  /** 64 hexadecimal digits. */
  readonly key: string;
}

export interface BatchDeviceView {
  readonly hardware: string;
  readonly node: string;
  /** `answered`: what it got is still to be used. `ended`: those credentials were revoked. `reopened`: it may enrol once more. */
  readonly state: "answered" | "used" | "ended" | "reopened";
  readonly enrolledAtMs?: number;
  readonly reopenedUntilMs?: number;
}

export interface RevokedBatch {
  /** Nodes whose credentials were revoked with it. */
  readonly nodes: readonly string[];
}
