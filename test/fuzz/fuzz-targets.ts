import type { FuzzTarget } from "./targets/fuzz-target.ts";

/** Every decoder that strangers' bytes reach, loaded when asked for: coverage counts what is loaded after it began. */
export const fuzzTargets: Readonly<Record<string, () => Promise<FuzzTarget>>> = {
  message: async () => (await import("./targets/message-target.ts")).messageTarget,
  "block-option": async () => (await import("./targets/block-target.ts")).blockTarget,
  "missing-blocks": async () => (await import("./targets/block-target.ts")).missingBlocksTarget,
  "q-block-wish": async () => (await import("./targets/block-target.ts")).qBlockWishTarget,
  "link-format": async () => (await import("./targets/text-targets.ts")).linkFormatTarget,
  "oscore-option": async () => (await import("./targets/oscore-targets.ts")).oscoreOptionTarget,
  oscore: async () => (await import("./targets/oscore-targets.ts")).oscoreTarget,
  cbor: async () => (await import("./targets/text-targets.ts")).cborTarget,
  json: async () => (await import("./targets/text-targets.ts")).jsonTarget,
  "certificate-request": async () => (await import("./targets/certificate-targets.ts")).certificateRequestTarget,
  "revoked-serials": async () => (await import("./targets/certificate-targets.ts")).revokedSerialsTarget,
  "update-envelope": async () => (await import("./targets/manifest-targets.ts")).envelopeTarget,
  "update-manifest": async () => (await import("./targets/manifest-targets.ts")).manifestTarget,
  senml: async () => (await import("./targets/text-targets.ts")).senmlTarget,
};
