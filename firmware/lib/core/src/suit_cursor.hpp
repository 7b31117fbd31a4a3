// Reads one CBOR item of an update manifest, token after token, where the shape is known in advance. The whole item is
// looked over first: well-formed, deterministic (RFC 8949 section 4.2.1), not too deep, nothing behind it. So what is left
// to go wrong is its shape. CborReader knows no tags inside of messages and no arrays as keys, both of which SUIT needs.
//
// The first fault sticks, in the caller's `fault`: after it every read gives zero or nothing, every loop over a count that
// was read ends at once, and the caller looks once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "manifest_reason.hpp"
#include "span.hpp"

namespace cx {

constexpr uint32_t suitDepthMax = 6;  // arrays, maps and tags open at once in one byte string

class SuitCursor {
 public:
  SuitCursor(ByteSpan item, ManifestReason& fault);

  bool isGood() const { return fault_ == ManifestReason::none; }
  void fail(ManifestReason reason) {
    if (isGood()) fault_ = reason;
  }
  void unsupported() { fail(ManifestReason::manifestUnsupported); }
  void malformed() { fail(ManifestReason::manifestMalformed); }

  uint32_t uint(uint32_t maximum = UINT32_MAX);
  // An integer of either sign; one that fits no key or command of ours comes out as INT32_MIN.
  int32_t integer();
  ByteSpan bytes();
  // Exactly `size` bytes, or nothing.
  ByteSpan fixed(size_t size);
  std::string_view text();
  // Items of an array, pairs of a map.
  uint32_t array() { return count(4); }
  uint32_t map() { return count(5); }
  void tag(uint32_t number);
  void nil();
  bool isText() const { return position_ < item_.size() && item_[position_] >> 5U == 3; }

  // SUIT_Digest: SHA-256 and its 32 bytes; `wrapped` in a byte string. Null after a fault.
  const uint8_t* digest();
  const uint8_t* wrappedDigest();
  // A command and its reporting policy.
  void command(int32_t expected);

  size_t position() const { return position_; }
  // The bytes from there to here: an item with its head.
  ByteSpan since(size_t start) const { return item_.slice(start, position_ - start); }

 private:
  uint64_t take(uint8_t major);
  uint32_t count(uint8_t major);

  ByteSpan item_;
  size_t position_ = 0;
  ManifestReason& fault_;
};

}  // namespace cx
