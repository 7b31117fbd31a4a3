// The outside of an update manifest: the SUIT envelope with its authentication wrapper (draft-ietf-suit-manifest), whose
// signatures are COSE_Sign1 (RFC 9052 section 4.2) with ES256 or ESP256. Checks 1 to 6 of docs/reference/update-manifest.md.
#pragma once

#include <cstdint>

#include "hal/signature_check.hpp"
#include "manifest_reason.hpp"
#include "span.hpp"
#include "trust_anchor.hpp"

namespace cx {

constexpr size_t suitEnvelopeMax = 2048;  // as a node is sent it, without text
constexpr uint32_t suitSignaturesMax = 4;

// Views into the envelope.
struct SuitEnvelope {
  ByteSpan manifest;       // content of its byte string
  ByteSpan wholeManifest;  // with the head of the byte string, as the digest covers it
  ByteSpan signedPayload;  // content of the wrapper's first byte string
  const uint8_t* digest = nullptr;
  bool hasAnchors = false;
  ByteSpan anchors;
  bool hasText = false;
  ByteSpan wholeText;      // likewise with its head; what is in it is for people, and not read here
  struct Signature {
    ByteSpan protectedHeader;
    ByteSpan keyId;
    const uint8_t* bytes = nullptr;
  };
  Signature signature[suitSignaturesMax];
  uint32_t signatureCount = 0;
};

// Its shape (checks 1 and 2). Nothing in the manifest, the text and the anchors was looked at.
ManifestReason readEnvelope(ByteSpan bytes, SuitEnvelope& out);
// Checks 3 to 6: judged by the first signature whose key id is known, and by that one alone.
ManifestReason verifyEnvelope(const SuitEnvelope& envelope, const TrustAnchors& anchors, hal::SignatureCheck& check);

}  // namespace cx
