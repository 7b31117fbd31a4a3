// Whether this node may do what a verified manifest says, and by which variant: checks 8 to 12 of
// docs/reference/update-manifest.md, in their order. Pure: what the node is comes in.
#pragma once

#include <cstdint>

#include "manifest_reason.hpp"
#include "payload_tools.hpp"
#include "suit_manifest.hpp"

namespace cx {

struct ManifestTarget {
  const uint8_t* vendorId = nullptr;
  const uint8_t* classId = nullptr;
  const uint8_t* deviceId = nullptr;
  uint32_t imageSequence = 0;    // the counters
  uint32_t anchorsSequence = 0;
  const uint8_t* runningDigest = nullptr;
  uint32_t slotSize = 0;
  // What the action asked for; null: any.
  const uint8_t* askedDigest = nullptr;
  uint32_t askedSize = 0;
  // What the other slot holds; null: nothing that could be started.
  const uint8_t* previousDigest = nullptr;
  uint32_t previousSize = 0;
  uint32_t byteBudget = UINT32_MAX;  // bytes that the attempt may still fetch
};

struct ManifestVerdict {
  ManifestReason reason = ManifestReason::none;
  bool hasVariant = false;  // of kind install
  PayloadVariant variant;
};

ManifestVerdict checkManifest(const UpdateManifest& manifest, const ManifestTarget& target, PayloadTools& tools);

}  // namespace cx
