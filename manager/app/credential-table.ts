import { RowTable } from "../../kernel/row-table.ts";
import { TextRowTable } from "../../kernel/text-row-table.ts";
import { type CredentialScheme, credentialSchemes } from "../domain/node-credential.ts";

export interface CredentialTableOptions {
  /** Nodes with credentials. */
  readonly capacity: number;
  /** Bytes of a sealed secret. */
  readonly sealedBytes: number;
  readonly hashSeed: number;
}

export interface NewCredential {
  readonly scheme: CredentialScheme;
  /** Undefined: there is nothing to keep secret. */
  readonly sealed: Uint8Array | undefined;
  readonly place: CredentialPlace;
  /** Issued in this process, so nothing was ever received with it before. */
  readonly isFresh: boolean;
}

/** A good credential in memory, by its row. */
export type CredentialRow = number;

/** `issued` is on trial too: whether there is an active one beside it says which. */
export type CredentialPlace = "issued" | "active";

/** The good credentials of all nodes in flat arrays: at most two of each node, the one it uses and the one that shall follow. */
export class CredentialTable {
  readonly #sealedBytes: number;
  readonly #kids: RowTable<{ owner: "u32"; isActive: "u8"; isFresh: "u8"; scheme: "u8" }>;
  /** Rows of the kids + 1; 0: none. */
  readonly #nodes: TextRowTable<{ active: "u32"; issued: "u32" }>;
  readonly #sealed: Uint8Array;

  constructor({ capacity, sealedBytes, hashSeed }: CredentialTableOptions) {
    this.#sealedBytes = sealedBytes;
    const columns = { owner: "u32", isActive: "u8", isFresh: "u8", scheme: "u8" } as const;
    this.#kids = new RowTable({ capacity: capacity * 2, columns, hashSeed });
    this.#nodes = new TextRowTable({ capacity, columns: { active: "u32", issued: "u32" }, hashSeed });
    this.#sealed = new Uint8Array(capacity * 2 * sealedBytes);
  }

  get size(): number {
    return this.#kids.size;
  }

  /** Nodes with good credentials. */
  get nodes(): number {
    return this.#nodes.size;
  }

  get capacity(): number {
    return this.#nodes.capacity;
  }

  has(node: string): boolean {
    return this.#nodes.find(node) !== -1;
  }

  find(kid: number): CredentialRow {
    return this.#kids.find(kid);
  }

  /** -1: full. */
  add(node: string, kid: number, credential: NewCredential): CredentialRow {
    const { scheme, sealed, place, isFresh } = credential;
    // One of a place at most: whoever isn't found by its node could never be revoked.
    const before = this.of(node, place);
    if (before !== -1) this.remove(before);
    const owner = this.#nodes.insert(node);
    const row = owner === -1 ? -1 : this.#kids.insert(kid);
    if (row === -1) return -1;
    this.#kids.columns.owner[row] = owner;
    this.#kids.columns.isActive[row] = place === "active" ? 1 : 0;
    this.#kids.columns.isFresh[row] = isFresh ? 1 : 0;
    this.#kids.columns.scheme[row] = credentialSchemes.indexOf(scheme);
    if (sealed !== undefined) this.#sealed.set(sealed, row * this.#sealedBytes);
    this.#nodes.columns[place][owner] = row + 1;
    return row;
  }

  /** The node proved that it has it. An older one that was active is the caller's to remove. */
  activate(row: CredentialRow): void {
    const owner = this.#kids.columns.owner[row]!;
    this.#kids.columns.isActive[row] = 1;
    this.#nodes.columns.active[owner] = row + 1;
    this.#nodes.columns.issued[owner] = 0;
  }

  /** Forgets it, and its secret. */
  remove(row: CredentialRow): void {
    const owner = this.#kids.columns.owner[row]!;
    const { active, issued } = this.#nodes.columns;
    if (active[owner] === row + 1) active[owner] = 0;
    if (issued[owner] === row + 1) issued[owner] = 0;
    this.#sealed.fill(0, row * this.#sealedBytes, (row + 1) * this.#sealedBytes);
    this.#kids.removeRow(row);
    if (active[owner] === 0 && issued[owner] === 0) this.#nodes.removeRow(owner);
  }

  /** The node's credential in that place; -1: none. */
  of(node: string, place: CredentialPlace): CredentialRow {
    const owner = this.#nodes.find(node);
    return owner === -1 ? -1 : this.#nodes.columns[place][owner]! - 1;
  }

  kid(row: CredentialRow): number {
    return this.#kids.keyOf(row);
  }

  node(row: CredentialRow): string {
    return this.#nodes.keyOf(this.#kids.columns.owner[row]!) ?? "";
  }

  scheme(row: CredentialRow): CredentialScheme {
    return credentialSchemes[this.#kids.columns.scheme[row]!]!;
  }

  isActive(row: CredentialRow): boolean {
    return this.#kids.columns.isActive[row] === 1;
  }

  isFresh(row: CredentialRow): boolean {
    return this.#kids.columns.isFresh[row] === 1;
  }

  sealed(row: CredentialRow): Uint8Array {
    return this.#sealed.subarray(row * this.#sealedBytes, (row + 1) * this.#sealedBytes);
  }

  /** Every row, to give each context to the endpoint at the start. */
  *rows(): Generator<CredentialRow> {
    for (let row = this.#kids.nextRow(0); row !== -1; row = this.#kids.nextRow(row + 1)) yield row;
  }

  /** How many are in use. */
  active(): number {
    let count = 0;
    for (const row of this.rows()) if (this.isActive(row)) count++;
    return count;
  }
}
