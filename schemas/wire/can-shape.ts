/** How one field of a CAN frame lies in its data; numbers are big-endian. */
export type CanFieldShape = { readonly name: string; readonly at: number; readonly bytes: number } & (
  | {
      readonly kind: "unsigned" | "signed";
      readonly min: number;
      readonly max: number;
      /** One value outside the limits that is good as well. */
      readonly also?: number;
      /** The value that says there is none: null in a message. */
      readonly none?: number;
    }
  | { readonly kind: "bool" }
  | { readonly kind: "word"; readonly words: Readonly<Record<string, number>> }
  /** Truth values from the lowest bit up. Bits that aren't named are sent as 0 and not looked at. */
  | { readonly kind: "bits"; readonly bits: readonly string[] }
  /** The last field of a frame may be shorter than `bytes`. */
  | { readonly kind: "bytes"; readonly minBytes: number }
  /** Sent as 0 and not looked at. */
  | { readonly kind: "reserved" }
);

/** A kind of frame: which identifiers it has, how long it is and what lies in it. */
export interface CanFrameShape {
  readonly name: string;
  /** The identifier, the lowest of several with `index`. */
  readonly id: number;
  /** 29-bit identifiers. */
  readonly isExtended: boolean;
  /** A number that the identifier carries: `id + value * stride`. */
  readonly index?: { readonly name: string; readonly stride: number; readonly count: number };
  /** The byte that tells it from other kinds on its identifiers. */
  readonly select?: { readonly at: number; readonly value: number };
  readonly minLength: number;
  readonly maxLength: number;
  readonly fields: readonly CanFieldShape[];
}
