import type { Shape } from "../wire/shape.ts";
import type { Model } from "./model.ts";

/** Every integer that was ever given: by struct or set of words, by name. Names that went stay, so that no one gets their integer. */
export type KeyLedger = { readonly [owner: string]: { readonly [name: string]: number } };

/**
 * The ledger with what `model` adds. Throws when a name has another integer than before, or an integer another name: nodes
 * in the field keep reading the old meaning for years.
 */
export function extendLedger(ledger: KeyLedger, model: Model): KeyLedger {
  const extended: Record<string, Record<string, number>> = structuredClone(ledger) as Record<
    string,
    Record<string, number>
  >;

  function enter(owner: string, name: string, integer: number): void {
    extended[owner] ??= {};
    const given = extended[owner];
    const holder = Object.keys(given).find((candidate) => given[candidate] === integer);
    if ((given[name] ?? integer) !== integer)
      throw new Error(`${owner}.${name} has ${given[name]}, which can't become ${integer}`);
    if (holder !== undefined && holder !== name)
      throw new Error(`${owner}: ${integer} belongs to ${holder}, ${name} needs another`);
    given[name] = integer;
  }

  function walk(shape: Shape): void {
    if (shape.kind === "list") walk(shape.items);
    // Variants share their keys, so that they are one owner.
    const variants = shape.kind === "variants" ? shape.variants.map((variant) => variant.shape) : [];
    for (const struct of shape.kind === "object" ? [shape] : variants) {
      for (const field of struct.fields) {
        enter(shape.kind === "variants" ? shape.title : struct.title, field.name, field.key);
        walk(field.shape);
      }
    }
    if (shape.kind !== "text" || !shape.values) return;
    for (const [word, value] of Object.entries(shape.values)) enter(model.titleOf(shape) ?? "", word, value);
  }

  for (const kind of model.kinds) walk(kind.shape);
  return extended;
}
