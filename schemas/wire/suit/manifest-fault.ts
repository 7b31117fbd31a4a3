import type { ManifestReason, ManifestRefusal } from "./manifest-reason.ts";

/** Thrown within the readers of this folder and caught at their faces, where it becomes a value. */
export class ManifestFault extends Error {
  readonly reason: ManifestReason;
  readonly where: string;

  constructor(reason: ManifestReason, where: string) {
    super(`${reason}: ${where}`);
    this.reason = reason;
    this.where = where;
  }
}

/** What `read` gives, or the refusal that it threw. */
export function refusing<T extends { readonly ok: true }>(read: () => T): T | ManifestRefusal {
  try {
    return read();
  } catch (error) {
    if (error instanceof ManifestFault) return { ok: false, reason: error.reason, where: error.where };
    throw error;
  }
}
