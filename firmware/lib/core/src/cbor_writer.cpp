#include "cbor.hpp"
#include "cbor_real.hpp"
#include "text.hpp"

namespace cx {

void CborWriter::putRaw(const uint8_t* bytes, size_t size) {
  if (!isOk(status_)) return;
  if (size > output_.size() - position_) {
    status_ = Status::full;
    return;
  }
  if (size > 0) std::memcpy(output_.data() + position_, bytes, size);
  position_ += size;
}

void CborWriter::putHead(uint8_t major, uint64_t value) {
  uint8_t head[9];
  size_t more = 0;
  uint8_t info = static_cast<uint8_t>(value);
  if (value > UINT32_MAX) {
    more = 8, info = 27;
  } else if (value > UINT16_MAX) {
    more = 4, info = 26;
  } else if (value > UINT8_MAX) {
    more = 2, info = 25;
  } else if (value >= 24) {
    more = 1, info = 24;
  }
  head[0] = static_cast<uint8_t>(major << 5U | info);
  for (size_t i = 0; i < more; i++) head[1 + i] = static_cast<uint8_t>(value >> (8U * (more - 1 - i)));
  putRaw(head, 1 + more);
}

void CborWriter::begin() {
  if (isOk(status_) && isRootDone_) status_ = Status::invalid;
}

void CborWriter::complete() {
  isTagOpen_ = false;
  while (depth_ > 0) {
    itemsLeft_[depth_ - 1]--;
    if (itemsLeft_[depth_ - 1] > 0) return;
    depth_--;
  }
  isRootDone_ = true;
}

void CborWriter::open(uint64_t items) {
  if (items == 0) {
    complete();
    return;
  }
  if (depth_ == cborDepthMax) {
    if (isOk(status_)) status_ = Status::tooLarge;
    return;
  }
  isTagOpen_ = false;
  itemsLeft_[depth_++] = items;
}

void CborWriter::putUint(uint64_t value) {
  begin();
  putHead(0, value);
  complete();
}

void CborWriter::putInt(int64_t value) {
  begin();
  if (value < 0) {
    putHead(1, static_cast<uint64_t>(-1 - value));
  } else {
    putHead(0, static_cast<uint64_t>(value));
  }
  complete();
}

void CborWriter::putBool(bool value) {
  begin();
  const uint8_t byte = value ? 0xF5 : 0xF4;
  putRaw(&byte, 1);
  complete();
}

void CborWriter::putNull() {
  begin();
  const uint8_t byte = 0xF6;
  putRaw(&byte, 1);
  complete();
}

void CborWriter::putText(std::string_view text) {
  begin();
  if (isOk(status_) && !isUtf8(asBytes(text))) status_ = Status::invalid;
  putHead(3, text.size());
  putRaw(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  complete();
}

void CborWriter::putBytes(ByteSpan bytes) {
  begin();
  putHead(2, bytes.size());
  putRaw(bytes.data(), bytes.size());
  complete();
}

void CborWriter::putArray(uint32_t count) {
  begin();
  putHead(4, count);
  open(count);
}

void CborWriter::putMap(uint32_t pairs) {
  begin();
  putHead(5, pairs);
  open(uint64_t{pairs} * 2);
}

void CborWriter::putTag(uint64_t tag) {
  begin();
  if (isOk(status_) && isTagOpen_) status_ = Status::invalid;
  putHead(6, tag);
  isTagOpen_ = true;
}

void CborWriter::putRealBits(uint64_t binary64) {
  begin();
  uint8_t bytes[9];
  if ((binary64 << 1U) > uint64_t{0xFFE} << 52U) binary64 = 0x7FF8000000000000U;  // one NaN only
  uint64_t bits = binary64;
  size_t size = 8;
  bytes[0] = 0xFB;
  const NarrowReal half = narrowReal(binary64, halfFormat);
  const NarrowReal single = narrowReal(binary64, singleFormat);
  if (half.isExact) {
    bits = half.bits, size = 2, bytes[0] = 0xF9;
  } else if (single.isExact) {
    bits = single.bits, size = 4, bytes[0] = 0xFA;
  }
  for (size_t i = 0; i < size; i++) bytes[1 + i] = static_cast<uint8_t>(bits >> (8U * (size - 1 - i)));
  putRaw(bytes, 1 + size);
  complete();
}

void CborWriter::putDecimal(Decimal value) {
  const Decimal plain = normalized(value);
  if (plain.places == 0) {
    putInt(plain.mantissa);
  } else {
    putRealBits(toBinary64(plain));
  }
}

void CborWriter::putEncoded(ByteSpan item) {
  begin();
  if (isOk(status_) && item.empty()) status_ = Status::invalid;
  putRaw(item.data(), item.size());
  complete();
}

Expected<ByteSpan> CborWriter::finish() const {
  if (!isOk(status_)) return status_;
  if (!isRootDone_ || isTagOpen_ || depth_ > 0) return Status::invalid;
  return ByteSpan(output_.data(), position_);
}

}  // namespace cx
