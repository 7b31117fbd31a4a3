#include "cbor.hpp"
#include "cbor_real.hpp"
#include "text.hpp"

namespace cx {

namespace {

constexpr uint8_t majorUnsigned = 0, majorNegative = 1, majorBytes = 2, majorText = 3, majorArray = 4, majorMap = 5,
                  majorTag = 6, majorSimple = 7;
constexpr uint64_t keyMagnitudeMax = (uint64_t{1} << 53U) - 1U;
constexpr uint64_t canonicalInfinity = 0x7FF0000000000000U;
constexpr uint64_t canonicalNan = 0x7FF8000000000000U;
constexpr uint8_t infoFalse = 20, infoTrue = 21, infoNull = 22, infoUndefined = 23, infoHalf = 25, infoSingle = 26, infoDouble = 27;

// -1 for less, 1 for greater: bytewise, a prefix before its longer self.
int compare(ByteSpan left, ByteSpan right) {
  const size_t shorter = left.size() < right.size() ? left.size() : right.size();
  const int order = shorter == 0 ? 0 : std::memcmp(left.data(), right.data(), shorter);
  if (order != 0) return order;
  return left.size() == right.size() ? 0 : left.size() < right.size() ? -1 : 1;
}

}  // namespace

CborType CborReader::peek() const {
  if (position_ >= input_.size() || (depth_ == 0 && isRootDone_)) return CborType::end;
  const uint8_t info = input_[position_] & 0x1FU;
  switch (input_[position_] >> 5U) {
    case majorUnsigned: return CborType::unsignedInteger;
    case majorNegative: return CborType::negativeInteger;
    case majorBytes: return CborType::bytes;
    case majorText: return CborType::text;
    case majorArray: return CborType::array;
    case majorMap: return CborType::map;
    case majorTag: return CborType::tag;
    default: break;
  }
  if (info == infoFalse || info == infoTrue) return CborType::boolean;
  if (info == infoNull) return CborType::null;
  if (info == infoUndefined) return CborType::undefined;
  return CborType::real;  // or an unassigned simple value, which every read refuses
}

Status CborReader::readHead(Head& head) const {
  const ByteSpan rest = input_.from(position_);
  if (rest.empty()) return Status::malformed;
  head.major = static_cast<uint8_t>(rest[0] >> 5U);
  head.info = rest[0] & 0x1FU;
  head.value = head.info;
  head.length = 1;
  if (head.info < 24) return Status::ok;
  if (head.info > 27) return Status::malformed;  // reserved, or indefinite length
  const size_t more = size_t{1} << (head.info - 24U);
  if (rest.size() - 1 < more) return Status::malformed;
  head.value = 0;
  for (size_t i = 1; i <= more; i++) head.value = head.value << 8U | rest[i];
  head.length = 1 + more;
  if (head.major == majorSimple) return Status::ok;  // the value is bits, not a number
  const uint64_t least = head.info == 24 ? 24 : uint64_t{1} << (more * 4U);
  return head.value < least ? Status::malformed : Status::ok;
}

Status CborReader::begin() {
  if (depth_ == 0 && isRootDone_) return Status::malformed;
  return position_ < input_.size() ? Status::ok : Status::malformed;
}

Status CborReader::expect(uint8_t major, Head& head) {
  CX_TRY(begin());
  if (input_[position_] >> 5U != major) return Status::mismatch;
  CX_TRY(readHead(head));
  // Keys are integers or texts, and integers that every language holds exactly.
  const bool isKey = major == majorText || (major <= majorNegative && head.value <= keyMagnitudeMax - (major == majorNegative ? 1U : 0U));
  return isAtKey() && !isKey ? Status::malformed : Status::ok;
}

Status CborReader::complete(size_t start) {
  isPending_ = false;
  while (true) {
    if (depth_ == 0) {
      isRootDone_ = true;
      return Status::ok;
    }
    Level& level = levels_[depth_ - 1];
    if (level.isMap && level.itemsLeft % 2 == 0 && profile_ == CborProfile::ours) {
      const ByteSpan key = input_.slice(start, position_ - start);
      const ByteSpan last = input_.slice(level.keyStart, level.keyEnd - level.keyStart);
      if (level.hasKey && compare(last, key) >= 0) return Status::malformed;
      level.keyStart = static_cast<uint32_t>(start);
      level.keyEnd = static_cast<uint32_t>(position_);
      level.hasKey = true;
    }
    level.itemsLeft--;
    if (level.itemsLeft > 0) return Status::ok;
    depth_--;  // the container is complete, and thus an item of the one around it
  }
}

Status CborReader::readUint(uint64_t& out) {
  Head head;
  CX_TRY(expect(majorUnsigned, head));
  const size_t start = position_;
  position_ += head.length;
  out = head.value;
  return complete(start);
}

Status CborReader::readUint(uint32_t& out) {
  uint64_t value = 0;
  CX_TRY(readUint(value));
  if (value > UINT32_MAX) return Status::tooLarge;
  out = static_cast<uint32_t>(value);
  return Status::ok;
}

Status CborReader::readInt(int64_t& out) {
  const CborType type = peek();
  const bool isNegative = type == CborType::negativeInteger;
  if (!isNegative && type != CborType::unsignedInteger) return type == CborType::end ? Status::malformed : Status::mismatch;
  Head head;
  CX_TRY(expect(isNegative ? majorNegative : majorUnsigned, head));
  const size_t start = position_;
  position_ += head.length;
  if (head.value > static_cast<uint64_t>(INT64_MAX)) return Status::tooLarge;
  out = isNegative ? -1 - static_cast<int64_t>(head.value) : static_cast<int64_t>(head.value);
  return complete(start);
}

Status CborReader::readInt(int32_t& out) {
  int64_t value = 0;
  CX_TRY(readInt(value));
  if (value < INT32_MIN || value > INT32_MAX) return Status::tooLarge;
  out = static_cast<int32_t>(value);
  return Status::ok;
}

Status CborReader::readBool(bool& out) {
  if (peek() != CborType::boolean) return peek() == CborType::end ? Status::malformed : Status::mismatch;
  Head head;
  CX_TRY(expect(majorSimple, head));
  const size_t start = position_;
  position_ += head.length;
  out = head.info == infoTrue;
  return complete(start);
}

Status CborReader::readNull() {
  if (peek() != CborType::null) return peek() == CborType::end ? Status::malformed : Status::mismatch;
  Head head;
  CX_TRY(expect(majorSimple, head));
  const size_t start = position_;
  position_ += head.length;
  return complete(start);
}

Status CborReader::readString(uint8_t major, size_t maximum, ByteSpan& out) {
  Head head;
  CX_TRY(expect(major, head));
  if (head.value > input_.size() - position_ - head.length) return Status::malformed;
  if (head.value > maximum) return Status::tooLarge;
  const size_t start = position_;
  out = input_.slice(position_ + head.length, static_cast<size_t>(head.value));
  if (major == majorText && !isUtf8(out)) return Status::malformed;
  position_ += head.length + out.size();
  return complete(start);
}

Status CborReader::readText(std::string_view& out, size_t maximum) {
  ByteSpan bytes;
  CX_TRY(readString(majorText, maximum, bytes));
  out = asText(bytes);
  return Status::ok;
}

Status CborReader::readText(std::string_view& out) { return readText(out, SIZE_MAX); }
Status CborReader::readBytes(ByteSpan& out, size_t maximum) { return readString(majorBytes, maximum, out); }
Status CborReader::readBytes(ByteSpan& out) { return readBytes(out, SIZE_MAX); }

Status CborReader::open(uint8_t major, bool isMap, uint32_t& count) {
  Head head;
  CX_TRY(expect(major, head));
  const size_t rest = input_.size() - position_ - head.length;
  // Every item takes a byte at least, so a count beyond the rest is a lie that must not be believed for long.
  if (head.value > (isMap ? rest / 2 : rest)) return Status::malformed;
  if (depth_ == cborDepthMax) return Status::tooLarge;
  const size_t start = position_;
  position_ += head.length;
  count = static_cast<uint32_t>(head.value);
  if (count == 0) return complete(start);
  isPending_ = false;
  Level& level = levels_[depth_++];
  level = Level{};
  level.isMap = isMap;
  level.itemsLeft = isMap ? count * 2 : count;
  return Status::ok;
}

Status CborReader::readArray(uint32_t& count) { return open(majorArray, false, count); }
Status CborReader::readMap(uint32_t& count) { return open(majorMap, true, count); }

Status CborReader::readTag(uint64_t& tag) {
  if (isPending_) return Status::tooLarge;  // a tag of a tag: none of our formats has one
  Head head;
  CX_TRY(expect(majorTag, head));
  position_ += head.length;
  tag = head.value;
  isPending_ = true;
  return Status::ok;
}

Status CborReader::readRealBits(uint64_t& bits) {
  CX_TRY(begin());
  if (peek() != CborType::real) return Status::mismatch;
  Head head;
  CX_TRY(expect(majorSimple, head));
  if (head.info < infoHalf) return Status::malformed;  // unassigned simple values
  bool isWide = false;
  if (head.info == infoHalf) {
    bits = widenReal(head.value, halfFormat);
  } else if (head.info == infoSingle) {
    bits = widenReal(head.value, singleFormat);
    isWide = narrowReal(bits, halfFormat).isExact;
  } else {
    bits = head.value;
    isWide = narrowReal(bits, singleFormat).isExact;
  }
  const bool isNan = (bits << 1U) > canonicalInfinity << 1U;
  if (profile_ == CborProfile::ours && (isWide || (isNan && bits != canonicalNan))) return Status::malformed;
  const size_t start = position_;
  position_ += head.length;
  return complete(start);
}

Status CborReader::readDecimal(Decimal& out, uint8_t places) {
  if (peek() != CborType::real) {
    int64_t value = 0;
    CX_TRY(readInt(value));
    out = Decimal::integer(value);
    return Status::ok;
  }
  uint64_t bits = 0;
  CX_TRY(readRealBits(bits));
  const Expected<Decimal> value = fromBinary64(bits, places);
  if (!value) return value.status();
  out = *value;
  return Status::ok;
}

Status CborReader::skip() {
  const uint32_t base = depth_;
  do {
    uint64_t number = 0;
    uint32_t count = 0;
    bool flag = false;
    ByteSpan bytes;
    std::string_view text;
    switch (peek()) {
      case CborType::unsignedInteger: CX_TRY(readUint(number)); break;
      case CborType::negativeInteger: {
        // Any 64-bit argument is well-formed here, although readInt() can't give it.
        Head head;
        CX_TRY(expect(majorNegative, head));
        const size_t start = position_;
        position_ += head.length;
        CX_TRY(complete(start));
        break;
      }
      case CborType::bytes: CX_TRY(readBytes(bytes)); break;
      case CborType::text: CX_TRY(readText(text)); break;
      case CborType::array: CX_TRY(readArray(count)); break;
      case CborType::map: CX_TRY(readMap(count)); break;
      case CborType::tag: return Status::unsupported;
      case CborType::boolean: CX_TRY(readBool(flag)); break;
      case CborType::null: CX_TRY(readNull()); break;
      case CborType::real: CX_TRY(readRealBits(number)); break;
      case CborType::undefined:
      case CborType::end: return Status::malformed;
    }
  } while (depth_ > base);
  return Status::ok;
}

Status CborReader::finish() const {
  return isRootDone_ && depth_ == 0 && !isPending_ && position_ == input_.size() ? Status::ok : Status::malformed;
}

}  // namespace cx
