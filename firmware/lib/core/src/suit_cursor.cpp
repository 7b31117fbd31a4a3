#include "suit_cursor.hpp"

#include "text.hpp"

namespace cx {

namespace {

constexpr uint8_t majorNegative = 1, majorBytes = 2, majorText = 3, majorArray = 4, majorMap = 5, majorTag = 6, majorSimple = 7;
constexpr uint8_t simpleFalse = 0xF4, simpleNull = 0xF6;
constexpr uint64_t numberMax = (uint64_t{1} << 53U) - 1U;  // beyond it, a reader in JavaScript would see another number
constexpr int32_t shaAlgorithm = -16;

struct Head {
  uint8_t major = 0;
  uint64_t value = 0;
  size_t end = 0;  // where what follows the head begins
};

ManifestReason readHead(ByteSpan item, size_t at, Head& out) {
  const uint8_t info = item[at] & 0x1FU;
  out.major = static_cast<uint8_t>(item[at] >> 5U);
  out.value = info;
  out.end = at + 1;
  if (info < 24) return ManifestReason::none;
  if (info > 27) return ManifestReason::manifestMalformed;  // reserved, or an indefinite length
  const size_t size = size_t{1} << (info - 24U);
  if (item.size() - out.end < size) return ManifestReason::manifestTruncated;
  out.value = 0;
  for (size_t i = 0; i < size; ++i) out.value = out.value << 8U | item[out.end + i];
  out.end += size;
  const uint64_t least = size == 1 ? 24 : uint64_t{1} << (size * 4U);
  if (out.value < least) return ManifestReason::manifestMalformed;
  return out.value > numberMax ? ManifestReason::manifestUnsupported : ManifestReason::none;
}

// Bytewise, a prefix before its longer self.
bool isAscending(ByteSpan before, ByteSpan after) {
  const size_t shorter = before.size() < after.size() ? before.size() : after.size();
  const int order = std::memcmp(before.data(), after.data(), shorter);
  return order != 0 ? order < 0 : before.size() < after.size();
}

// An array, map or tag whose items aren't all there yet.
struct Level {
  uint64_t left = 0;  // items; a map counts keys and values
  bool isMap = false;
  size_t begin = 0;   // of the item that is being read
  ByteSpan key;       // the last one
};

ManifestReason look(ByteSpan item) {
  Level levels[suitDepthMax];
  uint32_t depth = 0;
  size_t at = 0;
  do {
    if (at >= item.size()) return ManifestReason::manifestTruncated;
    if (depth > 0) levels[depth - 1].begin = at;
    if (item[at] >> 5U == majorSimple) {
      // false, true and null; no manifest has reals or other simple values.
      if (item[at] < simpleFalse || item[at] > simpleNull) return ManifestReason::manifestMalformed;
      ++at;
    } else {
      Head head;
      const ManifestReason reason = readHead(item, at, head);
      if (reason != ManifestReason::none) return reason;
      at = head.end;
      if (head.major == majorBytes || head.major == majorText) {
        if (head.value > item.size() - at) return ManifestReason::manifestTruncated;
        const ByteSpan content = item.slice(at, static_cast<size_t>(head.value));
        if (head.major == majorText && !isUtf8(content)) return ManifestReason::manifestMalformed;
        at += content.size();
      } else if (head.major >= majorArray) {
        if (depth == suitDepthMax) return ManifestReason::manifestTooDeep;
        const uint64_t items = head.major == majorTag ? 1 : head.major == majorMap ? head.value * 2 : head.value;
        if (items > 0) {
          levels[depth] = Level();
          levels[depth].left = items;
          levels[depth].isMap = head.major == majorMap;
          ++depth;
          continue;
        }
      }
    }
    // An item has ended here, and perhaps those around it.
    while (depth > 0) {
      Level& level = levels[depth - 1];
      if (level.isMap && level.left % 2 == 0) {
        const ByteSpan key = item.slice(level.begin, at - level.begin);
        if (!level.key.empty() && !isAscending(level.key, key)) return ManifestReason::manifestMalformed;
        level.key = key;
      }
      if (--level.left > 0) break;
      --depth;
    }
  } while (depth > 0);
  return at == item.size() ? ManifestReason::none : ManifestReason::manifestMalformed;
}

}  // namespace

SuitCursor::SuitCursor(ByteSpan item, ManifestReason& fault) : item_(item), fault_(fault) {
  if (isGood()) fault_ = look(item);
}

uint64_t SuitCursor::take(uint8_t major) {
  Head head;
  if (!isGood()) return 0;
  if (position_ >= item_.size() || item_[position_] >> 5U != major || readHead(item_, position_, head) != ManifestReason::none) {
    malformed();
    return 0;
  }
  position_ = head.end;
  return head.value;
}

uint32_t SuitCursor::count(uint8_t major) {
  const uint64_t value = take(major);
  return static_cast<uint32_t>(value);  // the item was found whole, so there are at most as many as it has bytes
}

uint32_t SuitCursor::uint(uint32_t maximum) {
  const uint64_t value = take(0);
  if (value <= maximum) return static_cast<uint32_t>(value);
  malformed();
  return 0;
}

int32_t SuitCursor::integer() {
  const bool isNegative = position_ < item_.size() && item_[position_] >> 5U == majorNegative;
  const uint64_t value = take(isNegative ? majorNegative : 0);
  if (value > INT32_MAX) return INT32_MIN;
  return isNegative ? -1 - static_cast<int32_t>(value) : static_cast<int32_t>(value);
}

ByteSpan SuitCursor::bytes() {
  const ByteSpan content = item_.slice(position_, 0);
  const size_t size = static_cast<size_t>(take(majorBytes));
  if (!isGood()) return content.first(0);
  const ByteSpan out = item_.slice(position_, size);
  position_ += size;
  return out;
}

ByteSpan SuitCursor::fixed(size_t size) {
  const ByteSpan out = bytes();
  if (isGood() && out.size() != size) malformed();
  return isGood() ? out : ByteSpan();
}

std::string_view SuitCursor::text() {
  const size_t size = static_cast<size_t>(take(majorText));
  if (!isGood()) return std::string_view();
  const ByteSpan out = item_.slice(position_, size);
  position_ += size;
  return asText(out);
}

void SuitCursor::tag(uint32_t number) {
  const uint64_t found = take(majorTag);
  if (isGood() && found != number) unsupported();
}

void SuitCursor::nil() {
  if (!isGood()) return;
  if (position_ >= item_.size() || item_[position_] != simpleNull) return malformed();
  ++position_;
}

const uint8_t* SuitCursor::digest() {
  if (array() != 2) malformed();
  if (integer() != shaAlgorithm) unsupported();
  const ByteSpan out = fixed(32);
  return isGood() ? out.data() : nullptr;
}

const uint8_t* SuitCursor::wrappedDigest() {
  const ByteSpan content = bytes();
  SuitCursor inside(content, fault_);
  return inside.digest();
}

void SuitCursor::command(int32_t expected) {
  if (integer() != expected) unsupported();
  (void)uint(15);
}

}  // namespace cx
