/** Limits of the profile; `envelopeMax` is for envelopes with their text, `nodeEnvelopeMax` for those that nodes are sent. */
export const suitLimits = {
  envelopeMax: 16384,
  nodeEnvelopeMax: 2048,
  textMax: 8192,
  textItemMax: 1024,
  languagesMax: 8,
  depthMax: 6,
  signaturesMax: 4,
  variantsMax: 8,
  anchorsMax: 4,
  encryptionInfoMax: 256,
} as const;
