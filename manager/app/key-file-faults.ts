import { defineFaults } from "../../kernel/fault.ts";

/** What stops a start whose key file doesn't belong to its database: going on would lock everybody out, one after another. */
export const keyFileFaults = defineFaults({
  "credentials.other-key-file": {
    fault: "caller",
    message:
      "The keys of {whom} in the database were sealed with another key file. Put the key file that belongs to this data folder in its place (setting keyFile), or issue new credentials to all of them after removing the old ones.",
  },
});
