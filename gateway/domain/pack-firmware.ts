import type {
  FirmwareBoots,
  FirmwareDigest,
  FirmwareDigestOf,
  FirmwareLimits,
  FirmwareState,
  FirmwareText,
  FirmwareTextOf,
  FirmwareWanted,
} from "../../schemas/generated/can.ts";
import { type Digest, digestFromBytes } from "../../schemas/wire/digest.ts";

/** Frames by which a pack tells of its firmware (0x680 + node). */
export type FirmwareFrame =
  | FirmwareState
  | FirmwareBoots
  | FirmwareLimits
  | FirmwareText
  | FirmwareDigest
  | FirmwareWanted;

/** What a pack said of its firmware so far: nothing is there that it didn't say since it last started. */
export interface PackFirmware {
  readonly state?: Omit<FirmwareState, "frame" | "node">;
  readonly boots?: Omit<FirmwareBoots, "frame" | "node">;
  readonly limits?: Omit<FirmwareLimits, "frame" | "node">;
  /** Bytes of the payload that it wants; 0: it has all that it needs. */
  readonly wantedSize?: number;
  readonly texts: { readonly [Of in FirmwareTextOf]?: string };
  readonly digests: { readonly [Of in FirmwareDigestOf]?: Digest };
  /** Pieces of what isn't whole yet. */
  readonly parts: readonly Part[];
}

interface Part {
  readonly key: string;
  readonly size: number;
  readonly bytes: Uint8Array;
  /** One byte each: 1 where it is known. */
  readonly known: Uint8Array;
}

export const unknownFirmware: PackFirmware = { texts: {}, digests: {}, parts: [] };

const digestBytes = 32;
const utf8 = new TextDecoder();

/** With what a frame says. Frames may be lost and come twice: a text or digest counts when each of its bytes is there. */
export function withFirmware(before: PackFirmware, frame: FirmwareFrame): PackFirmware {
  switch (frame.frame) {
    case "FirmwareState": {
      const { frame: _, node: __, ...state } = frame;
      // A trial that ended, well or by going back, and any other image: what ran before isn't what runs now.
      if (before.state !== undefined && isOtherImage(before.state, state)) {
        const { limits, boots } = before;
        return { ...unknownFirmware, state, ...(limits && { limits }), ...(boots && { boots }) };
      }
      return { ...before, state };
    }
    case "FirmwareBoots": {
      const { frame: _, node: __, ...boots } = frame;
      // Another start, another image maybe: what was said before it says nothing now.
      if (before.boots !== undefined && before.boots.boots !== boots.boots) {
        const { limits } = before;
        return { ...unknownFirmware, ...(limits && { limits }), boots };
      }
      return { ...before, boots };
    }
    case "FirmwareLimits": {
      const { frame: _, node: __, ...limits } = frame;
      return { ...before, limits };
    }
    case "FirmwareWanted":
      return { ...before, wantedSize: frame.size };
    case "FirmwareText": {
      if (frame.size === 0) return { ...before, texts: { ...before.texts, [frame.of]: "" } };
      const taken = piece(before.parts, `text-${frame.of}`, frame.size, frame.at, frame.text);
      if (taken.whole === undefined) return { ...before, parts: taken.parts };
      return { ...before, parts: taken.parts, texts: { ...before.texts, [frame.of]: utf8.decode(taken.whole) } };
    }
    case "FirmwareDigest": {
      const taken = piece(before.parts, `digest-${frame.of}`, digestBytes, frame.at, frame.digest);
      if (taken.whole === undefined) return { ...before, parts: taken.parts };
      return {
        ...before,
        parts: taken.parts,
        digests: { ...before.digests, [frame.of]: digestFromBytes(taken.whole) },
      };
    }
  }
}

function isOtherImage(one: NonNullable<PackFirmware["state"]>, other: NonNullable<PackFirmware["state"]>): boolean {
  return (["isTrial", "isSafe", "wasRolledBack", "manifestSequence"] as const).some(
    (each) => one[each] !== other[each],
  );
}

/** Begins anew with the first byte, so that pieces of two values never become one. */
function piece(
  parts: readonly Part[],
  key: string,
  size: number,
  at: number,
  bytes: Uint8Array,
): { readonly parts: readonly Part[]; readonly whole?: Uint8Array } {
  const others = parts.filter((each) => each.key !== key);
  const found = at === 0 ? undefined : parts.find((each) => each.key === key && each.size === size);
  const part: Part =
    found === undefined
      ? { key, size, bytes: new Uint8Array(size), known: new Uint8Array(size) }
      : { ...found, bytes: found.bytes.slice(), known: found.known.slice() };
  for (let i = 0; i < bytes.length && at + i < size; i++) {
    part.bytes[at + i] = bytes[i]!;
    part.known[at + i] = 1;
  }
  if (part.known.every((each) => each === 1)) return { parts: others, whole: part.bytes };
  return { parts: [...others, part] };
}
