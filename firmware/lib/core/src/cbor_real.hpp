// IEEE 754 formats into each other as bits, by integer arithmetic: CBOR's "shortest float that keeps the value".
#pragma once

#include <cstdint>

namespace cx {

struct RealFormat {
  unsigned exponentBits;
  unsigned mantissaBits;
  int bias;
};
constexpr RealFormat halfFormat{5, 10, 15};
constexpr RealFormat singleFormat{8, 23, 127};

struct NarrowReal {
  bool isExact;
  uint64_t bits;
};

// binary64 to `format`; isExact false when the value (a NaN's payload too) doesn't survive.
NarrowReal narrowReal(uint64_t binary64, RealFormat format);
// `format` to binary64; always exact.
uint64_t widenReal(uint64_t bits, RealFormat format);

}  // namespace cx
