import type { Change, EventStream } from "../../ports/storage.ts";
import { storageFaults } from "./storage-faults.ts";

/** Limits of one commit; beyond them it is refused whole with `storage.bad-change`, since only a defect gets there. */
export const commitLimits = {
  changesPerCommit: 1024,
  keyLength: 256,
  valueLength: 1_048_576,
} as const;

/** A change whose value is text already, so that what the caller does to its objects afterwards changes nothing. */
export type PreparedChange =
  | {
      readonly kind: "put";
      readonly table: string;
      readonly key: string;
      readonly expectedRevision: number | "any";
      readonly text: string;
      readonly onlyWith: number | undefined;
    }
  | {
      readonly kind: "delete";
      readonly table: string;
      readonly key: string;
      readonly expectedRevision: number | "any";
      readonly onlyWith: number | undefined;
    }
  | {
      readonly kind: "event";
      readonly stream: EventStream;
      readonly key: string;
      readonly text: string;
      readonly onlyWith: number | undefined;
    };

/** Checks and copies the changes of one commit; throws `storage.bad-change`. */
export function prepareChanges(changes: readonly Change[]): PreparedChange[] {
  if (changes.length === 0) throw refuse(0, "a commit has at least one change");
  if (changes.length > commitLimits.changesPerCommit) {
    throw refuse(commitLimits.changesPerCommit, `a commit has at most ${commitLimits.changesPerCommit} changes`);
  }
  return changes.map(prepareChange);
}

function prepareChange(change: Change, index: number): PreparedChange {
  const { onlyWith } = change;
  if (onlyWith !== undefined && !(Number.isInteger(onlyWith) && onlyWith >= 0 && onlyWith < index)) {
    throw refuse(index, "onlyWith names an earlier change of the same commit");
  }
  if (change.key.length > commitLimits.keyLength) {
    throw refuse(index, `a key has at most ${commitLimits.keyLength} characters`);
  }
  // Within ASCII every database sorts keys alike.
  if (!/^[\x20-\x7e]*$/.test(change.key)) throw refuse(index, "a key is printable ASCII");
  if (change.kind === "event") {
    return { kind: "event", stream: change.stream, key: change.key, text: textOf(change.value, index), onlyWith };
  }
  if (!/^[a-z][a-z-]{0,31}$/.test(change.table)) throw refuse(index, "a table's name is lower-case kebab");
  if (change.key.length === 0) throw refuse(index, "a key is not empty");
  const { expectedRevision } = change;
  if (expectedRevision !== "any" && !(Number.isSafeInteger(expectedRevision) && expectedRevision >= 0)) {
    throw refuse(index, 'an expected revision is a whole number from 0, or "any"');
  }
  const { table, key } = change;
  if (change.kind === "delete") return { kind: "delete", table, key, expectedRevision, onlyWith };
  return { kind: "put", table, key, expectedRevision, text: textOf(change.value, index), onlyWith };
}

function textOf(value: unknown, index: number): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw refuse(index, `its value isn't plain data (${cause instanceof Error ? cause.message : "unknown"})`);
  }
  if (text === undefined) throw refuse(index, "its value isn't plain data");
  if (text.length > commitLimits.valueLength) {
    throw refuse(index, `a value has at most ${commitLimits.valueLength} characters`);
  }
  return text;
}

function refuse(index: number, rule: string): Error {
  return storageFaults("storage.bad-change", { index, rule });
}
