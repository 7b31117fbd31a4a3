import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import type { UpdateView } from "../app/api/updates.ts";
import { CommandFailure } from "./command-failure.ts";
import type { ManagerClient } from "./manager-client.ts";

/** What an update would be, whoever signed it and when. */
export interface WantedUpdate {
  readonly model: string;
  readonly version: string;
  readonly digest: string;
  readonly size: number;
  readonly sequence: number;
  readonly targets?: readonly string[];
  readonly title?: string;
  readonly variants: UpdateManifest["variants"];
}

export async function findUpdate(client: ManagerClient, id: string): Promise<UpdateView | undefined> {
  try {
    return await client.get<UpdateView>(`/updates/${encodeURIComponent(id)}?attempts=1`);
  } catch (error) {
    if (error instanceof CommandFailure && error.code === "unknown-update") return undefined;
    throw error;
  }
}

/**
 * Whether an update that is there is the one that would be made: then an answer was lost and nothing is left to do. Two signatures of the same manifest
 * differ, and so does what is encrypted twice, so that it is told by what nodes would get.
 */
export function isMadeAlready({ update, state, signed }: UpdateView, wanted: WantedUpdate): boolean {
  if (state === "withdrawn" || signed === undefined) return false;
  const { model, version, digest, size, sequence, targets = [], title } = wanted;
  const isSame =
    update.model === model &&
    update.version === version &&
    update.digest === digest &&
    update.size === size &&
    update.sequence === sequence &&
    update.title === title &&
    (update.targets ?? []).join() === targets.join();
  const isSamePayload = ({ kind, size: bytes, digest: its }: (typeof signed.payloads)[number], at: number): boolean => {
    const other = wanted.variants[at];
    if (other === undefined || other.kind !== kind || other.size !== bytes) return false;
    return other.encryptionInfo !== undefined || other.digest === its;
  };
  return isSame && signed.payloads.length === wanted.variants.length && signed.payloads.every(isSamePayload);
}
