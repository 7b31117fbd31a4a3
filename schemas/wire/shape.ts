/**
 * The shape of a message, as the generator reads it out of the JSON Schemas and as the codec walks it. It is the small
 * subset of JSON Schema that every side can hold: closed objects, bounded lists and texts, whole and fixed-point numbers.
 */
export type Shape =
  | ObjectShape
  | VariantsShape
  | MapShape
  | ListShape
  | TextShape
  | IntegerShape
  | NumberShape
  | BooleanShape;

export interface ObjectShape {
  readonly kind: "object";
  readonly title: string;
  readonly fields: readonly Field[];
}

/** One of several objects, told apart by the value of the field `tag`. A field of one name has one key in all of them. */
export interface VariantsShape {
  readonly kind: "variants";
  readonly title: string;
  readonly tag: string;
  readonly variants: readonly { readonly value: string; readonly shape: ObjectShape }[];
}

/** Names chosen by the sender, text values. */
export interface MapShape {
  readonly kind: "map";
  readonly max: number;
  readonly keyMax: number;
  readonly valueMax: number;
}

export interface ListShape {
  readonly kind: "list";
  readonly max: number;
  readonly items: Shape;
}

export interface TextShape {
  readonly kind: "text";
  /** Longest, in bytes of UTF-8. */
  readonly max: number;
  /** How CBOR carries it when not as text: 32 bytes, or seconds since 1970. */
  readonly form?: "digest" | "instant";
  /** The only values, with the integers that stand for them in CBOR. */
  readonly values?: Readonly<Record<string, number>>;
}

export interface IntegerShape {
  readonly kind: "integer";
  readonly min: number;
  readonly max: number;
}

/** A number that is rounded to `decimals` places, so that small nodes count in whole steps and need no floating point. */
export interface NumberShape {
  readonly kind: "number";
  readonly min: number;
  readonly max: number;
  readonly decimals: number;
}

export interface BooleanShape {
  readonly kind: "boolean";
}

export interface Field {
  readonly name: string;
  /** The key in CBOR; given once and never to another field. */
  readonly key: number;
  /** Names that early device code uses for it; read, never written. */
  readonly aliases: readonly string[];
  readonly isRequired: boolean;
  readonly shape: Shape;
}
