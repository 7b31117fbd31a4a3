// The signed inside of an update manifest, in the profile of docs/reference/update-manifest.md: what is to be installed,
// for whom, and the variants in which it travels. Check 7; nothing is read here before the signature was found good.
#pragma once

#include <cstdint>

#include "manifest_reason.hpp"
#include "span.hpp"
#include "suit_envelope.hpp"
#include "trust_anchor.hpp"
#include "uuid5.hpp"

namespace cx {

constexpr uint32_t suitVariantsMax = 8;
constexpr size_t encryptionInfoMax = 256;

// A revert manifest is one of kind install.
enum class ManifestKind : uint8_t { install, bootPrevious, anchors };
enum class PayloadKind : uint8_t { full = 0, deflate = 1, delta = 2 };

// One way in which the image can travel. Views into the envelope.
struct PayloadVariant {
  PayloadKind kind = PayloadKind::full;
  const uint8_t* digest = nullptr;  // of the bytes as they travel: names the artifact
  uint32_t size = 0;                // of them
  ByteSpan encryptionInfo;          // empty: not encrypted
  uint32_t window = 0;              // deflate: largest distance, bytes
  const uint8_t* base = nullptr;    // delta: digest of the image it is made against
  uint32_t format = 0;              // delta
  uint32_t memory = 0;              // delta: what the patcher needs, bytes
};

struct UpdateManifest {
  ManifestKind kind = ManifestKind::install;
  uint32_t sequence = 0;
  const uint8_t* vendorId = nullptr;
  const uint8_t* classId = nullptr;
  const uint8_t* deviceId = nullptr;  // null: for every node of the class
  const uint8_t* digest = nullptr;    // of the installed image, or of the key set
  uint32_t size = 0;
  ByteSpan fetch;                     // the variants, in the order in which they are to be tried; each was read once
  uint32_t variantCount = 0;
};

// `anchors` is filled for a manifest of that kind: then its payload came inside of the envelope, and is checked here too.
ManifestReason readManifest(const SuitEnvelope& envelope, UpdateManifest& out, TrustAnchors& anchors);
// index < variantCount, of a manifest that was read.
PayloadVariant variantOf(const UpdateManifest& manifest, uint32_t index);

}  // namespace cx
