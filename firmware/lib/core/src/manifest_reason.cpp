#include "manifest_reason.hpp"

namespace cx {

const char* manifestReasonWord(ManifestReason reason) {
  switch (reason) {
    case ManifestReason::none: return "";
    case ManifestReason::manifestTooLarge: return "manifest-too-large";
    case ManifestReason::manifestTruncated: return "manifest-truncated";
    case ManifestReason::manifestTooDeep: return "manifest-too-deep";
    case ManifestReason::manifestMalformed: return "manifest-malformed";
    case ManifestReason::manifestUnsupported: return "manifest-unsupported";
    case ManifestReason::manifestUnsigned: return "manifest-unsigned";
    case ManifestReason::manifestDigest: return "manifest-digest";
    case ManifestReason::unknownSigner: return "unknown-signer";
    case ManifestReason::badSignature: return "bad-signature";
    case ManifestReason::foreignUri: return "foreign-uri";
    case ManifestReason::wrongVendor: return "wrong-vendor";
    case ManifestReason::wrongClass: return "wrong-class";
    case ManifestReason::wrongDevice: return "wrong-device";
    case ManifestReason::sequenceTooLow: return "sequence-too-low";
    case ManifestReason::sequenceReused: return "sequence-reused";
    case ManifestReason::imageTooLarge: return "image-too-large";
    case ManifestReason::manifestMismatch: return "manifest-mismatch";
    case ManifestReason::noPayloadKey: return "no-payload-key";
    case ManifestReason::unsupportedVariant: return "unsupported-variant";
    case ManifestReason::wrongBase: return "wrong-base";
    case ManifestReason::overBudget: return "over-budget";
    case ManifestReason::noPreviousImage: return "no-previous-image";
    case ManifestReason::digestMismatch: return "digest-mismatch";
    case ManifestReason::artifactChanged: return "artifact-changed";
    case ManifestReason::payloadSize: return "payload-size";
    case ManifestReason::payloadMalformed: return "payload-malformed";
    case ManifestReason::payloadOverflow: return "payload-overflow";
  }
  return "";
}

}  // namespace cx
