/** Numbers of draft-ietf-suit-manifest-37 that the profile uses; those below -256 are its own. */
export const envelopeKey = { authentication: 2, manifest: 3, text: 23, anchors: "#anchors" } as const;
export const manifestKey = {
  version: 1,
  sequence: 2,
  common: 3,
  validate: 7,
  invoke: 9,
  payloadFetch: 16,
  install: 20,
  text: 23,
} as const;
export const commonKey = { components: 2, sharedSequence: 4 } as const;
export const command = {
  vendorIdentifier: 1,
  classIdentifier: 2,
  imageMatch: 3,
  tryEach: 15,
  overrideParameters: 20,
  fetch: 21,
  invoke: 23,
  deviceIdentifier: 24,
  /** Private: holds where the recipient can apply the variant whose parameters were set. */
  canApply: -257,
} as const;
export const parameter = {
  vendor: 1,
  class: 2,
  imageDigest: 3,
  imageSize: 14,
  encryptionInfo: 19,
  uri: 21,
  device: 24,
  payloadKind: -257,
  payloadDigest: -258,
  payloadSize: -259,
  window: -260,
  base: -261,
  format: -262,
  memory: -263,
} as const;
export const payloadKind = { full: 0, deflate: 1, delta: 2 } as const;
export const tag = { sign1: 18, envelope: 107 } as const;
/** COSE: SHA-256, ES256 and ESP256. */
export const algorithm = { sha256: -16, es256: -7, esp256: -9 } as const;
export const policy = { condition: 15, directive: 2 } as const;
export const componentName = { image: "image", anchors: "trust-anchors" } as const;
