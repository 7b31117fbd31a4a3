import { defineFaults } from "../../../kernel/fault.ts";

/** Faults of the key file and of what is sealed with it. Codes are API. */
export const secretFaults = defineFaults({
  "secret.unreadable": {
    fault: "environment",
    message: "The secret of {about} can't be decrypted ({reason}): it is damaged, or the key file is another one.",
  },
  "secret.key-file": {
    fault: "environment",
    message: "The key file {file} can't be used ({reason}). It decrypts the keys of nodes in the database.",
  },
  "secret.key-file-missing": {
    fault: "environment",
    message:
      "The key file {file} isn't there, and what this data folder holds was sealed with it. Put it back from where it is kept, or name its place with --key-file.",
  },
  "secret.admin-token": {
    fault: "environment",
    message: "The admin's token can't be read or written at {file} ({reason}).",
  },
  "secret.key-file-open": {
    fault: "caller",
    message: "The key file {file} may be read by others (mode {mode}). Check who did, then close it: chmod 600 {file}",
  },
});
