import { defineFaults } from "../../../kernel/fault.ts";

export const artifactFaults = defineFaults({
  "artifacts.empty": { fault: "caller", message: "The upload has no bytes; an artifact has at least one." },
  "artifacts.too-large": {
    fault: "caller",
    message: "The upload has more than {limit} bytes, which is the limit of an artifact. Nothing was kept.",
  },
  "artifacts.size-mismatch": {
    fault: "caller",
    message:
      "The upload has {received} bytes instead of the {expected} it was said to have. Nothing was kept; upload it again.",
  },
  "artifacts.digest-mismatch": {
    fault: "caller",
    message: "The upload has the digest {received} instead of {expected}. Nothing was kept; upload it again.",
  },
  "artifacts.aborted": {
    fault: "caller",
    message: "The upload was broken off after {received} bytes. Nothing was kept.",
  },
  "artifacts.disk-full": {
    fault: "environment",
    message:
      "The disk that holds {folder} is full. Nothing of the upload was kept; free some space and upload it again.",
  },
  "artifacts.io": {
    fault: "environment",
    message: "Reading or writing {file} failed ({reason}). Check the disk.",
  },
  "artifacts.cannot-open": {
    fault: "environment",
    message: "The artifact folder {folder} can't be used ({reason}). Check that it may be read and written.",
  },
  "artifacts.damaged": {
    fault: "environment",
    message: "The artifact {file} has {found} bytes instead of {expected}. It isn't served; upload it again.",
  },
});
