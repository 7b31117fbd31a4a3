#include "manifest_check.hpp"

#include <cstring>

namespace cx {

namespace {

constexpr size_t digestSize = 32;

bool isSame(const uint8_t* a, const uint8_t* b, size_t size) { return a != nullptr && b != nullptr && std::memcmp(a, b, size) == 0; }

ManifestReason refuse(const PayloadVariant& variant, const ManifestTarget& target, PayloadTools& tools) {
  if (!variant.encryptionInfo.empty() && !tools.canDecrypt(variant.encryptionInfo)) return ManifestReason::noPayloadKey;
  if (variant.kind == PayloadKind::deflate && variant.window > tools.windowMax()) return ManifestReason::unsupportedVariant;
  if (variant.kind == PayloadKind::delta) {
    if (!tools.takesDelta(variant.format, variant.memory)) return ManifestReason::unsupportedVariant;
    if (!isSame(variant.base, target.runningDigest, digestSize)) return ManifestReason::wrongBase;
  }
  return variant.size > target.byteBudget ? ManifestReason::overBudget : ManifestReason::none;
}

ManifestReason checkPlace(const UpdateManifest& manifest, const ManifestTarget& target) {
  if (!isSame(manifest.vendorId, target.vendorId, uuidSize)) return ManifestReason::wrongVendor;
  if (!isSame(manifest.classId, target.classId, uuidSize)) return ManifestReason::wrongClass;
  if (manifest.deviceId != nullptr && !isSame(manifest.deviceId, target.deviceId, uuidSize)) return ManifestReason::wrongDevice;
  const uint32_t counter = manifest.kind == ManifestKind::anchors ? target.anchorsSequence : target.imageSequence;
  if (manifest.sequence < counter) return ManifestReason::sequenceTooLow;
  const bool isRunning = manifest.kind == ManifestKind::install && isSame(manifest.digest, target.runningDigest, digestSize);
  return manifest.sequence == counter && !isRunning ? ManifestReason::sequenceReused : ManifestReason::none;
}

}  // namespace

ManifestVerdict checkManifest(const UpdateManifest& manifest, const ManifestTarget& target, PayloadTools& tools) {
  ManifestVerdict verdict;
  verdict.reason = checkPlace(manifest, target);
  if (verdict.reason != ManifestReason::none) return verdict;
  if (manifest.kind != ManifestKind::anchors && manifest.size > target.slotSize) {
    verdict.reason = ManifestReason::imageTooLarge;
  } else if (target.askedDigest != nullptr && (!isSame(manifest.digest, target.askedDigest, digestSize) || manifest.size != target.askedSize)) {
    verdict.reason = ManifestReason::manifestMismatch;
  } else if (manifest.kind == ManifestKind::bootPrevious) {
    const bool isThere = isSame(manifest.digest, target.previousDigest, digestSize) && manifest.size == target.previousSize;
    if (!isThere) verdict.reason = ManifestReason::noPreviousImage;
  }
  if (verdict.reason != ManifestReason::none || manifest.kind != ManifestKind::install) return verdict;
  // The smallest that can be applied, wherever it stands; of two alike the first.
  verdict.reason = ManifestReason::unsupportedVariant;
  for (uint32_t i = 0; i < manifest.variantCount; ++i) {
    const PayloadVariant variant = variantOf(manifest, i);
    const ManifestReason against = refuse(variant, target, tools);
    const bool isBetter = against == ManifestReason::none && (!verdict.hasVariant || variant.size < verdict.variant.size);
    if (isBetter) {
      verdict.hasVariant = true;
      verdict.variant = variant;
      verdict.reason = ManifestReason::none;
    }
    if (!verdict.hasVariant) verdict.reason = against;
  }
  return verdict;
}

}  // namespace cx
