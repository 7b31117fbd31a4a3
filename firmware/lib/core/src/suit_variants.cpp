#include "suit_variants.hpp"

#include "suit_cursor.hpp"

namespace cx {

namespace {

constexpr int32_t commandTryEach = 15, commandSet = 20, commandFetch = 21, commandCanApply = -257;
constexpr int32_t keyEncryption = 19, keyUri = 21, keyKind = -257, keyDigest = -258, keySize = -259, keyWindow = -260, keyBase = -261,
                  keyFormat = -262, keyMemory = -263;
constexpr std::string_view artifactsPath = "/artifacts/";
constexpr uint32_t windowMin = 256, windowMax = 32768;

// A bit each: what was there.
enum Seen : uint32_t { seenUri = 1, seenKind = 2, seenDigest = 4, seenSize = 8, seenWindow = 16, seenBase = 32, seenFormat = 64, seenMemory = 128 };
constexpr uint32_t seenAlways = seenUri | seenKind | seenDigest | seenSize;
constexpr uint32_t seenDelta = seenBase | seenFormat | seenMemory;

bool isUriOf(std::string_view uri, const uint8_t* digest) {
  static constexpr char digits[] = "0123456789abcdef";
  if (uri.size() != artifactsPath.size() + 64 || slice(uri, 0, artifactsPath.size()) != artifactsPath) return false;
  const char* at = uri.data() + artifactsPath.size();
  for (uint32_t i = 0; i < 32; ++i) {
    if (at[2 * i] != digits[digest[i] >> 4U] || at[2 * i + 1] != digits[digest[i] & 0x0FU]) return false;
  }
  return true;
}

void checkKind(SuitCursor& cursor, const PayloadVariant& variant, uint32_t kind, uint32_t seen) {
  const uint32_t own = seen & ~seenAlways;
  switch (kind) {
    case static_cast<uint32_t>(PayloadKind::full):
      if (own != 0) cursor.malformed();
      return;
    case static_cast<uint32_t>(PayloadKind::deflate):
      if (own != seenWindow || variant.window < windowMin || variant.window > windowMax || (variant.window & (variant.window - 1)) != 0) {
        cursor.malformed();
      }
      return;
    case static_cast<uint32_t>(PayloadKind::delta):
      if (own != seenDelta) cursor.malformed();
      return;
    default: cursor.unsupported();
  }
}

PayloadVariant readParameters(SuitCursor& cursor) {
  PayloadVariant out;
  std::string_view uri;
  uint32_t seen = 0, kind = 0;
  bool hasEncryption = false;
  const uint32_t count = cursor.map();
  for (uint32_t i = 0; i < count && cursor.isGood(); ++i) {
    switch (cursor.isText() ? INT32_MIN : cursor.integer()) {
      case keyEncryption: hasEncryption = true; out.encryptionInfo = cursor.bytes(); break;
      case keyUri: seen |= seenUri; uri = cursor.text(); break;
      case keyKind: seen |= seenKind; kind = cursor.uint(); break;
      case keyDigest: seen |= seenDigest; out.digest = cursor.wrappedDigest(); break;
      case keySize: seen |= seenSize; out.size = cursor.uint(); break;
      case keyWindow: seen |= seenWindow; out.window = cursor.uint(); break;
      case keyBase: seen |= seenBase; out.base = cursor.wrappedDigest(); break;
      case keyFormat: seen |= seenFormat; out.format = cursor.uint(255); break;
      case keyMemory: seen |= seenMemory; out.memory = cursor.uint(); break;
      default: cursor.unsupported(); break;
    }
  }
  if ((seen & seenAlways) != seenAlways) cursor.malformed();
  if (cursor.isGood() && !isUriOf(uri, out.digest)) cursor.fail(ManifestReason::foreignUri);
  if (hasEncryption && out.encryptionInfo.empty()) cursor.malformed();
  if (out.encryptionInfo.size() > encryptionInfoMax) cursor.unsupported();
  checkKind(cursor, out, kind, seen);
  out.kind = static_cast<PayloadKind>(kind);
  return out;
}

PayloadVariant readVariant(ByteSpan sequence, ManifestReason& fault) {
  SuitCursor cursor(sequence, fault);
  if (cursor.array() != 6) cursor.unsupported();
  if (cursor.integer() != commandSet) cursor.unsupported();
  const PayloadVariant out = readParameters(cursor);
  cursor.command(commandCanApply);
  cursor.command(commandFetch);
  return out;
}

}  // namespace

PayloadVariant readFetch(ByteSpan sequence, size_t index, uint32_t& count, ManifestReason& fault) {
  SuitCursor cursor(sequence, fault);
  const uint32_t items = cursor.array();
  count = 1;
  if (cursor.integer() != commandTryEach) return readVariant(sequence, fault);
  if (items != 2) cursor.unsupported();
  count = cursor.array();
  if (count < 2) cursor.malformed();
  if (count > suitVariantsMax) cursor.unsupported();
  PayloadVariant out;
  for (uint32_t i = 0; i < count && i <= index && cursor.isGood(); ++i) {
    const ByteSpan each = cursor.bytes();
    out = readVariant(each, fault);
  }
  return out;
}

}  // namespace cx
