import { settingsDescription } from "../../manager/settings.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import { envelopeOf } from "../integration/signed-envelope.ts";
import { keys } from "../vectors/update-manifest-world.ts";
import type { SimUpdate } from "./fleet-operator.ts";
import { digestOf } from "./sim-artifacts.ts";

/** Whoever makes the images of the simulated fleet. */
export const simVendor = settingsDescription.vendor.default;
export const simKey = keys.vendor.signer.anchor;
/** What its nodes are given. */
export const simAnchors = writeKeySet([simKey]);

/** Signatures differ each time, and a seed must give the same run twice: so each update is signed once in a process. */
const envelopes = new Map<string, Promise<Uint8Array>>();

export function envelopeOfUpdate({ id, version, model, image }: SimUpdate): Promise<Uint8Array> {
  const digest = digestOf(image);
  const key = `${id} ${digest}`;
  const about = { digest, size: image.length, model, version, sequence: sequenceOf(version) };
  const known = envelopes.get(key) ?? envelopeOf(about as Parameters<typeof envelopeOf>[0], {}, ["vendor"], simVendor);
  envelopes.set(key, known);
  return known;
}

export function sequenceOf(version: string): number {
  return Number(version.replaceAll(/\D/g, ""));
}
