// The public keys by which update manifests are trusted, and the key sets (COSE_KeySet, RFC 9052 section 7) they come in.
#pragma once

#include <cstdint>

#include "manifest_reason.hpp"
#include "span.hpp"

namespace cx {

constexpr uint32_t trustAnchorsMax = 4;
constexpr uint32_t keyIdSize = 8;
constexpr size_t keySetMax = 384;  // bytes of one, all keys there
constexpr size_t vendorMax = 63;   // a domain

struct TrustAnchor {
  uint8_t keyId[keyIdSize] = {};  // the first bytes of its COSE thumbprint (RFC 9679)
  uint8_t key[64] = {};           // x and y
};

struct TrustAnchors {
  TrustAnchor anchor[trustAnchorsMax];
  uint32_t count = 0;

  // Null: none has this id.
  const TrustAnchor* find(ByteSpan keyId) const;
};

// 1 to 4 different keys, each a point of P-256 with the id that its coordinates give.
ManifestReason readKeySet(ByteSpan bytes, TrustAnchors& out);

}  // namespace cx
