#include "suit_manifest.hpp"

#include "sha256.hpp"
#include "suit_cursor.hpp"
#include "suit_variants.hpp"

namespace cx {

namespace {

constexpr int32_t keyVersion = 1, keySequence = 2, keyCommon = 3, keyValidate = 7, keyInvoke = 9, keyFetch = 16, keyInstall = 20, keyText = 23;
constexpr int32_t keyComponents = 2, keyShared = 4;
constexpr int32_t parameterVendor = 1, parameterClass = 2, parameterDigest = 3, parameterSize = 14, parameterUri = 21, parameterDevice = 24;
constexpr int32_t commandVendor = 1, commandClass = 2, commandImageMatch = 3, commandSet = 20, commandFetch = 21, commandInvoke = 23,
                  commandDevice = 24;
constexpr std::string_view componentImage = "image", componentAnchors = "trust-anchors", uriAnchors = "#anchors";

enum class Install : uint8_t { none, match, fetch };

struct Found {
  bool isAnchors = false;
  bool hasVersion = false, hasCommon = false, hasValidate = false, hasInvoke = false, hasFetch = false;
  Install install = Install::none;
  const uint8_t* textDigest = nullptr;
};

// A member of a map that has integers alone as keys.
int32_t keyOf(SuitCursor& cursor) { return cursor.isText() ? INT32_MIN : cursor.integer(); }

void readShared(ByteSpan bytes, UpdateManifest& out, ManifestReason& fault) {
  SuitCursor cursor(bytes, fault);
  const uint32_t items = cursor.array();
  if (cursor.integer() != commandSet) cursor.unsupported();
  bool hasSize = false;
  const uint32_t count = cursor.map();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    switch (keyOf(cursor)) {
      case parameterVendor: out.vendorId = cursor.fixed(uuidSize).data(); break;
      case parameterClass: out.classId = cursor.fixed(uuidSize).data(); break;
      case parameterDigest: out.digest = cursor.wrappedDigest(); break;
      case parameterSize: out.size = cursor.uint(); hasSize = true; break;
      case parameterDevice: out.deviceId = cursor.fixed(uuidSize).data(); break;
      default: cursor.unsupported(); break;
    }
  }
  if (out.vendorId == nullptr || out.classId == nullptr || out.digest == nullptr || !hasSize) cursor.malformed();
  if (items != (out.deviceId != nullptr ? 8U : 6U)) cursor.unsupported();
  cursor.command(commandVendor);
  cursor.command(commandClass);
  if (out.deviceId != nullptr) cursor.command(commandDevice);
}

void readCommon(ByteSpan bytes, Found& found, UpdateManifest& out, ManifestReason& fault) {
  SuitCursor cursor(bytes, fault);
  bool hasComponents = false, hasShared = false;
  const uint32_t count = cursor.map();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    switch (keyOf(cursor)) {
      case keyComponents: {
        hasComponents = true;
        if (cursor.array() != 1 || cursor.array() != 1) cursor.unsupported();
        const std::string_view name = asText(cursor.bytes());
        found.isAnchors = name == componentAnchors;
        if (!found.isAnchors && name != componentImage) cursor.unsupported();
        break;
      }
      case keyShared: hasShared = true; readShared(cursor.bytes(), out, fault); break;
      default: cursor.unsupported(); break;
    }
  }
  if (!hasComponents || !hasShared) cursor.malformed();
}

// A sequence of one command.
void readOne(ByteSpan bytes, int32_t command, ManifestReason& fault) {
  SuitCursor cursor(bytes, fault);
  if (cursor.array() != 2) cursor.unsupported();
  cursor.command(command);
}

Install readInstall(ByteSpan bytes, ManifestReason& fault) {
  SuitCursor cursor(bytes, fault);
  const uint32_t items = cursor.array();
  if (items == 2) {
    cursor.command(commandImageMatch);
    return Install::match;
  }
  if (items != 6 || cursor.integer() != commandSet) cursor.unsupported();
  if (cursor.map() != 1 || keyOf(cursor) != parameterUri) cursor.unsupported();
  if (cursor.text() != uriAnchors) cursor.fail(ManifestReason::foreignUri);
  cursor.command(commandFetch);
  cursor.command(commandImageMatch);
  return Install::fetch;
}

bool findKind(const Found& found, UpdateManifest& out) {
  if (found.isAnchors) {
    out.kind = ManifestKind::anchors;
    return !found.hasValidate && !found.hasInvoke && !found.hasFetch && found.install == Install::fetch;
  }
  if (!found.hasValidate || !found.hasInvoke) return false;
  out.kind = found.hasFetch ? ManifestKind::install : ManifestKind::bootPrevious;
  if (found.hasFetch) return found.install == Install::match;
  return found.install == Install::none && out.deviceId != nullptr;
}

bool hasDigest(ByteSpan bytes, const uint8_t* digest) {
  uint8_t found[Sha256::digestSize];
  Sha256 hash;
  hash.update(bytes);
  hash.finish(found);
  return std::memcmp(found, digest, sizeof found) == 0;
}

}  // namespace

ManifestReason readManifest(const SuitEnvelope& envelope, UpdateManifest& out, TrustAnchors& anchors) {
  out = UpdateManifest();
  Found found;
  ManifestReason fault = ManifestReason::none;
  SuitCursor cursor(envelope.manifest, fault);
  const uint32_t count = cursor.map();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    switch (keyOf(cursor)) {
      case keyVersion:
        found.hasVersion = true;
        if (cursor.uint() != 1) cursor.unsupported();
        break;
      case keySequence: out.sequence = cursor.uint(); break;
      case keyCommon: found.hasCommon = true; readCommon(cursor.bytes(), found, out, fault); break;
      case keyValidate: found.hasValidate = true; readOne(cursor.bytes(), commandImageMatch, fault); break;
      case keyInvoke: found.hasInvoke = true; readOne(cursor.bytes(), commandInvoke, fault); break;
      case keyFetch:
        found.hasFetch = true;
        out.fetch = cursor.bytes();
        if (cursor.isGood()) (void)readFetch(out.fetch, SIZE_MAX, out.variantCount, fault);
        break;
      case keyInstall: found.install = readInstall(cursor.bytes(), fault); break;
      case keyText: found.textDigest = cursor.digest(); break;
      default: cursor.unsupported(); break;
    }
  }
  if (!found.hasVersion || out.sequence == 0 || !found.hasCommon) cursor.malformed();
  if (cursor.isGood() && !findKind(found, out)) cursor.unsupported();
  if (cursor.isGood() && envelope.hasText) {
    if (found.textDigest == nullptr) return ManifestReason::manifestMalformed;
    if (!hasDigest(envelope.wholeText, found.textDigest)) return ManifestReason::manifestDigest;
  }
  if (fault != ManifestReason::none) return fault;
  if (out.kind != ManifestKind::anchors) return envelope.hasAnchors ? ManifestReason::manifestUnsupported : ManifestReason::none;
  if (!envelope.hasAnchors) return ManifestReason::manifestMalformed;
  if (envelope.anchors.size() != out.size || !hasDigest(envelope.anchors, out.digest)) return ManifestReason::digestMismatch;
  return readKeySet(envelope.anchors, anchors);
}

PayloadVariant variantOf(const UpdateManifest& manifest, uint32_t index) {
  ManifestReason fault = ManifestReason::none;
  uint32_t count = 0;
  return readFetch(manifest.fetch, index, count, fault);
}

}  // namespace cx
