import type { Clock } from "../../kernel/clock.ts";
import { parseBatchDevice } from "../domain/batch.ts";
import type {
  ClaimView,
  CreatedClaim,
  EnrolmentKey,
  EnrolmentKeyring,
  Enrolments,
  EnrolOutcome,
} from "./api/enrolments.ts";
import type { Actor } from "./api/registry.ts";
import { BatchService, type BatchServiceOptions } from "./batch-service.ts";
import { ClaimService, type ClaimServiceOptions } from "./claim-service.ts";
import { EnrolmentLimiter } from "./enrolment-limiter.ts";
import { RefusedEnrolments, type RefusedEnrolmentsOptions } from "./refused-enrolments.ts";

export type EnrolmentServiceOptions = Omit<ClaimServiceOptions & BatchServiceOptions, "ended" | "refused" | "limits"> &
  RefusedEnrolmentsOptions & {
    readonly clock: Clock;
    readonly limits: ClaimServiceOptions["limits"] &
      BatchServiceOptions["limits"] & { readonly enrolmentsPerSecond: number };
  };

/** Who enrols, by a claim code or by the key of a batch: the kids of both are as long, and of one random space. */
export class EnrolmentService implements Enrolments, EnrolmentKeyring {
  readonly batches: BatchService;
  readonly #claims: ClaimService;
  readonly #limiter: EnrolmentLimiter;
  readonly #listeners: ((kid: string) => void)[] = [];

  constructor(options: EnrolmentServiceOptions) {
    const ended = (kid: string): void => {
      for (const listener of this.#listeners) listener(kid);
    };
    this.#claims = new ClaimService({ ...options, ended });
    this.batches = new BatchService({ ...options, ended, refused: new RefusedEnrolments(options) });
    this.#limiter = new EnrolmentLimiter({ clock: options.clock, perSecond: options.limits.enrolmentsPerSecond });
  }

  get keyring(): EnrolmentKeyring {
    return this;
  }

  async load(): Promise<void> {
    await this.#claims.load();
    await this.batches.load();
  }

  sweep(): void {
    this.#claims.sweep();
    this.batches.sweep();
  }

  createClaim(node: string, lifeMs: number, by: Actor): Promise<CreatedClaim | "full"> {
    return this.#claims.create(node, lifeMs, by);
  }

  claims(): readonly ClaimView[] {
    return this.#claims.list();
  }

  revokeClaim(kid: string, by: Actor): Promise<"revoked" | "unknown"> {
    return this.#claims.revoke(kid, by);
  }

  /** The node was revoked or removed: nobody becomes it by what was made before. Returns how many codes and leaves were good. */
  async close(node: string, by: Actor): Promise<number> {
    const [left, codes] = await Promise.all([this.batches.close(node), this.#claims.revokeOf(node, by)]);
    return left + codes;
  }

  async enrol(id: string, from: string): Promise<EnrolOutcome> {
    if (!this.#limiter.take(id)) return { kind: "busy" };
    const device = parseBatchDevice(id);
    if (device === undefined) return await this.#claims.enrol(id, from);
    return await this.batches.enrol(device.batch, device.hardware, from);
  }

  find(kid: string, kidContext?: Uint8Array): EnrolmentKey | undefined {
    return this.#claims.find(kid) ?? this.batches.find(kid, kidContext);
  }

  lease(id: string, count: number): Promise<number | undefined> {
    const device = parseBatchDevice(id);
    return device === undefined
      ? this.#claims.lease(id, count)
      : this.batches.lease(device.batch, device.hardware, count);
  }

  onRevoked(listener: (kid: string) => void): void {
    this.#listeners.push(listener);
  }
}
