import { oscoreSaltBytes, oscoreSecretBytes } from "./node-credential.ts";

/** The kid of a context that does nothing but enrol: six bytes, where nodes have four and operators five. */
export const enrolmentKidBytes = 6;

/** What is derived from a code: master secret, master salt, kid. */
export const claimBytes = oscoreSecretBytes + oscoreSaltBytes + enrolmentKidBytes;
/** The `info` of that HKDF; its salt is empty and its secret the 20 characters of the code in ASCII. */
export const claimInfo = "coxswain-claim";

/** A claim code as it is stored under its kid, 12 hexadecimal digits. The code itself is nowhere. */
export interface ClaimRecord {
  /** Who comes with it gets the credentials of this node. */
  readonly node: string;
  /** Base64 of the sealed master secret and salt; absent once it is good no more. */
  readonly sealed?: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
  /** The credential that it was answered with. */
  readonly issued?: { readonly kid: number; readonly atMs: number };
  readonly end?: "used" | "expired";
}

/** In milliseconds. */
export const claimTimes = { default: 86_400_000, min: 60_000, max: 30 * 86_400_000 } as const;

const name = /^enrolment:([0-9a-f]{12}(\/[a-z0-9_-]{1,16})?)$/;

/**
 * What the sender sequence numbers of such a context are counted under, and what a claim's secret is sealed about. `id`: the kid of a claim, or
 * that of a batch, a slash and the hardware id.
 */
export function enrolmentName(id: string): string {
  return `enrolment:${id}`;
}

/** The id in such a name; undefined: it is somebody else's. */
export function parseEnrolmentName(text: string): string | undefined {
  return name.exec(text)?.[1];
}
