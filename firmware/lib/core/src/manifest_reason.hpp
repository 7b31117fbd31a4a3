// Why an update manifest, or what it leads to, is refused: the codes of docs/reference/update-manifest.md.
#pragma once

#include <cstdint>

namespace cx {

enum class [[nodiscard]] ManifestReason : uint8_t {
  none,  // nothing is wrong so far
  manifestTooLarge,
  manifestTruncated,
  manifestTooDeep,
  manifestMalformed,
  manifestUnsupported,
  manifestUnsigned,
  manifestDigest,
  unknownSigner,
  badSignature,
  foreignUri,
  wrongVendor,
  wrongClass,
  wrongDevice,
  sequenceTooLow,
  sequenceReused,
  imageTooLarge,
  manifestMismatch,
  noPayloadKey,
  unsupportedVariant,
  wrongBase,
  overBudget,
  noPreviousImage,
  digestMismatch,
  artifactChanged,
  payloadSize,
  payloadMalformed,
  payloadOverflow,
};

// "manifest-too-large", ...; "" for none.
const char* manifestReasonWord(ManifestReason reason);

}  // namespace cx
