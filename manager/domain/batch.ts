import { isNodeId } from "../../schemas/wire/node-id.ts";

/** Bytes of a batch's key, of which each of its devices has a key of its own. */
export const batchKeyBytes = 32;
/** The `info` of that HKDF is this and the hardware id; its salt is empty, and it gives master secret and master salt. */
export const batchInfo = "coxswain-batch:";

export const hardwareIdRule = "1 to 16 of a-z, 0-9, underscore and hyphen, starting with a letter or digit";
/** No dot: `model-gw.0a` would be the child of a gateway. */
const hardwareId = /^[a-z0-9][a-z0-9_-]{0,15}$/;

export function isHardwareId(text: string): boolean {
  return hardwareId.test(text);
}

/** The hardware id in the `kid context` of a request; undefined: it is none. */
export function hardwareIdFrom(kidContext: Uint8Array): string | undefined {
  const text = String.fromCharCode(...kidContext.subarray(0, 17));
  return isHardwareId(text) ? text : undefined;
}

/** The device of a batch as a peer is called: `0a1b2c3d4e5f/5111`. */
export function batchDevice(batch: string, hardware: string): string {
  return `${batch}/${hardware}`;
}

export function parseBatchDevice(id: string): { readonly batch: string; readonly hardware: string } | undefined {
  const at = id.indexOf("/");
  return at === -1 ? undefined : { batch: id.slice(0, at), hardware: id.slice(at + 1) };
}

export const batchModelRule = "1 to 46 of a-z, 0-9, dot, underscore and hyphen, starting with a letter or digit";

/** Whether every hardware id makes a node id with it. */
export function isBatchModel(text: string): boolean {
  return text.length <= 46 && isNodeId(`${text}-0`);
}

export function batchNodeId(model: string, hardware: string): string {
  return `${model}-${hardware}`;
}

/** A batch as it is stored under its id, 12 hexadecimal digits: the kid of all its devices. */
export interface BatchRecord {
  /** What its nodes are called: this, a hyphen and the hardware id. */
  readonly model: string;
  /** Base64 of the sealed key; absent once it is good no more. */
  readonly sealed?: string;
  /** As many devices may enrol. */
  readonly limit: number;
  /** The only ones that may; absent: any. */
  readonly hardware?: readonly string[];
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
}

/** What is known of one device of a batch, stored under `batchDevice`. */
export interface BatchDeviceRecord {
  readonly node: string;
  /** The credential that it was answered with last. */
  readonly issued?: { readonly kid: number; readonly atMs: number };
  /** An operator lets it enrol once more, although it did, or its node has credentials from elsewhere. */
  readonly reopenedUntilMs?: number;
}

/** In milliseconds. */
export const batchTimes = {
  default: 365 * 86_400_000,
  min: 60_000,
  max: 3650 * 86_400_000,
  /** A device that may enrol once more does so within this time. */
  reopened: 86_400_000,
} as const;

/** Devices of one batch, and hardware ids in its list. */
export const batchSizes = { default: 100, max: 100_000, listed: 10_000 } as const;
