import { defineFaults } from "../../../kernel/fault.ts";

/** Faults of the storage adapters. Codes are API. */
export const storageFaults = defineFaults({
  "storage.stale-epoch": {
    fault: "us",
    message:
      "A write for partition {partition} carried epoch {epoch}, but epoch {newest} owns it now. Another manager took over; this one must stop writing and restart.",
  },
  "storage.bad-change": {
    fault: "us",
    message: "Change {index} of a commit is not acceptable: {rule}. Nothing of the commit was written.",
  },
  "storage.closed": { fault: "us", message: "The storage was closed; nothing was written." },
  "storage.disk-full": {
    fault: "environment",
    message:
      "The disk that holds {file} is full; nothing of this commit was written. Free some space: the manager goes on by itself.",
  },
  "storage.io": {
    fault: "environment",
    message: "Reading or writing {file} failed ({reason}); nothing of this commit was written. Check the disk.",
  },
  "storage.corrupt": {
    fault: "environment",
    message:
      "The database {file} is damaged ({reason}). It was left as it is. Restore a backup in its place, or move it (with its -wal file) away to start empty; nodes then register again.",
  },
  "storage.foreign-file": {
    fault: "caller",
    message: "{file} is a database of another program. Choose another data folder.",
  },
  "storage.newer-version": {
    fault: "caller",
    message:
      "{file} was written by a newer version (schema {version}, this program knows {known}). Start the newer version, or restore the backup made before the upgrade.",
  },
  "storage.in-use": {
    fault: "environment",
    message:
      "{file} is in use by another process, probably a second manager on the same data folder. Stop one of them.",
  },
  "storage.cannot-open": {
    fault: "environment",
    message: "{file} can't be opened ({reason}). Check that the folder exists and may be written.",
  },
  "storage.lost-database": {
    fault: "environment",
    message:
      "{file} is missing, but its journal {journal} is there. Put the database back from where it went, or move the journal away to start empty.",
  },
});
