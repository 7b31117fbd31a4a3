/** One thing that strangers' bytes reach. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs that get deep by themselves. */
  seeds(): readonly Uint8Array[];
  /** Throws when what came out is wrong; whatever it throws is a finding. */
  run(input: Uint8Array): void | Promise<void>;
}

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

/** A finding when the statement doesn't hold. */
export function mustHold(holds: boolean, statement: string): void {
  if (!holds) throw new Error(`not so: ${statement}`);
}
